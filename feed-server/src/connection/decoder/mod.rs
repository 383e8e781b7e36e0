//! Decodes what WebSocket clients send (RFC 6455, the server's side), strictly and without I/O. A shard reads into its
//! one scratch buffer and hands the bytes in; messages, control frames or an error come out.
//!
//! A frame that lies whole in the input is unmasked in place and lent from there. Only an unfinished rest is copied and
//! kept: at most [`Decoder::kept_bytes_max`] bytes, grown by what has arrived and never by what a head declares, and
//! given back as soon as nothing is unfinished. It never reads, writes, answers, waits or counts pings: that is the
//! connection's work.
//!
//! ```
//! use feed_server::connection::decoder::{Decoder, Input, Item, MessageLimit};
//!
//! let mut decoder = Decoder::new(MessageLimit::default());
//! // "Hi" masked with the key 1, 2, 3, 4, then the first byte of a ping.
//! let mut scratch = [0x81, 0x82, 1, 2, 3, 4, b'H' ^ 1, b'i' ^ 2, 0x89];
//! let mut input = Input::new(&mut scratch);
//! assert_eq!(decoder.next(&mut input)?, Some(Item::Text("Hi")));
//! assert_eq!(decoder.next(&mut input)?, None); // the rest is kept, the input is used up
//!
//! let mut scratch = [0x80, 1, 2, 3, 4];
//! let mut input = Input::new(&mut scratch);
//! while let Some(item) = decoder.next(&mut input)? {
//!     assert_eq!(item, Item::Ping(b""));
//! }
//! assert_eq!(decoder.kept_bytes(), 0);
//! # Ok::<(), feed_server::connection::decoder::DecodeError>(())
//! ```

use std::ops::Range;

mod error;
mod head;
mod input;
mod item;
mod limit;
mod mask;
#[cfg(any(test, fuzzing))]
pub mod property;
#[cfg(test)]
mod tests;

pub use error::DecodeError;
pub use input::Input;
pub use item::Item;
pub use limit::{FRAGMENTS_MAX, MessageLimit};

use head::{Expect, Head, Opcode, Read};
use item::item;

/// The state of one connection's incoming half: 48 bytes, and no heap while nothing is unfinished.
#[derive(Debug)]
pub struct Decoder {
    /// First `message_len` bytes of the fragmented message so far, unmasked; then an unfinished frame as it came.
    kept: Vec<u8>,
    limit: MessageLimit,
    message_len: u32,
    /// So much of a fragmented text is known to be UTF-8.
    text_checked: u32,
    fragments: u16,
    /// Kind of the fragmented message that is unfinished.
    message: Option<Opcode>,
    state: State,
    /// What stands in `kept` behind `message_len` was lent out by the last call, and can go.
    lent: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    Closed,
    Dead(DecodeError),
}

/// A whole item, found but not yet lent: payload bytes of the input or of what was kept.
struct Found {
    opcode: Opcode,
    place: Place,
    payload: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Input,
    Kept,
}

