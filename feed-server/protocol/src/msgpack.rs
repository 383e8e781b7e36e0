//! Data messages as MessagePack arrays, written by hand. The first element is the message's type number, plus
//! [`SNAPSHOT`] on a snapshot; the second is the symbol's id. On the hot path: appends to a buffer.

use rmp::encode::{write_array_len, write_bool, write_sint, write_str, write_uint};

use crate::{Bar, Body, Event, Interval, MergedQuote, MergedTrades, SymbolId};

/// Type numbers.
#[allow(missing_docs, reason = "the names say it")]
pub mod kind {
    pub const TRADE: u64 = 1;
    pub const QUOTE: u64 = 2;
    pub const MERGED_TRADES: u64 = 3;
    pub const BAR: u64 = 4;
    pub const STATUS: u64 = 5;
    pub const MERGED_QUOTE: u64 = 6;
}

/// Added to the type number of a snapshot.
pub const SNAPSHOT: u64 = 16;

/// Writing to a `Vec` cannot fail.
const INFALLIBLE: &str = "a Vec takes every byte";

/// A trade, quote or status.
pub fn write_event(out: &mut Vec<u8>, event: &Event, snap: bool) {
    let (number, length) = match event.body {
        Body::Trade(_) => (kind::TRADE, 8),
        Body::Quote(_) => (kind::QUOTE, 9),
        Body::Status(_) => (kind::STATUS, 6),
    };
    array(out, length);
    uint(out, if snap { number + SNAPSHOT } else { number });
    uint(out, event.symbol.0.into());
    uint(out, event.seq);
    uint(out, event.offset);
    sint(out, event.ts_us);
    match event.body {
        Body::Trade(trade) => {
            sint(out, trade.price);
            uint(out, trade.size.into());
            sint(out, trade.aggressor as i64);
        }
        Body::Quote(quote) => {
            sint(out, quote.bid);
            uint(out, quote.bid_size.into());
            sint(out, quote.ask);
            uint(out, quote.ask_size.into());
        }
        Body::Status(status) => write_str(out, status.as_str()).expect(INFALLIBLE),
    }
}

/// `[3, id, n0, n, o, ts0, ts, O, H, L, p, v, c]`.
pub fn write_merged_trades(out: &mut Vec<u8>, trades: &MergedTrades) {
    array(out, 13);
    uint(out, kind::MERGED_TRADES);
    uint(out, trades.symbol.0.into());
    uint(out, trades.first_seq);
    uint(out, trades.last_seq);
    uint(out, trades.offset);
    for value in
        [trades.first_ts_us, trades.last_ts_us, trades.open, trades.high, trades.low, trades.last]
    {
        sint(out, value);
    }
    uint(out, trades.volume);
    uint(out, trades.count());
}

/// `[6, id, n0, n, o, ts, b, B, a, A]`.
pub fn write_merged_quote(out: &mut Vec<u8>, merged: &MergedQuote) {
    array(out, 10);
    uint(out, kind::MERGED_QUOTE);
    uint(out, merged.symbol.0.into());
    uint(out, merged.first_seq);
    uint(out, merged.last_seq);
    uint(out, merged.offset);
    sint(out, merged.ts_us);
    sint(out, merged.quote.bid);
    uint(out, merged.quote.bid_size.into());
    sint(out, merged.quote.ask);
    uint(out, merged.quote.ask_size.into());
}

/// `[4, id, interval_s, ts, O, H, L, C, v, c, x]`.
pub fn write_bar(out: &mut Vec<u8>, id: SymbolId, interval: Interval, bar: &Bar, is_final: bool) {
    array(out, 11);
    uint(out, kind::BAR);
    uint(out, id.0.into());
    uint(out, interval.seconds().into());
    for value in [bar.start_us, bar.open, bar.high, bar.low, bar.close] {
        sint(out, value);
    }
    uint(out, bar.volume);
    uint(out, bar.count);
    write_bool(out, is_final).expect(INFALLIBLE);
}

/// Opens a frame of `count` messages.
pub fn write_frame_header(out: &mut Vec<u8>, count: u32) {
    array(out, count);
}

fn array(out: &mut Vec<u8>, length: u32) {
    write_array_len(out, length).expect(INFALLIBLE);
}

fn uint(out: &mut Vec<u8>, value: u64) {
    write_uint(out, value).expect(INFALLIBLE);
}

fn sint(out: &mut Vec<u8>, value: i64) {
    write_sint(out, value).expect(INFALLIBLE);
}
