//! What one connection's socket did not take yet: the unsent rest of a frame, and answers behind it.
//! A connection that keeps up has none. Control frames pass between the fragments of what waits; a close lets the fragment
//! that was begun end and drops everything else.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;

use super::wire::Wire;

/// Where a connection's bytes go. Implemented by the socket, and in memory for tests and benchmarks.
pub trait Sink {
    /// Writes what goes in without waiting; 0 means that nothing does now.
    ///
    /// # Errors
    /// The connection is broken.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// The socket behind it, if writing to that is the same as [`try_write`](Self::try_write).
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// The shard has more for this connection than it took: call `Shard::writable` once it takes more.
    fn want_writable(&mut self);
}

/// How a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All of it.
    All,
    /// This many bytes, fewer than all.
    Part(usize),
    /// The connection is broken.
    Broken,
}

/// Writes without waiting.
pub fn write(sink: &mut impl Sink, bytes: &[u8]) -> Written {
    match sink.try_write(bytes) {
        Ok(written) if written == bytes.len() => Written::All,
        Ok(written) => Written::Part(written),
        Err(_) => Written::Broken,
    }
}

/// Bytes of whole frames that wait for a socket, the first of them perhaps begun.
#[derive(Debug)]
pub struct Outbox {
    wire: Wire,
    /// Each item: whole frames one after another.
    items: VecDeque<Vec<u8>>,
    /// How much of the first item was sent.
    sent: usize,
    /// Where the frame or fragment that was begun ends in the first item; equal to `sent` between two of them.
    fragment_end: usize,
    /// Control frames that go out at the next end of a fragment.
    urgent: Vec<u8>,
    bytes: usize,
}

