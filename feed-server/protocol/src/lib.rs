//! Tickcast's wire contract. `PROTOCOL.md` beside this crate says it in words.
//!
//! No I/O, no clock, no threads: bytes in, messages out, and back.

mod channel;
mod close;
mod cursor;
mod decode;
mod event;
pub mod json;
mod message;
pub mod msgpack;
mod parameters;
pub mod price;
mod request;
mod symbol;

pub use channel::{Channel, ChannelSet, EventChannel, Interval};
pub use close::{CloseCode, ComeBack, ErrorCode};
pub use cursor::{Cursor, CursorError, is_epoch};
pub use decode::{DecodeError, SymbolTable, decode_frame};
pub use event::{
    Aggressor, Bar, Body, Event, MergedQuote, MergedTrades, Quote, Tick, Trade, TradingStatus,
    US_PER_SECOND,
};
pub use message::{
    Control, Data, Format, GapReason, Limits, Mode, OnSlow, Record, RequestId, ServerMessage,
    SubscriptionInfo, TableRow,
};
pub use parameters::{
    HEARTBEAT_MS, HEARTBEAT_MS_DEFAULT, INTERVAL_MS_MAX, heartbeat_ms, parse_channels,
    parse_cursor, parse_interval_ms, parse_mode, parse_symbols, trades_only, unknown_symbols,
};
pub use price::{Price, PriceError};
pub use request::{Op, Rejection, Request, Subscribe, Unsubscribe, parse_request};
pub use symbol::{NAME_BYTES_MAX, PLACES_MAX, Symbol, SymbolError, SymbolId, Universe, is_name};

/// Appends `record` in `format`; `symbol` is the record's. Snapshots are single events with `snap` set.
pub fn write_record(
    format: Format,
    out: &mut Vec<u8>,
    symbol: &Symbol,
    record: &Record,
    snap: bool,
) {
    match (format, record) {
        (Format::Json, Record::Event(event)) => json::write_event(out, symbol, event, snap),
        (Format::Json, Record::Trades(trades)) => json::write_merged_trades(out, symbol, trades),
        (Format::Json, Record::Quote(quote)) => json::write_merged_quote(out, symbol, quote),
        (Format::Msgpack, Record::Event(event)) => msgpack::write_event(out, event, snap),
        (Format::Msgpack, Record::Trades(trades)) => msgpack::write_merged_trades(out, trades),
        (Format::Msgpack, Record::Quote(quote)) => msgpack::write_merged_quote(out, quote),
    }
}

/// Appends a bar in `format`.
pub fn write_bar(
    format: Format,
    out: &mut Vec<u8>,
    (id, symbol): (SymbolId, &Symbol),
    interval: Interval,
    bar: &Bar,
    is_final: bool,
) {
    match format {
        Format::Json => json::write_bar(out, symbol, interval, bar, is_final),
        Format::Msgpack => msgpack::write_bar(out, id, interval, bar, is_final),
    }
}
