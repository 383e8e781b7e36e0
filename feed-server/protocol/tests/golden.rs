//! Every message in both formats, byte for byte, as files that other languages' tests read too.
//! `UPDATE_GOLDEN=1 cargo test -p feed-protocol --test golden` writes them anew; look at the difference before you commit it.

use std::fs;
use std::path::PathBuf;

use feed_protocol::{
    Aggressor, Bar, Body, Control, Cursor, Data, ErrorCode, Event, Format, GapReason, Interval,
    Limits, MergedQuote, MergedTrades, Mode, Quote, Record, RequestId, ServerMessage,
    SubscriptionInfo, Symbol, SymbolId, SymbolTable, Trade, TradingStatus, Universe, decode_frame,
    msgpack, write_bar, write_record,
};

const TS_US: i64 = 1_763_700_000_123_456;

enum Message {
    Control(Control),
    Record(Record, bool),
    Bar(SymbolId, Interval, Bar, bool),
}

fn universe() -> Universe {
    let symbol = |name: &str, places| Symbol { name: name.into(), places, title: name.into() };
    Universe::new(vec![symbol("AAPL", 2), symbol("BTC-USD", 1), symbol("JPY", 0)]).unwrap()
}

fn event(symbol: u32, seq: u64, offset: u64, body: Body) -> Record {
    Record::Event(Event { symbol: SymbolId(symbol), seq, offset, ts_us: TS_US, body })
}

fn trade(price: i64, size: u32, aggressor: Aggressor) -> Body {
    Body::Trade(Trade { price, size, aggressor })
}

fn cursor(offset: u64) -> Cursor {
    Cursor { epoch: "9f2c".into(), offset }
}

fn control(control: Control) -> Vec<Message> {
    vec![Message::Control(control)]
}

fn frames() -> Vec<(&'static str, Vec<Message>)> {
    let mut frames = data_frames();
    frames.extend(control_frames());
    frames
}

fn data_frames() -> Vec<(&'static str, Vec<Message>)> {
    let quote = Quote { bid: 18_722, ask: 18_724, bid_size: 300, ask_size: 200 };
    let merged = MergedTrades {
        symbol: SymbolId(0),
        first_seq: 1043,
        last_seq: 1049,
        offset: 88_231,
        first_ts_us: 1_763_700_000_130_000,
        last_ts_us: 1_763_700_000_190_000,
        open: 18_723,
        high: 18_731,
        low: 18_720,
        last: 18_730,
        volume: 2300,
    };
    let merged_quote = MergedQuote {
        symbol: SymbolId(0),
        first_seq: 7004,
        last_seq: 7010,
        offset: 88_231,
        ts_us: 1_763_700_000_190_000,
        quote,
    };
    let bar = Bar {
        start_us: 1_763_700_000_000_000,
        open: 18_720,
        high: 18_731,
        low: 18_720,
        close: 18_730,
        volume: 5100,
        count: 21,
    };
    let one = |record| vec![Message::Record(record, false)];
    vec![
        ("trade", one(event(0, 1042, 88_214, trade(18_723, 100, Aggressor::Buyer)))),
        ("trade_seller", one(event(1, 1, 1, trade(987_654, 1, Aggressor::Seller)))),
        ("trade_large", one(event(2, 1 << 40, 1 << 50, trade(5, u32::MAX, Aggressor::Unknown)))),
        (
            "trade_snapshot",
            vec![Message::Record(event(0, 9, 88, trade(5, 100, Aggressor::Buyer)), true)],
        ),
        ("quote", one(event(0, 7003, 88_215, Body::Quote(quote)))),
        ("quote_snapshot", vec![Message::Record(event(0, 1, 2, Body::Quote(quote)), true)]),
        ("quote_merged", one(Record::Quote(merged_quote))),
        ("merged_trades", one(Record::Trades(merged))),
        ("status", one(event(0, 3, 88_240, Body::Status(TradingStatus::Halted)))),
        ("bar_forming", vec![Message::Bar(SymbolId(0), Interval::S1, bar, false)]),
        ("bar_final", vec![Message::Bar(SymbolId(1), Interval::D1, bar, true)]),
        (
            "several",
            vec![
                Message::Record(
                    event(0, 1042, 88_214, trade(18_723, 100, Aggressor::Buyer)),
                    false,
                ),
                Message::Record(event(0, 7003, 88_215, Body::Quote(quote)), false),
                Message::Record(Record::Trades(merged), false),
            ],
        ),
        (
            "twenty",
            (1..=20)
                .map(|n| {
                    Message::Record(event(1, n, 100 + n, trade(-7, 1, Aggressor::Unknown)), false)
                })
                .collect(),
        ),
        ("empty", vec![]),
    ]
}

