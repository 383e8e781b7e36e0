//! Wires: how frames stand on a connection. The messages in them are the same on all; what differs is what stands around
//! an array of messages, how a connection is kept alive, and how its end is told. Knows bytes only, no connection.

use fastwebsockets::OpCode;
use feed_protocol::Format;

use super::counters::Transport;
use super::frame::{push_close, push_control};

/// What stands around an array of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// A WebSocket message (RFC 6455).
    WebSocket(Format),
    /// An event of `text/event-stream`.
    Sse(Transfer),
    /// A line of NDJSON.
    Lines(Transfer),
}

/// How the body of an endless HTTP answer is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// A chunk a frame (RFC 9112, 7.1): the shard writes to the socket itself.
    Chunked,
    /// Somebody else does: HTTP/2, or HTTP/1.0, which ends with its connection.
    Plain,
}

impl From<Format> for Wire {
    fn from(format: Format) -> Self {
        Self::WebSocket(format)
    }
}

impl Wire {
    /// How many there are.
    pub const COUNT: usize = 6;
    /// All of them, by [`index`](Self::index).
    pub const ALL: [Self; Self::COUNT] = [
        Self::WebSocket(Format::Json),
        Self::WebSocket(Format::Msgpack),
        Self::Sse(Transfer::Chunked),
        Self::Sse(Transfer::Plain),
        Self::Lines(Transfer::Chunked),
        Self::Lines(Transfer::Plain),
    ];

    /// Its place among all.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::WebSocket(format) => format as usize,
            Self::Sse(transfer) => 2 + transfer as usize,
            Self::Lines(transfer) => 4 + transfer as usize,
        }
    }

    /// How messages are written.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::WebSocket(format) => format,
            Self::Sse(_) | Self::Lines(_) => Format::Json,
        }
    }

    /// What it is counted as.
    #[must_use]
    pub fn transport(self) -> Transport {
        match self {
            Self::WebSocket(_) => Transport::WebSocket,
            Self::Sse(_) => Transport::Sse,
            Self::Lines(_) => Transport::Stream,
        }
    }

    /// Whether the client can say something, and so answer a ping.
    #[must_use]
    pub fn is_two_way(self) -> bool {
        matches!(self, Self::WebSocket(_))
    }

    pub(super) fn is_chunked(self) -> bool {
        matches!(self, Self::Sse(Transfer::Chunked) | Self::Lines(Transfer::Chunked))
    }

    /// Appends a sign of life: a ping, a comment, an empty array.
    pub fn push_sign_of_life(self, out: &mut Vec<u8>) {
        let content: &[u8] = match self {
            Self::WebSocket(_) => return push_control(OpCode::Ping, b"", out),
            Self::Sse(_) => b":\n\n",
            Self::Lines(_) => b"[]\n",
        };
        if self.is_chunked() {
            push_chunk(content, out);
        } else {
            out.extend_from_slice(content);
        }
    }

    /// Appends the end: a Close frame, the last chunk, or nothing where the transport itself has an end.
    pub fn push_end(self, code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket(_) => push_close(code, reason, out),
            _ if self.is_chunked() => out.extend_from_slice(b"0\r\n\r\n"),
            _ => {}
        }
    }

    /// Length of the frame or fragment that starts at the beginning of `bytes`, as this server writes them: control frames
    /// and the end may follow behind it.
    #[must_use]
    pub fn length_at(self, bytes: &[u8]) -> usize {
        match self {
            Self::WebSocket(_) => websocket_length_at(bytes),
            _ if self.is_chunked() => chunk_length_at(bytes),
            Self::Sse(_) => find(bytes, b"\n\n") + 2,
            Self::Lines(_) => find(bytes, b"\n") + 1,
        }
    }
}

/// Appends a chunk.
fn push_chunk(content: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n");
}

fn websocket_length_at(bytes: &[u8]) -> usize {
    match bytes[1] {
        126 => 4 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        127 => {
            let length: [u8; 8] = bytes[2..10].try_into().expect("eight bytes");
            10 + usize::try_from(u64::from_be_bytes(length)).expect("written by this server")
        }
        short => 2 + usize::from(short),
    }
}

fn chunk_length_at(bytes: &[u8]) -> usize {
    let digits = find(bytes, b"\r\n");
    let text = std::str::from_utf8(&bytes[..digits]).expect("written by this server");
    let content = usize::from_str_radix(text, 16).expect("written by this server");
    digits + 2 + content + 2
}

/// Where `needle` is; what this server wrote has one.
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    let found = bytes.windows(needle.len()).position(|window| window == needle);
    found.expect("written by this server")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_place() {
        for (place, wire) in Wire::ALL.into_iter().enumerate() {
            assert_eq!(wire.index(), place);
        }
    }

    #[test]
    fn signs_of_life_and_ends_are_measured_like_frames() {
        for wire in Wire::ALL {
            let mut bytes = Vec::new();
            wire.push_sign_of_life(&mut bytes);
            let sign = bytes.len();
            assert_eq!(wire.length_at(&bytes), sign, "{wire:?}");
            wire.push_end(Some(1012), "restart", &mut bytes);
            assert_eq!(wire.length_at(&bytes), sign, "{wire:?}");
            if bytes.len() > sign {
                assert_eq!(wire.length_at(&bytes[sign..]), bytes.len() - sign, "{wire:?}");
            }
        }
    }
}
