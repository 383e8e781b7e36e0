//! Frames: messages joined to one array, in one WebSocket message. Built once, sent to any number of connections.
//! Large ones are fragmented (RFC 6455, 5.4), so that control frames can pass between the fragments.

use fastwebsockets::{Frame, OpCode, Payload};
use feed_protocol::{Format, msgpack};

/// Payload of a fragment; smaller messages go in one piece.
pub const FRAGMENT_BYTES: usize = 64 * 1024;
/// Messages of increasing offset are cut into frames of about this size.
pub const FRAME_BYTES_TARGET: usize = 32 * 1024;
/// Room for the WebSocket header (at most 10 bytes from a server) and MessagePack's array header (at most 5).
const HEAD_BYTES: usize = 15;

/// Builds one frame after the other in one reused buffer.
#[derive(Debug)]
pub struct FrameBuilder {
    format: Format,
    buffer: Vec<u8>,
    messages: u32,
}

impl FrameBuilder {
    /// An empty frame in `format`.
    #[must_use]
    pub fn new(format: Format) -> Self {
        let mut builder = Self { format, buffer: Vec::new(), messages: 0 };
        builder.clear();
        builder
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
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

    /// Adds a message that [`separate`] has ended.
    #[inline]
    pub fn push_separated(&mut self, message: &[u8]) {
        self.buffer.extend_from_slice(message);
        self.messages += 1;
    }

    /// Adds a message that `write` appends to the buffer.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.buffer);
        separate(self.format, &mut self.buffer);
        self.messages += 1;
    }

    /// The finished frame with its WebSocket header(s): bytes to send as they are. The builder must be cleared afterwards.
    pub fn finish(&mut self) -> &[u8] {
        let start = self.close_array();
        let length = self.buffer.len() - start;
        if length > FRAGMENT_BYTES {
            self.buffer = fragmented(self.format, &self.buffer[start..]);
            return &self.buffer;
        }
        let mut header = [0; 16];
        let bytes = write_header(opcode(self.format), true, &self.buffer[start..], &mut header);
        let begin = start - bytes;
        self.buffer[begin..start].copy_from_slice(&header[..bytes]);
        &self.buffer[begin..]
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

/// Length of the frame or fragment (header and payload) that starts at the beginning of `bytes`, as a server writes them.
#[must_use]
pub fn length_at(bytes: &[u8]) -> usize {
    match bytes[1] {
        126 => 4 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        127 => {
            let length: [u8; 8] = bytes[2..10].try_into().expect("eight bytes");
            10 + usize::try_from(u64::from_be_bytes(length)).expect("written by this server")
        }
        short => 2 + usize::from(short),
    }
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

    fn built(format: Format, messages: &[&[u8]]) -> Vec<u8> {
        let mut builder = FrameBuilder::new(format);
        for message in messages {
            builder.push_with(|out| out.extend_from_slice(message));
        }
        builder.finish().to_vec()
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
            assert_eq!(length_at(&frame), frame.len());
        }
    }

    #[test]
    fn a_large_message_comes_in_fragments_that_join_to_the_whole() {
        let message = vec![b'7'; 3 * FRAGMENT_BYTES];
        let frame = built(Format::Json, &[&message]);
        let (mut at, mut joined, mut heads) = (0, Vec::new(), Vec::new());
        while at < frame.len() {
            let length = length_at(&frame[at..]);
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
