//! A tick as a line of JSON, in the names of the wire contract: what the program prints.
//! Last stage of `simulator print` and `simulator replay`; servers encode for themselves.
//! Prices are written exactly, in the symbol's own number of places; never through a float.

use feed_protocol::{Body, Symbol, Tick};

/// Appends `{"T":"t","S":"AAPL","ts":…,"p":187.23,"v":100,"d":1}` and a line feed; quotes have `b B a A`,
/// statuses `st`. Names need no escaping: [`feed_protocol::is_name`] admits nothing that would.
pub fn write_line(out: &mut Vec<u8>, symbol: &Symbol, tick: &Tick) {
    let kind: &[u8] = match tick.body {
        Body::Trade(_) => b"t",
        Body::Quote(_) => b"q",
        Body::Status(_) => b"s",
    };
    out.extend_from_slice(b"{\"T\":\"");
    out.extend_from_slice(kind);
    out.extend_from_slice(b"\",\"S\":\"");
    out.extend_from_slice(symbol.name.as_bytes());
    out.extend_from_slice(b"\",\"ts\":");
    integer(out, tick.ts_us);
    match tick.body {
        Body::Trade(trade) => {
            member(out, b"p", |out| decimal(out, trade.price, symbol.places));
            member(out, b"v", |out| integer(out, trade.size.into()));
            member(out, b"d", |out| integer(out, trade.aggressor as i64));
        }
        Body::Quote(quote) => {
            member(out, b"b", |out| decimal(out, quote.bid, symbol.places));
            member(out, b"B", |out| integer(out, quote.bid_size.into()));
            member(out, b"a", |out| decimal(out, quote.ask, symbol.places));
            member(out, b"A", |out| integer(out, quote.ask_size.into()));
        }
        Body::Status(status) => member(out, b"st", |out| {
            out.push(b'"');
            out.extend_from_slice(status.as_str().as_bytes());
            out.push(b'"');
        }),
    }
    out.extend_from_slice(b"}\n");
}

fn member(out: &mut Vec<u8>, name: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
    value(out);
}

fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `steps · 10^-places` with exactly `places` digits after the point.
fn decimal(out: &mut Vec<u8>, steps: i64, places: u8) {
    if steps < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(steps.unsigned_abs()).as_bytes();
    let places = usize::from(places);
    let whole = digits.len().saturating_sub(places);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
    if places > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', places.saturating_sub(digits.len())));
        out.extend_from_slice(&digits[whole..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed_protocol::{Aggressor, Quote, SymbolId, Trade, TradingStatus};

    #[test]
    fn prices_have_exactly_their_places() {
        let text = |steps, places| {
            let mut out = Vec::new();
            decimal(&mut out, steps, places);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(18_720, 2), "187.20");
        assert_eq!(text(5, 2), "0.05");
        assert_eq!(text(0, 5), "0.00000");
        assert_eq!(text(108_450, 5), "1.08450");
        assert_eq!(text(42, 0), "42");
        assert_eq!(text(-150, 2), "-1.50");
        assert_eq!(text(i64::MIN, 9), "-9223372036.854775808");
    }

    #[test]
    fn lines_are_the_contracts() {
        let symbol = Symbol { name: "AAPL".into(), places: 2, title: "".into() };
        let line = |body| {
            let mut out = Vec::new();
            write_line(&mut out, &symbol, &Tick { symbol: SymbolId(0), ts_us: 7, body });
            String::from_utf8(out).unwrap()
        };
        let trade = Trade { price: 18_723, size: 100, aggressor: Aggressor::Seller };
        assert_eq!(
            line(Body::Trade(trade)),
            "{\"T\":\"t\",\"S\":\"AAPL\",\"ts\":7,\"p\":187.23,\"v\":100,\"d\":-1}\n"
        );
        let quote = Quote { bid: 18_722, ask: 18_724, bid_size: 300, ask_size: 200 };
        assert_eq!(
            line(Body::Quote(quote)),
            "{\"T\":\"q\",\"S\":\"AAPL\",\"ts\":7,\"b\":187.22,\"B\":300,\"a\":187.24,\"A\":200}\n"
        );
        assert_eq!(
            line(Body::Status(TradingStatus::Halted)),
            "{\"T\":\"s\",\"S\":\"AAPL\",\"ts\":7,\"st\":\"halted\"}\n"
        );
    }
}