fn control_frames() -> Vec<(&'static str, Vec<Message>)> {
    let limits = Limits {
        symbols: 10_000,
        message_bytes: 65_536,
        messages_per_s: 50,
        backlog_bytes: 1 << 20,
    };
    let integer = |id| Some(RequestId::Integer(id));
    let strings = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    vec![
        (
            "welcome",
            control(Control::Welcome {
                epoch: "9f2c".into(),
                offset: 88_200,
                heartbeat_ms: 5000,
                limits,
            }),
        ),
        (
            "subscribed",
            control(Control::Subscribed {
                id: integer(1),
                symbols: strings(&["AAPL", "MSFT"]),
                channels: strings(&["trades"]),
                mode: Mode::Every,
                cursor: cursor(88_213),
                recovered: None,
                table: None,
            }),
        ),
        (
            "subscribed_resumed",
            control(Control::Subscribed {
                id: Some(RequestId::Text("r\"é".into())),
                symbols: strings(&["*"]),
                channels: strings(&["trades", "bars:1m"]),
                mode: Mode::Latest,
                cursor: cursor(7),
                recovered: Some(false),
                table: Some(vec![(0, "AAPL".into(), 2), (1, "BTC-USD".into(), 1)]),
            }),
        ),
        (
            "unsubscribed",
            control(Control::Unsubscribed {
                id: integer(4),
                symbols: strings(&["AAPL"]),
                channels: strings(&["trades"]),
            }),
        ),
        (
            "subscriptions",
            control(Control::Subscriptions {
                id: integer(5),
                subscriptions: vec![SubscriptionInfo {
                    symbols: strings(&["MSFT"]),
                    channels: strings(&["trades"]),
                    mode: Mode::Every,
                    interval_ms: None,
                }],
            }),
        ),
        ("symbols", control(Control::Symbols { table: vec![(300, "NEW".into(), 4)] })),
        (
            "gap",
            control(Control::Gap {
                symbol: "AAPL".into(),
                ch: "trades".into(),
                from: 900,
                to: 1041,
                why: GapReason::History,
            }),
        ),
        (
            "heartbeat",
            control(Control::Heartbeat {
                ts: 1_763_700_005_000_000,
                o: 88_300,
                sent: 88_300,
                behind_ms: 0,
                merged: 0,
                source_age_ms: 3,
            }),
        ),
        (
            "error",
            control(Control::Error {
                id: integer(3),
                code: ErrorCode::UnknownSymbol,
                msg: "no symbol ZZZZ; GET /v1/symbols lists them".into(),
            }),
        ),
        ("pong", control(Control::Pong { id: integer(6), ts: 1_763_700_005_000_000 })),
        ("authenticated", control(Control::Authenticated { id: integer(7), expires: None })),
        ("bye", control(Control::Bye { code: 1012, retry_ms: 3250, cursor: cursor(88_300) })),
    ]
}

fn encode(format: Format, messages: &[Message], universe: &Universe) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Format::Json => out.push(b'['),
        Format::Msgpack => {
            msgpack::write_frame_header(&mut out, u32::try_from(messages.len()).unwrap());
        }
    }
    for (index, message) in messages.iter().enumerate() {
        if format == Format::Json && index > 0 {
            out.push(b',');
        }
        match message {
            Message::Control(control) => control.write(format, &mut out),
            Message::Record(record, snap) => {
                let id = match record {
                    Record::Event(event) => event.symbol,
                    Record::Trades(trades) => trades.symbol,
                    Record::Quote(quote) => quote.symbol,
                };
                write_record(format, &mut out, universe.get(id), record, *snap);
            }
            Message::Bar(id, interval, bar, is_final) => {
                write_bar(format, &mut out, (*id, universe.get(*id)), *interval, bar, *is_final);
            }
        }
    }
    if format == Format::Json {
        out.push(b']');
    }
    out
}

fn path(name: &str, format: Format) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("{name}.{}", format.as_str()))
}

