//! The hand scanner against serde: on frames as the server writes them, on frames that look otherwise, and on frames
//! that were damaged.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::scan::{Control, name_key};

/// All messages of a frame by the hand scanner, where it can, else by serde.
fn scanned(frame: &[u8]) -> Result<Vec<Message>, ScanError> {
    let mut messages = Vec::new();
    let count = scan(frame, &mut |message| messages.push(message))?;
    assert_eq!(count, messages.len() as u64);
    Ok(messages)
}

/// All messages of a frame by serde alone; `None` if it is not a frame of the contract.
fn parsed(frame: &[u8]) -> Option<Vec<Message>> {
    let wide: Vec<Wide<'_>> = serde_json::from_slice(frame).ok()?;
    (!wide.is_empty()).then(|| wide.into_iter().map(Wide::message).collect())?
}

/// Whether the hand scanner alone can read the first message.
fn is_fast(frame: &[u8]) -> bool {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"[").is_some() && fast(&mut cursor).is_some()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z]{1,5}",
        "[A-Z]{3}-[A-Z]{3,5}",
        "[a-zA-Z0-9.:/_-]{1,32}",
        Just("AAAAAAAA".to_owned())
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64, 0..100_000_u64, 9_999_990..100_000_010_u64, 0..9_999_999_999_999_999_u64]
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0_u64), 1_500_000_000_000_000..2_500_000_000_000_000_u64]
}

fn price() -> impl Strategy<Value = String> {
    (-20_000_i64..1_000_000_000, 0_usize..=9).prop_map(|(units, places)| {
        let digits = format!("{:0width$}", units.abs(), width = places + 1);
        let (whole, part) = digits.split_at(digits.len() - places);
        let sign = if units < 0 { "-" } else { "" };
        if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
    })
}

fn snap() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(r#","snap":1"#)]
}

fn trade() -> impl Strategy<Value = String> {
    (name(), number(), number(), time(), price(), 0..u32::MAX, -1..=1, snap()).prop_map(
        |(s, n, o, ts, p, v, d, snap)| {
            format!(
                r#"{{"T":"t","S":"{s}","n":{n},"o":{o},"ts":{ts},"p":{p},"v":{v},"d":{d}{snap}}}"#
            )
        },
    )
}