impl Decoder {
    /// A decoder for a connection that was just upgraded.
    #[must_use]
    pub const fn new(limit: MessageLimit) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            message_len: 0,
            text_checked: 0,
            fragments: 0,
            message: None,
            state: State::Open,
            lent: false,
        }
    }

    /// The most that [`Self::kept_bytes`] can be: a message at its limit and a control frame that came in between.
    #[must_use]
    pub const fn kept_bytes_max(limit: MessageLimit) -> usize {
        limit.kept_bytes_max()
    }

    /// Heap held for what is unfinished.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept.capacity()
    }

    /// The next item. `None`: all of the input is used up and more is needed; call it until then, since only then is
    /// the rest of the input kept. After a Close, input is thrown away and `None` is the only answer.
    ///
    /// # Errors
    /// What the client did wrong. The connection is to be closed: every later call gives the same error.
    pub fn next<'s>(
        &'s mut self,
        input: &'s mut Input<'_>,
    ) -> Result<Option<Item<'s>>, DecodeError> {
        match self.state {
            State::Open => {}
            State::Closed => {
                self.forget();
                input.take(usize::MAX);
                return Ok(None);
            }
            State::Dead(error) => return Err(error),
        }
        if self.lent {
            self.lent = false;
            self.kept.truncate(self.message_len as usize);
            if self.kept.is_empty() {
                self.kept = Vec::new();
            }
        }
        let found = match self.find(input) {
            Ok(Some(found)) => found,
            Ok(None) => {
                if self.kept.is_empty() {
                    self.kept = Vec::new();
                }
                return Ok(None);
            }
            Err(error) => return Err(self.die(error)),
        };
        let item = match found.place {
            Place::Input => match item(found.opcode, &input.bytes[found.payload]) {
                Ok(item) => item,
                Err(error) => return Err(self.die(error)),
            },
            Place::Kept => {
                // Checked before it is lent, because dying gives `kept` back.
                if let Err(error) = item(found.opcode, &self.kept[found.payload.clone()]) {
                    return Err(self.die(error));
                }
                self.lent = true;
                item(found.opcode, &self.kept[found.payload])?
            }
        };
        if found.opcode == Opcode::Close {
            self.state = State::Closed;
        }
        Ok(Some(item))
    }

    /// Goes through frames until an item is whole.
    fn find(&mut self, input: &mut Input<'_>) -> Result<Option<Found>, DecodeError> {
        loop {
            let frame = if self.kept.len() > self.message_len as usize {
                self.frame_in_kept(input)?.map(|frame| (Place::Kept, frame))
            } else {
                self.frame_in_input(input)?.map(|frame| (Place::Input, frame))
            };
            let Some((place, (head, payload))) = frame else { return Ok(None) };
            let bytes = match place {
                Place::Input => &mut input.bytes[payload.clone()],
                Place::Kept => &mut self.kept[payload.clone()],
            };
            mask::unmask(bytes, head.key);
            if head.opcode.is_control() || (head.fin && self.message.is_none()) {
                return Ok(Some(Found { opcode: head.opcode, place, payload }));
            }
            if let Some(found) = self.add_fragment(&head, place, payload, input)? {
                return Ok(Some(found));
            }
        }
    }

    /// A frame that lies whole in the input; or keeps what there is of it.
    fn frame_in_input(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<(Head, Range<usize>)>, DecodeError> {
        if let Read::Whole(head) = head::read(&input.bytes[input.used..], &self.expect())?
            && input.remaining() - head.bytes >= head.payload
        {
            let start = input.used + head.bytes;
            input.used = start + head.payload;
            return Ok(Some((head, start..input.used)));
        }
        self.keep(input.take(usize::MAX));
        Ok(None)
    }

    /// Completes the unfinished frame from the input, taking no byte of the next one.
    fn frame_in_kept(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<(Head, Range<usize>)>, DecodeError> {
        let start = self.message_len as usize;
        loop {
            let missing = match head::read(&self.kept[start..], &self.expect())? {
                Read::Short { missing } => missing,
                Read::Whole(head) => {
                    let end = start + head.bytes + head.payload;
                    if self.kept.len() == end {
                        return Ok(Some((head, start + head.bytes..end)));
                    }
                    end - self.kept.len()
                }
            };
            if input.remaining() == 0 {
                return Ok(None);
            }
            self.keep(input.take(missing));
        }
    }

    /// Puts a fragment behind the message so far, and gives the message if that was its last.
    fn add_fragment(
        &mut self,
        head: &Head,
        place: Place,
        payload: Range<usize>,
        input: &Input<'_>,
    ) -> Result<Option<Found>, DecodeError> {
        let opcode = *self.message.get_or_insert(head.opcode);
        self.fragments += 1;
        let end = self.message_len as usize + payload.len();
        match place {
            Place::Input => self.keep(&input.bytes[payload]),
            Place::Kept => {
                self.kept.copy_within(payload, self.message_len as usize);
                self.kept.truncate(end);
            }
        }
        if head.fin {
            self.message = None;
            self.fragments = 0;
            self.message_len = 0;
            self.text_checked = 0;
            return Ok(Some(Found { opcode, place: Place::Kept, payload: 0..end }));
        }
        // `room` in the head kept the message within its limit, a u32.
        self.message_len = end as u32;
        if opcode == Opcode::Text {
            self.check_text()?;
        }
        Ok(None)
    }

    /// Refuses a text at the fragment that spoils it. It may end inside a code point that the next one completes.
    fn check_text(&mut self) -> Result<(), DecodeError> {
        let unchecked = &self.kept[self.text_checked as usize..];
        let valid = match std::str::from_utf8(unchecked) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(DecodeError::TextNotUtf8),
        };
        self.text_checked += valid as u32;
        Ok(())
    }

    fn expect(&self) -> Expect {
        Expect {
            in_message: self.message.is_some(),
            fragments_full: self.fragments >= FRAGMENTS_MAX,
            room: self.limit.bytes() - self.message_len as usize,
        }
    }

    /// Appends to `kept`, whose memory grows with what is there.
    fn keep(&mut self, bytes: &[u8]) {
        let len = self.kept.len() + bytes.len();
        debug_assert!(len <= self.limit.kept_bytes_max(), "heads bound what is kept");
        if len > self.kept.capacity() {
            let capacity = self.limit.capacity_for(len, self.kept.capacity());
            self.kept.reserve_exact(capacity - self.kept.len());
        }
        self.kept.extend_from_slice(bytes);
    }

    fn die(&mut self, error: DecodeError) -> DecodeError {
        self.state = State::Dead(error);
        self.forget();
        error
    }

    fn forget(&mut self) {
        self.kept = Vec::new();
        self.message_len = 0;
    }
}