/// A table that knows every symbol of [`universe`], learnt the way clients learn it.
fn table(universe: &Universe) -> SymbolTable {
    let rows = universe.iter().map(|(id, s)| (id.0, s.name.to_string(), s.places)).collect();
    let mut table = SymbolTable::default();
    let announcement =
        encode(Format::Msgpack, &control(Control::Symbols { table: rows }), universe);
    decode_frame(Format::Msgpack, &announcement, &mut table).unwrap();
    table
}

#[test]
fn bytes_are_those_of_the_golden_files() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let universe = universe();
    for (name, messages) in frames() {
        for format in Format::ALL {
            let bytes = encode(format, &messages, &universe);
            let path = path(name, format);
            if update {
                fs::write(&path, &bytes).unwrap();
            }
            let golden = fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(
                String::from_utf8_lossy(&bytes),
                String::from_utf8_lossy(&golden),
                "{name} in {format:?}"
            );
            assert_eq!(bytes, golden, "{name} in {format:?}");
        }
    }
    let files = fs::read_dir(path("x", Format::Json).parent().unwrap()).unwrap().count();
    assert_eq!(files, 2 * frames().len() + 1, "a file a frame and format, and symbols.table.json");
}

#[test]
fn both_formats_decode_to_the_same_messages() {
    let universe = universe();
    for (name, messages) in frames() {
        let decoded = Format::ALL.map(|format| {
            let bytes = fs::read(path(name, format)).unwrap();
            decode_frame(format, &bytes, &mut table(&universe))
                .unwrap_or_else(|error| panic!("{name} in {format:?}: {error}"))
        });
        assert_eq!(decoded[0], decoded[1], "{name}");
        assert_eq!(decoded[0].len(), messages.len(), "{name}");
        for (read, written) in decoded[0].iter().zip(&messages) {
            match (read, written) {
                (ServerMessage::Control(read), Message::Control(written)) => {
                    assert_eq!(read, written, "{name}");
                }
                (ServerMessage::Data(symbol, data), Message::Record(record, snap)) => {
                    assert_same(symbol, data, record, *snap, &universe);
                }
                (ServerMessage::Data(_, Data::Bar { bar, is_final, .. }), written) => {
                    let Message::Bar(_, _, expected, x) = written else { panic!("{name}") };
                    assert_eq!((bar, is_final), (expected, x));
                }
                _ => panic!("{name}: {read:?}"),
            }
        }
    }
}

fn assert_same(symbol: &str, data: &Data, record: &Record, snap: bool, universe: &Universe) {
    match (data, record) {
        (Data::Trade { n, o, ts, p, v, d, snap: s }, Record::Event(event)) => {
            let Body::Trade(trade) = event.body else { panic!("{event:?}") };
            assert_eq!(universe.find(symbol), Some(event.symbol));
            assert_eq!((*n, *o, *ts), (event.seq, event.offset, event.ts_us));
            assert_eq!((p.units, *v, *d), (trade.price, trade.size.into(), trade.aggressor));
            assert_eq!((p.places, *s), (universe.get(event.symbol).places, snap));
        }
        (Data::Quote { n0, n, b, bid_size, a, ask_size, snap: s, .. }, record) => {
            let (first, last, quote) = match record {
                Record::Event(Event { seq, body: Body::Quote(quote), .. }) => (None, *seq, *quote),
                Record::Quote(merged) => (Some(merged.first_seq), merged.last_seq, merged.quote),
                other => panic!("{other:?}"),
            };
            assert_eq!((*n0, *n, *s), (first, last, snap));
            assert_eq!((b.units, a.units), (quote.bid, quote.ask));
            assert_eq!((*bid_size, *ask_size), (quote.bid_size.into(), quote.ask_size.into()));
        }
        (Data::Merged { n0, n, ts0, ts, open, high, low, p, v, c, .. }, Record::Trades(m)) => {
            assert_eq!(
                (*n0, *n, *ts0, *ts),
                (m.first_seq, m.last_seq, m.first_ts_us, m.last_ts_us)
            );
            assert_eq!((open.units, high.units, low.units), (m.open, m.high, m.low));
            assert_eq!((p.units, *v, *c), (m.last, m.volume, m.count()));
        }
        (Data::Status { n, st, .. }, Record::Event(event)) => {
            assert_eq!((*n, Body::Status(*st)), (event.seq, event.body));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_table_of_ids_is_there_for_other_languages() {
    let universe = universe();
    let rows: Vec<_> = universe.iter().map(|(id, s)| (id.0, &*s.name, s.places)).collect();
    let text = serde_json::to_string(&rows).unwrap();
    let path = path("symbols.table", Format::Json);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), text);
}
