//! Tickcast's wire contract. `PROTOCOL.md` beside this crate says it in words.
//!
//! No I/O, no clock, no threads: bytes in, messages out, and back.

mod event;
mod symbol;

pub use event::{
    Aggressor, Bar, Body, Channel, ChannelSet, Event, EventChannel, Interval, MergedQuote,
    MergedTrades, Quote, Tick, Trade, TradingStatus, US_PER_SECOND,
};
pub use symbol::{NAME_BYTES_MAX, PLACES_MAX, Symbol, SymbolError, SymbolId, Universe, is_name};
