//! Frames: messages joined to one array, as they stand on a wire. Built once, sent to any number of connections.
//! Large WebSocket messages are fragmented (RFC 6455, 5.4), so that control frames can pass between the fragments.

use fastwebsockets::{Frame, OpCode, Payload};
use feed_protocol::{Format, msgpack};

use super::wire::Wire;

/// Payload of a fragment; smaller messages go in one piece.
pub const FRAGMENT_BYTES: usize = 64 * 1024;
/// Messages of increasing offset are cut into frames of about this size.
pub const FRAME_BYTES_TARGET: usize = 32 * 1024;
/// Room for what may stand before the messages: a WebSocket header (at most 10 bytes from a server) and MessagePack's array
/// header (at most 5); or a chunk's length (at most 10), `data: ` and a bracket.
const HEAD_BYTES: usize = 17;
/// What a trade takes as MessagePack, at most, and what it takes as JSON.
const SHORT_BYTES: usize = 64;
const LONG_BYTES: usize = 112;

/// What an event stream (SSE) is told behind a frame; other wires have no place for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// Everything up to this offset has been sent: becomes `id:`.
    pub upto: Option<u64>,
    /// When to come back, ms: becomes `retry:`.
    pub retry_ms: Option<u64>,
}

impl Trailer {
    /// Everything up to `offset` has been sent.
    #[must_use]
    pub fn upto(offset: u64) -> Self {
        Self { upto: Some(offset), retry_ms: None }
    }
}

/// Builds one frame after the other in one reused buffer.
#[derive(Debug)]
pub struct FrameBuilder {
    wire: Wire,
    format: Format,
    epoch: String,
    buffer: Vec<u8>,
    messages: u32,
}

impl FrameBuilder {
    /// An empty frame for `wire`; `epoch` is that of all offsets.
    #[must_use]
    pub fn new(wire: Wire, epoch: &str) -> Self {
        let (format, epoch) = (wire.format(), epoch.to_owned());
        let mut builder = Self { wire, format, epoch, buffer: Vec::new(), messages: 0 };
        builder.clear();
        builder
    }