impl Outbox {
    /// Nothing waits; frames are those of `wire`.
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        let (items, urgent) = (VecDeque::new(), Vec::new());
        Self { wire, items, sent: 0, fragment_end: 0, urgent, bytes: 0 }
    }

    /// Waits with `frames`, of which `sent` bytes are gone already.
    pub fn push(&mut self, frames: Vec<u8>, sent: usize) {
        debug_assert!(sent == 0 || self.items.is_empty(), "only the first item can be begun");
        self.bytes += frames.len() - sent;
        if sent > 0 {
            self.sent = sent;
            self.fragment_end = 0;
            while self.fragment_end < sent {
                self.fragment_end += self.wire.length_at(&frames[self.fragment_end..]);
            }
        }
        self.items.push_back(frames);
    }

    /// Waits with control frames that pass everything but the fragment that was begun.
    pub fn push_urgent(&mut self, frames: &[u8]) {
        self.bytes += frames.len();
        self.urgent.extend_from_slice(frames);
    }

    /// Drops all but the fragment that was begun and the control frames.
    pub fn drop_data(&mut self) {
        if let Some(mut first) = self.items.pop_front() {
            first.truncate(self.fragment_end);
            self.items.clear();
            if self.fragment_end > self.sent {
                self.items.push_front(first);
            } else {
                (self.sent, self.fragment_end) = (0, 0);
            }
        }
        self.bytes =
            self.items.front().map_or(0, |first| first.len() - self.sent) + self.urgent.len();
    }

    /// Bytes waiting.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of control frames waiting.
    #[must_use]
    pub fn urgent_bytes(&self) -> usize {
        self.urgent.len()
    }

    /// Writes what goes in; [`Written::All`] means that nothing waits any more. Also returns the bytes written.
    pub fn flush(&mut self, sink: &mut impl Sink) -> (Written, u64) {
        let before = self.bytes;
        let result = self.flush_inner(sink);
        (result, (before - self.bytes) as u64)
    }

    fn flush_inner(&mut self, sink: &mut impl Sink) -> Written {
        loop {
            if !self.urgent.is_empty() && self.sent == self.fragment_end {
                let written = write(sink, &self.urgent);
                match written {
                    Written::All => {
                        self.bytes -= self.urgent.len();
                        self.urgent = Vec::new();
                    }
                    Written::Part(count) => {
                        // A control frame cannot be cut off by another fragment: it becomes the first item itself.
                        self.begin_urgent(count);
                        return Written::Part(count);
                    }
                    Written::Broken => return Written::Broken,
                }
            }
            let Some(first) = self.items.front() else { return Written::All };
            let end = if self.urgent.is_empty() { first.len() } else { self.fragment_end };
            let wanted = &first[self.sent..end];
            let written = write(sink, wanted);
            let count = match written {
                Written::All => wanted.len(),
                Written::Part(count) => count,
                Written::Broken => return Written::Broken,
            };
            self.sent += count;
            self.bytes -= count;
            while self.fragment_end < self.sent {
                self.fragment_end += self.wire.length_at(&first[self.fragment_end..]);
            }
            if self.sent == first.len() {
                self.items.pop_front();
                (self.sent, self.fragment_end) = (0, 0);
            }
            if let Written::Part(count) = written {
                return Written::Part(count);
            }
        }
    }

    fn begin_urgent(&mut self, written: usize) {
        if written == 0 {
            return;
        }
        self.bytes -= written;
        let urgent = std::mem::take(&mut self.urgent);
        if let Some(first) = self.items.front_mut() {
            // What was sent of it ended at a fragment's end, so that the rest starts with a header.
            first.drain(..self.sent);
        }
        self.items.push_front(urgent);
        self.sent = written;
        self.fragment_end = 0;
        while self.fragment_end < written {
            self.fragment_end += self.wire.length_at(&self.items[0][self.fragment_end..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use fastwebsockets::OpCode;
    use feed_protocol::Format;
    use proptest::prelude::*;

    use super::*;
    use crate::shard::frame::{FRAGMENT_BYTES, FrameBuilder, push_control};

    const JSON: Wire = Wire::WebSocket(Format::Json);

    #[derive(Default)]
    struct Pipe {
        received: Vec<u8>,
        takes: usize,
    }

    impl Sink for Pipe {
        fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.takes);
            self.received.extend_from_slice(&bytes[..count]);
            self.takes -= count;
            Ok(count)
        }

        fn want_writable(&mut self) {}
    }

    fn frame(bytes: usize) -> Vec<u8> {
        let mut builder = FrameBuilder::new(JSON, "e");
        builder.push_with(|out| out.resize(out.len() + bytes, b'1'));
        builder.finish().to_vec()
    }

    /// Splits what a client received at headers: (opcode byte, payload length).
    fn heads(received: &[u8]) -> Vec<u8> {
        let (mut at, mut heads) = (0, Vec::new());
        while at < received.len() {
            heads.push(received[at]);
            at += JSON.length_at(&received[at..]);
        }
        assert_eq!(at, received.len(), "whole frames");
        heads
    }

    proptest! {
        #[test]
        fn frames_arrive_whole_and_control_frames_stand_between_fragments(
            sizes in prop::collection::vec(1usize..3 * FRAGMENT_BYTES, 1..4),
            takes in prop::collection::vec(0usize..FRAGMENT_BYTES, 0..40),
            ping_at in 0usize..10,
            begun in 0usize..FRAGMENT_BYTES,
        ) {
            let frames: Vec<_> = sizes.iter().map(|&bytes| frame(bytes)).collect();
            let mut pipe = Pipe::default();
            let mut outbox = Outbox::new(JSON);
            let begun = begun.min(frames[0].len() - 1);
            pipe.received.extend_from_slice(&frames[0][..begun]);
            outbox.push(frames[0].clone(), begun);
            for frame in &frames[1..] {
                outbox.push(frame.clone(), 0);
            }
            let mut pong = Vec::new();
            push_control(OpCode::Pong, b"hi", &mut pong);
            for (step, &count) in takes.iter().chain(&[usize::MAX / 2]).enumerate() {
                if step == ping_at {
                    outbox.push_urgent(&pong);
                }
                pipe.takes = count;
                let (written, _) = outbox.flush(&mut pipe);
                prop_assert_eq!(written == Written::All, outbox.bytes() == 0);
            }
            prop_assert_eq!(outbox.bytes(), 0);
            let heads = heads(&pipe.received);
            let data: Vec<_> = heads.iter().copied().filter(|head| *head != 0x8a).collect();
            let expected: Vec<_> = frames.iter().flat_map(|frame| super::tests::heads(frame)).collect();
            prop_assert_eq!(data, expected);
            prop_assert_eq!(heads.contains(&0x8a), ping_at <= takes.len());
        }

        #[test]
        fn a_close_lets_the_begun_fragment_end(begun in 0usize..2 * FRAGMENT_BYTES) {
            let data = frame(3 * FRAGMENT_BYTES);
            let mut outbox = Outbox::new(JSON);
            let mut pipe = Pipe { received: data[..begun].to_vec(), takes: usize::MAX / 2 };
            outbox.push(data, begun);
            outbox.push(frame(10), 0);
            outbox.drop_data();
            outbox.push_urgent(b"\x88\x00");
            prop_assert_eq!(outbox.flush(&mut pipe).0, Written::All);
            prop_assert!(pipe.received.ends_with(b"\x88\x00"));
            prop_assert!(heads(&pipe.received).len() <= 3);
        }
    }
}
