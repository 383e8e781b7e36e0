//! What one connection does with its bytes: counts messages, answers pings, and hands a sample's messages to its parser.

use memchr::memchr_iter;

use crate::client::dialect::Counting;
use crate::client::frames::{Sink, client_frame};
use crate::client::messagepack::array_length;
use crate::client::sample::{Observed, Sample};

const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What all connections have received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Events and merged records.
    pub messages: u64,
    /// WebSocket data frames.
    pub frames: u64,
    /// System calls that gave something.
    pub reads: u64,
    /// Bytes with all headers of WebSocket.
    pub bytes: u64,
}

/// A connection's own state between two reads.
#[derive(Debug, Default)]
pub struct State {
    /// Messages so far.
    pub messages: u64,
    /// What it has to send: pongs.
    pub answer: Vec<u8>,
    /// The server has said goodbye.
    pub closed: bool,
    /// The length of a MessagePack array, as far as it is there; at most 5 bytes.
    head: Vec<u8>,
    head_wanted: bool,
    control: Vec<u8>,
}

/// One read of one connection.
pub struct Reader<'a> {
    /// How messages are found.
    pub counting: Counting,
    /// Of all connections.
    pub counters: &'a mut Counters,
    /// Of this one.
    pub state: &'a mut State,
    /// If it is read and not only counted.
    pub sample: Option<&'a mut Sample>,
    /// What samples see.
    pub observed: &'a mut Observed,
    /// The wall clock at this read.
    pub now_us: i64,
}

impl Reader<'_> {
    fn count(&mut self, messages: u64) {
        self.counters.messages += messages;
        self.state.messages += messages;
    }

    fn array_head(&mut self, piece: &[u8]) {
        for &byte in piece.iter().take(5) {
            self.state.head.push(byte);
            if let Some(messages) = array_length(&self.state.head) {
                self.state.head_wanted = false;
                return self.count(u64::from(messages));
            }
        }
    }
}

impl Sink for Reader<'_> {
    fn begin(&mut self, opcode: u8) {
        self.state.control.clear();
        if opcode < CLOSE {
            self.counters.frames += 1;
            self.state.head_wanted = opcode != CONTINUATION;
            self.state.head.clear();
        }
    }

    fn payload(&mut self, opcode: u8, piece: &[u8]) {
        if opcode >= CLOSE {
            return self.state.control.extend_from_slice(piece);
        }
        match self.counting {
            Counting::Braces => {
                self.count(memchr_iter(b'{', piece).count() as u64);
                if let Some(sample) = &mut self.sample {
                    sample.json(piece, self.now_us, self.observed);
                }
            }
            Counting::ArrayHeads => {
                if self.state.head_wanted {
                    self.array_head(piece);
                }
                if let Some(sample) = &mut self.sample {
                    sample.messagepack(piece, false, self.now_us, self.observed);
                }
            }
        }
    }

    fn end(&mut self, opcode: u8, last: bool) {
        match opcode {
            PING => self.state.answer.extend(client_frame(PONG, &self.state.control)),
            CLOSE => self.state.closed = true,
            PONG => {}
            _ if last && self.counting == Counting::ArrayHeads => {
                if let Some(sample) = &mut self.sample {
                    sample.messagepack(&[], true, self.now_us, self.observed);
                }
            }
            _ => {}
        }
    }
}
