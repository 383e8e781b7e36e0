//! Data messages as JSON objects, written by hand: keys in the contract's order, prices with the symbol's own places.
//! On the hot path: appends to a buffer, never allocates otherwise.

use crate::price::write_units;
use crate::{
    Aggressor, Bar, Body, Event, Interval, MergedQuote, MergedTrades, Quote, Symbol, Trade,
};

/// A `t`, `q` or `s` message.
pub fn write_event(out: &mut Vec<u8>, symbol: &Symbol, event: &Event, snap: bool) {
    let head: &[u8] = match event.body {
        Body::Trade(_) => b"{\"T\":\"t\",\"S\":\"",
        Body::Quote(_) => b"{\"T\":\"q\",\"S\":\"",
        Body::Status(_) => b"{\"T\":\"s\",\"S\":\"",
    };
    out.extend_from_slice(head);
    out.extend_from_slice(symbol.name.as_bytes());
    unsigned(out, b"\",\"n\":", event.seq);
    unsigned(out, b",\"o\":", event.offset);
    signed(out, b",\"ts\":", event.ts_us);
    match event.body {
        Body::Trade(Trade { price, size, aggressor }) => {
            decimal(out, b",\"p\":", price, symbol);
            unsigned(out, b",\"v\":", size.into());
            out.extend_from_slice(match aggressor {
                Aggressor::Buyer => b",\"d\":1".as_slice(),
                Aggressor::Seller => b",\"d\":-1",
                Aggressor::Unknown => b",\"d\":0",
            });
        }
        Body::Quote(quote) => sides(out, symbol, quote),
        Body::Status(status) => {
            out.extend_from_slice(b",\"st\":\"");
            out.extend_from_slice(status.as_str().as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(if snap { b",\"snap\":1}".as_slice() } else { b"}" });
}

/// An `m` message.
pub fn write_merged_trades(out: &mut Vec<u8>, symbol: &Symbol, trades: &MergedTrades) {
    out.extend_from_slice(b"{\"T\":\"m\",\"S\":\"");
    out.extend_from_slice(symbol.name.as_bytes());
    unsigned(out, b"\",\"n0\":", trades.first_seq);
    unsigned(out, b",\"n\":", trades.last_seq);
    unsigned(out, b",\"o\":", trades.offset);
    signed(out, b",\"ts0\":", trades.first_ts_us);
    signed(out, b",\"ts\":", trades.last_ts_us);
    decimal(out, b",\"O\":", trades.open, symbol);
    decimal(out, b",\"H\":", trades.high, symbol);
    decimal(out, b",\"L\":", trades.low, symbol);
    decimal(out, b",\"p\":", trades.last, symbol);
    unsigned(out, b",\"v\":", trades.volume);
    unsigned(out, b",\"c\":", trades.count());
    out.push(b'}');
}

/// A `q` message that stands for several: `n0` before `n`.
pub fn write_merged_quote(out: &mut Vec<u8>, symbol: &Symbol, merged: &MergedQuote) {
    out.extend_from_slice(b"{\"T\":\"q\",\"S\":\"");
    out.extend_from_slice(symbol.name.as_bytes());
    unsigned(out, b"\",\"n0\":", merged.first_seq);
    unsigned(out, b",\"n\":", merged.last_seq);
    unsigned(out, b",\"o\":", merged.offset);
    signed(out, b",\"ts\":", merged.ts_us);
    sides(out, symbol, merged.quote);
    out.push(b'}');
}

/// A `b` message.
pub fn write_bar(
    out: &mut Vec<u8>,
    symbol: &Symbol,
    interval: Interval,
    bar: &Bar,
    is_final: bool,
) {
    out.extend_from_slice(b"{\"T\":\"b\",\"S\":\"");
    out.extend_from_slice(symbol.name.as_bytes());
    out.extend_from_slice(b"\",\"i\":\"");
    out.extend_from_slice(interval.as_str().as_bytes());
    out.extend_from_slice(b"\",");
    write_bar_fields(out, symbol, bar, is_final);
    out.push(b'}');
}

/// The part of a bar that `/v1/bars` and `b` messages share: `"ts":…,"O":…,"H":…,"L":…,"C":…,"v":…,"c":…,"x":…`.
pub fn write_bar_fields(out: &mut Vec<u8>, symbol: &Symbol, bar: &Bar, is_final: bool) {
    signed(out, b"\"ts\":", bar.start_us);
    decimal(out, b",\"O\":", bar.open, symbol);
    decimal(out, b",\"H\":", bar.high, symbol);
    decimal(out, b",\"L\":", bar.low, symbol);
    decimal(out, b",\"C\":", bar.close, symbol);
    unsigned(out, b",\"v\":", bar.volume);
    unsigned(out, b",\"c\":", bar.count);
    out.extend_from_slice(if is_final { b",\"x\":true".as_slice() } else { b",\"x\":false" });
}

fn sides(out: &mut Vec<u8>, symbol: &Symbol, quote: Quote) {
    decimal(out, b",\"b\":", quote.bid, symbol);
    unsigned(out, b",\"B\":", quote.bid_size.into());
    decimal(out, b",\"a\":", quote.ask, symbol);
    unsigned(out, b",\"A\":", quote.ask_size.into());
}

fn unsigned(out: &mut Vec<u8>, key: &[u8], value: u64) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn signed(out: &mut Vec<u8>, key: &[u8], value: i64) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn decimal(out: &mut Vec<u8>, key: &[u8], units: i64, symbol: &Symbol) {
    out.extend_from_slice(key);
    write_units(out, units, symbol.places);
}