    /// Starts over.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.resize(HEAD_BYTES, 0);
        self.messages = 0;
    }

    /// Messages in it so far.
    #[must_use]
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Bytes of messages in it so far.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.buffer.len() - HEAD_BYTES
    }

    /// Adds a message that [`separate`] has ended: the first `length` of these bytes. What follows it may be copied along: a
    /// copy of a fixed length takes a few instructions, one of any length a call.
    #[inline]
    pub fn push_separated(&mut self, (bytes, length): (&[u8], usize)) {
        let end = self.buffer.len() + length;
        if let Some(bytes) = bytes.first_chunk::<SHORT_BYTES>().filter(|_| length <= SHORT_BYTES) {
            self.buffer.extend_from_slice(bytes);
        } else if let Some(bytes) =
            bytes.first_chunk::<LONG_BYTES>().filter(|_| length <= LONG_BYTES)
        {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.buffer.extend_from_slice(&bytes[..length]);
        }
        self.buffer.truncate(end);
        self.messages += 1;
    }

    /// Adds a message that `write` appends to the buffer.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.buffer);
        separate(self.format, &mut self.buffer);
        self.messages += 1;
    }

    /// The finished frame: bytes to send as they are. The builder must be cleared afterwards.
    pub fn finish(&mut self) -> &[u8] {
        self.finish_with(Trailer::default())
    }

    /// The same with a trailer, where the wire has one.
    pub fn finish_with(&mut self, trailer: Trailer) -> &[u8] {
        let begin = self.end(trailer);
        &self.buffer[begin..]
    }

    /// Finishes the frame; returns where it begins.
    fn end(&mut self, trailer: Trailer) -> usize {
        let start = self.close_array();
        match self.wire {
            Wire::WebSocket(_) => self.finish_message(start),
            Wire::Sse(_) => {
                let start = self.prepend(start, b"data: ");
                self.buffer.push(b'\n');
                self.push_trailer(trailer);
                self.buffer.push(b'\n');
                self.finish_chunk(start)
            }
            Wire::Lines(_) => {
                self.buffer.push(b'\n');
                self.finish_chunk(start)
            }
        }
    }

    /// The same, taken out together with the buffer, where it begins at the place returned; `fresh` is the next frame's buffer.
    pub fn take_with(&mut self, trailer: Trailer, fresh: Vec<u8>) -> (Vec<u8>, usize) {
        let begin = self.end(trailer);
        let buffer = std::mem::replace(&mut self.buffer, fresh);
        self.clear();
        (buffer, begin)
    }

    fn finish_message(&mut self, start: usize) -> usize {
        let length = self.buffer.len() - start;
        if length > FRAGMENT_BYTES {
            self.buffer = fragmented(self.format, &self.buffer[start..]);
            return 0;
        }
        let mut header = [0; 16];
        let bytes = write_header(opcode(self.format), true, &self.buffer[start..], &mut header);
        self.prepend(start, &header[..bytes])
    }

    fn push_trailer(&mut self, trailer: Trailer) {
        if let Some(offset) = trailer.upto {
            self.buffer.extend_from_slice(b"id: ");
            self.buffer.extend_from_slice(self.epoch.as_bytes());
            self.buffer.push(b':');
            self.buffer.extend_from_slice(itoa::Buffer::new().format(offset).as_bytes());
            self.buffer.push(b'\n');
        }
        if let Some(ms) = trailer.retry_ms {
            self.buffer.extend_from_slice(format!("retry: {ms}\n").as_bytes());
        }
    }

    /// Wraps what starts at `start` into a chunk, if the wire has chunks.
    fn finish_chunk(&mut self, start: usize) -> usize {
        if !self.wire.is_chunked() {
            return start;
        }
        let length = format!("{:x}\r\n", self.buffer.len() - start);
        self.buffer.extend_from_slice(b"\r\n");
        self.prepend(start, length.as_bytes())
    }

    /// Puts `bytes` before `start`; returns where they begin.
    fn prepend(&mut self, start: usize, bytes: &[u8]) -> usize {
        let begin = start - bytes.len();
        self.buffer[begin..start].copy_from_slice(bytes);
        begin
    }

    /// The finished array without a WebSocket header, for HTTP bodies. The builder must be cleared afterwards.
    pub fn finish_bare(&mut self) -> &[u8] {
        let start = self.close_array();
        &self.buffer[start..]
    }

    /// Writes the array's brackets or header; returns where the payload starts.
    fn close_array(&mut self) -> usize {
        match self.format {
            Format::Json => {
                if self.messages == 0 {
                    self.buffer.push(b']');
                } else if let Some(comma) = self.buffer.last_mut() {
                    *comma = b']';
                }
                self.buffer[HEAD_BYTES - 1] = b'[';
                HEAD_BYTES - 1
            }
            Format::Msgpack => {
                let mut header = Vec::with_capacity(5);
                msgpack::write_frame_header(&mut header, self.messages);
                let start = HEAD_BYTES - header.len();
                self.buffer[start..HEAD_BYTES].copy_from_slice(&header);
                start
            }
        }
    }
}

/// Ends a message so that the next can follow: a comma in JSON, which the frame's end replaces.
pub fn separate(format: Format, buffer: &mut Vec<u8>) {
    if format == Format::Json {
        buffer.push(b',');
    }
}

/// A control frame (ping, pong, close) with at most 125 bytes.
pub fn push_control(opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
    let payload = &payload[..payload.len().min(125)];
    let mut header = [0; 16];
    let bytes = write_header(opcode, true, payload, &mut header);
    out.extend_from_slice(&header[..bytes]);
    out.extend_from_slice(payload);
}

/// A Close frame; `reason` is cut to what fits.
pub fn push_close(code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(2 + reason.len());
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        payload.extend_from_slice(&reason.as_bytes()[..end]);
    }
    push_control(OpCode::Close, &payload, out);
}

fn opcode(format: Format) -> OpCode {
    match format {
        Format::Json => OpCode::Text,
        Format::Msgpack => OpCode::Binary,
    }
}

/// Writes a server's (unmasked) header for `payload`; returns the header's length.
fn write_header(opcode: OpCode, fin: bool, payload: &[u8], header: &mut [u8; 16]) -> usize {
    Frame::new(fin, opcode, None, Payload::Borrowed(payload)).fmt_head(header)
}

