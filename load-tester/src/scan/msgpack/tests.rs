//! The hand scanner against serde, with integers in every width that holds them.

use proptest::prelude::*;
use rmp::encode;
use serde_json::Value;

use super::*;
use crate::scan::Control;

fn scanned(frame: &[u8]) -> Result<Vec<Message>, ScanError> {
    let mut messages = Vec::new();
    scan(frame, &mut |message| messages.push(message))?;
    Ok(messages)
}

/// A data message by serde: every element as a [`Value`], then by its place.
fn parsed(frame: &[u8]) -> Vec<Event> {
    let messages: Vec<Vec<Value>> = rmp_serde::from_slice(frame).unwrap();
    messages.iter().map(|message| event(message)).collect()
}

fn event(message: &[Value]) -> Event {
    let at = |place: usize| message[place].as_u64().unwrap();
    let signed = |place: usize| message[place].as_i64().unwrap();
    let price = |place: usize| signed(place) as f64;
    // Where n0, n and ts stand by type.
    let (kind, n0, n, ts) = match at(0) % 16 {
        1 => (Kind::Trade, 2, 2, 4),
        2 => (Kind::Quote, 2, 2, 4),
        3 => (Kind::MergedTrades, 2, 3, 6),
        5 => (Kind::Status, 2, 2, 4),
        6 => (Kind::MergedQuote, 2, 3, 5),
        other => panic!("type {other}"),
    };
    let merge = (kind == Kind::MergedTrades).then(|| Merge {
        first_ts_us: signed(5),
        open: price(7),
        high: price(8),
        low: price(9),
        price: price(10),
        count: at(12),
    });
    Event {
        kind,
        key: at(1),
        first_seq: at(n0),
        last_seq: at(n),
        offset: at(n + 1),
        ts_us: signed(ts),
        snapshot: at(0) > 16,
        merge,
    }
}

/// Writes `value` in the `width`th of the forms that can hold it.
fn write_int(frame: &mut Vec<u8>, value: i64, width: usize) {
    let mut forms: Vec<Vec<u8>> = Vec::new();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut form = Vec::new();
        write(&mut form);
        forms.push(form);
    };
    macro_rules! form {
        ($write:ident, $int:ty) => {
            if let Ok(value) = <$int>::try_from(value) {
                add(&|form| encode::$write(form, value).unwrap());
            }
        };
    }
    form!(write_u8, u8);
    form!(write_u16, u16);
    form!(write_u32, u32);
    form!(write_u64, u64);
    form!(write_i8, i8);
    form!(write_i16, i16);
    form!(write_i32, i32);
    add(&|form| encode::write_i64(form, value).unwrap());
    add(&|form| {
        encode::write_sint(form, value).unwrap();
    });
    frame.extend_from_slice(&forms[width % forms.len()]);
}

/// Type, its elements behind the type, and a width for each.
fn message() -> impl Strategy<Value = (i64, Vec<i64>, Vec<usize>)> {
    let kinds = prop_oneof![Just((1, 7)), Just((2, 8)), Just((3, 12)), Just((6, 9))];
    let int = prop_oneof![0..200_i64, 0..i64::from(u32::MAX), 0..i64::MAX];
    let extra = prop_oneof![9 => Just(0_usize), 1 => Just(2)];
    (kinds, any::<bool>(), extra).prop_flat_map(move |((kind, len), snapshot, extra)| {
        let elements = proptest::collection::vec(int.clone(), len + extra);
        let widths = proptest::collection::vec(any::<usize>(), len + extra + 1);
        let aggressor = -1..=1_i64;
        (elements, widths, aggressor).prop_map(move |(mut elements, widths, aggressor)| {
            if kind == 1 {
                elements[6] = aggressor;
            }
            (kind + if snapshot { 16 } else { 0 }, elements, widths)
        })
    })
}

fn encoded(messages: &[(i64, Vec<i64>, Vec<usize>)]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode::write_array_len(&mut frame, messages.len() as u32).unwrap();
    for (kind, elements, widths) in messages {
        encode::write_array_len(&mut frame, elements.len() as u32 + 1).unwrap();
        for (value, width) in std::iter::once(kind).chain(elements).zip(widths) {
            write_int(&mut frame, *value, *width);
        }
    }
    frame
}

proptest! {
    #[test]
    fn reads_what_serde_reads(messages in proptest::collection::vec(message(), 1..20)) {
        let frame = encoded(&messages);
        let expected: Vec<_> = parsed(&frame).into_iter().map(Message::Event).collect();
        prop_assert_eq!(scanned(&frame).unwrap(), expected);
    }

    #[test]
    fn bears_anything(frame: Vec<u8>) {
        let _ = scanned(&frame);
    }

    #[test]
    fn refuses_a_frame_that_was_cut(messages in proptest::collection::vec(message(), 1..5), at: usize) {
        let frame = encoded(&messages);
        prop_assert!(scanned(&frame[..at % frame.len()]).is_err());
    }
}

#[test]
fn reads_statuses_bars_and_control_messages() {
    let frame = rmp_serde::to_vec_named(&serde_json::json!([
        {"T": "subscribed", "id": 1, "table": [[7, "AAPL", 2]]},
        [5, 7, 3, 88240, 1_763_700_000_200_000_u64, "halted"],
        [4, 7, 1, 1_763_700_000_000_000_u64, 1, 2, 3, 4, 5, 6, false],
        {"T": "bye", "code": 1012},
    ]))
    .unwrap();
    let messages = scanned(&frame).unwrap();
    let Message::Control(control) = &messages[0] else { panic!("{messages:?}") };
    let Control::Subscribed(subscribed) = &**control else { panic!("{messages:?}") };
    assert_eq!(subscribed.table.as_ref().unwrap()[0].1, "AAPL");
    let Message::Event(event) = messages[1] else { panic!("{messages:?}") };
    assert_eq!((event.kind, event.key, event.offset), (Kind::Status, 7, 88240));
    assert_eq!(messages[2], Message::Bar);
    assert_eq!(messages[3], Message::Control(Box::new(Control::Bye { code: 1012 })));
}

#[test]
fn refuses_a_data_message_as_a_map_and_an_unknown_type() {
    let map =
        serde_json::json!([{"T": "t", "S": "A", "n": 1, "o": 1, "ts": 1, "p": 1, "v": 1, "d": 0}]);
    assert!(scanned(&rmp_serde::to_vec_named(&map).unwrap()).is_err());
    assert!(scanned(&rmp_serde::to_vec(&[(7, 1, 1)]).unwrap()).is_err());
    let short = [(1, 1, 1, 1, 1, 1, 1)];
    assert!(scanned(&rmp_serde::to_vec(&short).unwrap()).is_err());
}