fn quote() -> impl Strategy<Value = String> {
    (name(), proptest::option::of(number()), number(), number(), time(), price(), price(), snap())
        .prop_map(|(s, n0, n, o, ts, b, a, snap)| {
            let n0 = n0.map_or(String::new(), |n0| format!(r#""n0":{n0},"#));
            format!(
                r#"{{"T":"q","S":"{s}",{n0}"n":{n},"o":{o},"ts":{ts},"b":{b},"B":300,"a":{a},"A":0{snap}}}"#
            )
        })
}

fn merged() -> impl Strategy<Value = String> {
    (name(), [number(), number(), number()], [time(), time()], [price(), price(), price(), price()])
        .prop_map(|(s, [n0, n, o], [ts0, ts], [open, high, low, p])| {
            format!(
                r#"{{"T":"m","S":"{s}","n0":{n0},"n":{n},"o":{o},"ts0":{ts0},"ts":{ts},"O":{open},"H":{high},"L":{low},"p":{p},"v":{o},"c":{n0}}}"#
            )
        })
}

fn control() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"T":"welcome","epoch":"9f2c","offset":88200,"heartbeat_ms":5000}"#),
        Just(r#"{"T":"s","S":"AAPL","n":3,"o":88240,"ts":1763700000200000,"st":"halted"}"#),
        Just(r#"{"T":"heartbeat","ts":1,"o":88300,"sent":88300,"behind_ms":7,"merged":0}"#),
        Just(r#"{"T":"gap","S":"A\u0042","ch":"trades","from":900,"to":1041,"why":"slow"}"#),
        Just(r#"{"T":"error","id":3,"code":"unknown_symbol","msg":"no symbol \"ZZ\""}"#),
        Just(r#"{"T":"bye","code":1012,"retry_ms":3250,"cursor":"9f2c:88300"}"#),
        Just(r#"{"T":"t","S":"A\u0042","n":1,"o":2,"ts":3,"p":4,"v":5,"d":0}"#),
        Just(r#"{"T":"t","S":"ÄÖ","n":1,"o":2,"ts":3,"p":4,"v":5,"d":0}"#),
        Just(r#"{"d":0,"v":5,"p":1e3,"ts":3,"o":2,"n":1,"S":"A","T":"t","new":[{}]}"#),
        Just(r#"{ "T":"t" , "S":"A", "n":1, "o":2, "ts":3, "p":4.50, "v":5, "d":-1 }"#),
        Just(r#"{"T":"b","S":"A","i":"1s","ts":1,"O":1.0,"H":1.1,"L":0.9,"C":1,"v":1,"c":2,"x":true}"#),
        Just(r#"{"T":"later","x":{"y":[1,2]}}"#).prop_map(|_| r#"{"T":"later"}"#),
    ]
    .prop_map(str::to_owned)
}

fn frame() -> impl Strategy<Value = String> {
    let message = prop_oneof![4 => trade(), 2 => quote(), 2 => merged(), 1 => control()];
    proptest::collection::vec(message, 1..6)
        .prop_map(|messages| format!("[{}]", messages.join(",")))
}

proptest! {
    #[test]
    fn both_ways_read_the_same(frame in frame()) {
        let messages = scanned(frame.as_bytes()).unwrap();
        prop_assert_eq!(Some(messages), parsed(frame.as_bytes()));
    }

    #[test]
    fn what_the_server_writes_is_read_fast(
        message in prop_oneof![trade(), quote(), merged()].prop_filter(
            "numbers of 16 digits are read by serde",
            |message| !message.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 16),
        )
    ) {
        prop_assert!(is_fast(format!("[{message}]").as_bytes()), "{}", message);
    }

    #[test]
    fn both_ways_refuse_the_same(frame in frame(), place: usize, byte in 0..0x80_u8, cut in any::<bool>()) {
        let mut frame = frame.into_bytes();
        let place = place % frame.len();
        if cut {
            frame.truncate(place);
        } else {
            frame[place] = byte;
        }
        // Text frames are UTF-8 by the time they are scanned.
        prop_assume!(std::str::from_utf8(&frame).is_ok());
        prop_assert_eq!(scanned(&frame).ok(), parsed(&frame), "{}", String::from_utf8_lossy(&frame));
    }
}

#[test]
fn reads_the_contracts_examples() {
    let frame = br#"[{"T":"t","S":"AAPL","n":1042,"o":88214,"ts":1763700000123456,"p":187.23,"v":100,"d":1,"snap":1},
        {"T":"m","S":"AAPL","n0":1043,"n":1049,"o":88231,"ts0":1763700000130000,"ts":1763700000190000,"O":187.23,"H":187.31,"L":187.20,"p":187.30,"v":2300,"c":7}]"#;
    let trade = Event {
        kind: Kind::Trade,
        key: name_key(b"AAPL"),
        first_seq: 1042,
        last_seq: 1042,
        offset: 88214,
        ts_us: 1_763_700_000_123_456,
        snapshot: true,
        merge: None,
    };
    let merge = Merge {
        first_ts_us: 1_763_700_000_130_000,
        open: 187.23,
        high: 187.31,
        low: 187.2,
        price: 187.3,
        count: 7,
    };
    let merged = Event {
        kind: Kind::MergedTrades,
        first_seq: 1043,
        last_seq: 1049,
        offset: 88231,
        ts_us: 1_763_700_000_190_000,
        snapshot: false,
        merge: Some(merge),
        ..trade
    };
    assert_eq!(scanned(frame).unwrap(), [Message::Event(trade), Message::Event(merged)]);
}

#[test]
fn an_unknown_type_is_no_error() {
    let messages = scanned(br#"[{"T":"later"}]"#).unwrap();
    assert_eq!(messages, [Message::Control(Box::new(Control::Other))]);
}

#[test]
fn refuses_what_is_no_frame() {
    let mut deep = String::from("[");
    for _ in 0..200 {
        let _ = write!(deep, "{{\"x\":[");
    }
    for wrong in ["", "[]", "[", "{}", "[1]", "[{}]", r#"[{"T":"t"}]"#, "[{\"T\":\"x\"}] x", &deep]
    {
        assert!(scanned(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
