//! Reads what a frame says, without allocating for data messages: bytes in, [`Message`]s out, one after another.
//! Stands between a transport and the ledger. It judges the form of a frame only; whether the numbers fit together
//! is the ledger's business.

mod control;
mod json;
mod msgpack;

use feed_protocol::EventChannel;
use thiserror::Error;

pub use control::{Control, Gap, Subscribed, TableRow};

use crate::plan::Format;

/// What kind of data message it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `t`
    Trade,
    /// `q` without `n0`
    Quote,
    /// `s`
    Status,
    /// `m`
    MergedTrades,
    /// `q` with `n0`
    MergedQuote,
}

impl Kind {
    /// The channel it belongs to.
    #[must_use]
    pub fn channel(self) -> EventChannel {
        match self {
            Self::Trade | Self::MergedTrades => EventChannel::Trades,
            Self::Quote | Self::MergedQuote => EventChannel::Quotes,
            Self::Status => EventChannel::Status,
        }
    }
}

/// What only `m` messages carry. Prices are compared with each other only, so their unit does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// `ts0`: time of the first trade, µs.
    pub first_ts_us: i64,
    /// `O`
    pub open: f64,
    /// `H`
    pub high: f64,
    /// `L`
    pub low: f64,
    /// `p`
    pub price: f64,
    /// `c`
    pub count: u64,
}

/// One data message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Its kind.
    pub kind: Kind,
    /// Whose: [`name_key`] of the symbol on JSON, the symbol's id on MessagePack.
    pub key: u64,
    /// `n0` where there is one, else `n`.
    pub first_seq: u64,
    /// `n`
    pub last_seq: u64,
    /// `o`
    pub offset: u64,
    /// `ts`: µs since the Unix epoch.
    pub ts_us: i64,
    /// Whether it is marked as part of a snapshot.
    pub snapshot: bool,
    /// The rest of an `m`.
    pub merge: Option<Merge>,
}

/// One message of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// `t`, `q`, `s`, `m`
    Event(Event),
    /// `b`: has no numbers to check.
    Bar,
    /// Everything else.
    Control(Box<Control>),
}

/// Why a frame could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("byte {at}: {what}")]
pub struct ScanError {
    /// Where in the frame, in bytes.
    pub at: usize,
    /// What was wrong there.
    pub what: String,
}

/// Hands each message of `frame` to `sink`, in order. Returns the number of messages.
///
/// # Errors
/// The frame is not an array of messages as the contract has them; those before the bad one were handed over.
#[inline]
pub fn scan(
    format: Format,
    frame: &[u8],
    sink: &mut impl FnMut(Message),
) -> Result<u64, ScanError> {
    match format {
        Format::Json => json::scan(frame, sink),
        Format::Msgpack => msgpack::scan(frame, sink),
    }
}

/// A number that stands for a symbol's name: the bytes themselves where they fit, else a hash (which then has its
/// top bit set; with 2^63 values, two names of one feed do not meet).
#[must_use]
pub fn name_key(name: &[u8]) -> u64 {
    use std::hash::BuildHasher;
    if name.len() <= 8 && name.is_ascii() {
        let mut word = [0; 8];
        word[..name.len()].copy_from_slice(name);
        return u64::from_le_bytes(word);
    }
    foldhash::fast::FixedState::with_seed(0).hash_one(name) | 1 << 63
}
