//! WebSocket frames as bytes: made as a client makes them, right or wrong, and read as a strict client reads them.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::PATIENCE;

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;
pub const FIN: u8 = 0x80;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame; `first` is its first byte, flags included.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The header alone of a masked frame.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | length as u8),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend(KEY);
    head
}

pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    masked(FIN | CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// A message, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Code and reason of a Close frame.
    pub fn close(&self) -> (Option<u16>, String) {
        assert_eq!(self.opcode, CLOSE, "a Close frame, not {self:?}");
        let code = self.payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
        let reason = self.payload.get(2..).unwrap_or_default();
        (code, String::from_utf8(reason.to_vec()).unwrap())
    }
}

/// Reads a socket frame by frame, joins fragments, and takes nothing that RFC 6455 forbids a server.
pub struct FrameReader {
    stream: TcpStream,
    received: Vec<u8>,
    message: Option<Frame>,
}

impl FrameReader {
    /// `received` was read behind the handshake already.
    pub fn new(stream: TcpStream, received: Vec<u8>) -> Self {
        Self { stream, received, message: None }
    }

    /// The next message or control frame; `UnexpectedEof` at the end of the stream between two frames.
    pub fn next(&mut self, within: Duration) -> io::Result<Frame> {
        let deadline = Instant::now() + within;
        loop {
            let (first, payload) = self.fragment(deadline)?;
            let (is_last, opcode) = (first & FIN != 0, first & 0x0f);
            assert_eq!(first & 0x70, 0, "no extension was agreed upon");
            if opcode >= CLOSE {
                assert!(is_last && payload.len() <= 125, "control frames are short and whole");
                return Ok(Frame { opcode, payload });
            }
            assert_eq!(opcode == CONTINUATION, self.message.is_some(), "fragments of one message");
            let message = self.message.get_or_insert_with(|| Frame { opcode, payload: Vec::new() });
            message.payload.extend(payload);
            if is_last {
                return Ok(self.message.take().unwrap());
            }
        }
    }

    fn fragment(&mut self, deadline: Instant) -> io::Result<(u8, Vec<u8>)> {
        loop {
            if let Some((first, start, end)) = self.whole() {
                let payload = self.received[start..end].to_vec();
                self.received.drain(..end);
                return Ok((first, payload));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left.min(PATIENCE)))?;
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) if self.received.is_empty() && self.message.is_none() => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(0) => panic!("the stream ends within a frame: {:?}", self.received),
                Ok(count) => self.received.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// First byte and bounds of the payload of the frame at hand, if all of it is there.
    fn whole(&self) -> Option<(u8, usize, usize)> {
        let bytes = &self.received;
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        assert_eq!(second & 0x80, 0, "servers do not mask");
        let (start, length) = match second {
            126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()))),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())),
            short => (2, u64::from(short)),
        };
        let end = start + length as usize;
        (bytes.len() >= end).then_some((first, start, end))
    }
}