fn fragmented(format: Format, payload: &[u8]) -> Vec<u8> {
    let pieces = payload.len().div_ceil(FRAGMENT_BYTES);
    let mut out = Vec::with_capacity(payload.len() + 10 * pieces);
    for (place, piece) in payload.chunks(FRAGMENT_BYTES).enumerate() {
        let opcode = if place == 0 { opcode(format) } else { OpCode::Continuation };
        let mut header = [0; 16];
        let bytes = write_header(opcode, place + 1 == pieces, piece, &mut header);
        out.extend_from_slice(&header[..bytes]);
        out.extend_from_slice(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::wire::Transfer;

    fn built(format: Format, messages: &[&[u8]]) -> Vec<u8> {
        framed(format.into(), messages, Trailer::default())
    }

    fn framed(wire: Wire, messages: &[&[u8]], trailer: Trailer) -> Vec<u8> {
        let mut builder = FrameBuilder::new(wire, "9f2c");
        for message in messages {
            builder.push_with(|out| out.extend_from_slice(message));
        }
        builder.finish_with(trailer).to_vec()
    }

    #[test]
    fn streams_have_a_frame_a_chunk_or_a_plain_one() {
        let both = Trailer { upto: Some(88_300), retry_ms: Some(3250) };
        let sse = b"data: [{},{}]\nid: 9f2c:88300\nretry: 3250\n\n";
        assert_eq!(framed(Wire::Sse(Transfer::Plain), &[b"{}", b"{}"], both), sse);
        let chunked = framed(Wire::Sse(Transfer::Chunked), &[b"{}", b"{}"], both);
        assert_eq!(chunked, [format!("{:x}\r\n", sse.len()).as_bytes(), sse, b"\r\n"].concat());
        assert_eq!(framed(Wire::Lines(Transfer::Plain), &[b"{}"], both), b"[{}]\n");
        assert_eq!(framed(Wire::Lines(Transfer::Chunked), &[b"{}"], both), b"5\r\n[{}]\n\r\n");
    }

    #[test]
    fn frames_are_as_long_as_their_wire_tells() {
        for wire in Wire::ALL {
            for bytes in [1, 100, 5000, FRAGMENT_BYTES - 100] {
                let message = vec![b'1'; bytes];
                let frame = framed(wire, &[&message], Trailer::upto(7));
                assert_eq!(wire.length_at(&frame), frame.len(), "{wire:?}");
                let twice = [&frame[..], &frame[..]].concat();
                assert_eq!(wire.length_at(&twice), frame.len(), "{wire:?}");
            }
        }
    }

    #[test]
    fn messages_become_one_array_in_one_frame() {
        assert_eq!(built(Format::Json, &[b"{}", b"{}"]), b"\x81\x07[{},{}]");
        assert_eq!(built(Format::Json, &[]), b"\x81\x02[]");
        assert_eq!(built(Format::Msgpack, &[b"\x01", b"\x02"]), b"\x82\x03\x92\x01\x02");
    }

    #[test]
    fn lengths_are_encoded_minimally() {
        let heads: [(usize, &[u8]); 4] = [
            (123, b"\x81\x7d["),
            (124, b"\x81\x7e\x00\x7e["),
            (FRAGMENT_BYTES - 3, b"\x81\x7e\xff\xff["),
            (FRAGMENT_BYTES - 2, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00["),
        ];
        for (bytes, head) in heads {
            let frame = built(Format::Json, &[&vec![b'1'; bytes]]);
            assert!(frame.starts_with(head), "{bytes}: {:02x?}", &frame[..12]);
            assert_eq!(Wire::from(Format::Json).length_at(&frame), frame.len());
        }
    }

    #[test]
    fn a_large_message_comes_in_fragments_that_join_to_the_whole() {
        let message = vec![b'7'; 3 * FRAGMENT_BYTES];
        let frame = built(Format::Json, &[&message]);
        let (mut at, mut joined, mut heads) = (0, Vec::new(), Vec::new());
        while at < frame.len() {
            let length = Wire::from(Format::Json).length_at(&frame[at..]);
            let header = if frame[at + 1] == 127 {
                10
            } else if frame[at + 1] == 126 {
                4
            } else {
                2
            };
            heads.push(frame[at]);
            joined.extend_from_slice(&frame[at + header..at + length]);
            at += length;
        }
        assert_eq!(heads, [0x01, 0x00, 0x00, 0x80]);
        assert_eq!(joined.len(), message.len() + 2);
        assert_eq!((joined[0], joined[joined.len() - 1]), (b'[', b']'));
    }
}
