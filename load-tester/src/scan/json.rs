//! JSON frames. Data messages as the server writes them (fixed order of keys, no white space) are read by a hand
//! scanner that looks at eight bytes at a time; whatever looks different is parsed by serde ([`super::control`]).
//! A property test holds the two against each other.

mod cursor;
#[cfg(test)]
mod tests;

use cursor::Cursor;

use super::control::Wide;
use super::{Event, Kind, Merge, Message, ScanError};

/// Hands each message to `sink`; returns their number.
#[inline]
pub(super) fn scan(frame: &[u8], sink: &mut impl FnMut(Message)) -> Result<u64, ScanError> {
    let mut cursor = Cursor::new(frame);
    cursor.skip_space();
    cursor.expect(b"[").ok_or_else(|| error(cursor.at, "an array of messages begins with `[`"))?;
    let mut count = 0;
    loop {
        let start = cursor;
        match fast(&mut cursor) {
            Some(event) => sink(Message::Event(event)),
            None => {
                cursor = start;
                sink(slow(&mut cursor)?);
            }
        }
        count += 1;
        if cursor.expect(b",{").is_some() {
            cursor.at -= 1;
            continue;
        }
        cursor.skip_space();
        if cursor.expect(b",").is_some() {
            cursor.skip_space();
            continue;
        }
        cursor.expect(b"]").ok_or_else(|| error(cursor.at, "expected `,` or `]`"))?;
        cursor.skip_space();
        return match cursor.rest() {
            [] => Ok(count),
            _ => Err(error(cursor.at, "something follows the array")),
        };
    }
}

/// A data message in the form that the server writes; `None` for anything else.
#[inline]
fn fast(cursor: &mut Cursor<'_>) -> Option<Event> {
    cursor.expect(b"{\"T\":\"")?;
    let [kind] = cursor.take()?;
    cursor.expect(b"\",\"S\":")?;
    match kind {
        b't' => fast_trade(cursor),
        b'q' => fast_quote(cursor),
        b'm' => fast_merged(cursor),
        _ => None,
    }
}

#[inline]
fn fast_trade(cursor: &mut Cursor<'_>) -> Option<Event> {
    let key = cursor.name_key()?;
    cursor.expect(b",\"n\":")?;
    let seq = cursor.unsigned()?;
    cursor.expect(b",\"o\":")?;
    let offset = cursor.unsigned()?;
    cursor.expect(b",\"ts\":")?;
    let ts_us = cursor.time()?;
    cursor.expect(b",\"p\":")?;
    cursor.skip_decimal()?;
    cursor.expect(b",\"v\":")?;
    cursor.unsigned()?;
    cursor.expect(b",\"d\":")?;
    cursor.aggressor()?;
    let snapshot = end(cursor)?;
    let kind = Kind::Trade;
    Some(Event { kind, key, first_seq: seq, last_seq: seq, offset, ts_us, snapshot, merge: None })
}

#[inline]
fn fast_quote(cursor: &mut Cursor<'_>) -> Option<Event> {
    let key = cursor.name_key()?;
    let first = if cursor.expect(b",\"n0\":").is_some() { Some(cursor.unsigned()?) } else { None };
    cursor.expect(b",\"n\":")?;
    let last_seq = cursor.unsigned()?;
    cursor.expect(b",\"o\":")?;
    let offset = cursor.unsigned()?;
    cursor.expect(b",\"ts\":")?;
    let ts_us = cursor.time()?;
    cursor.expect(b",\"b\":")?;
    cursor.skip_decimal()?;
    cursor.expect(b",\"B\":")?;
    cursor.unsigned()?;
    cursor.expect(b",\"a\":")?;
    cursor.skip_decimal()?;
    cursor.expect(b",\"A\":")?;
    cursor.unsigned()?;
    let snapshot = end(cursor)?;
    let (kind, first_seq) = match first {
        Some(first) => (Kind::MergedQuote, first),
        None => (Kind::Quote, last_seq),
    };
    Some(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge: None })
}

#[inline]
fn fast_merged(cursor: &mut Cursor<'_>) -> Option<Event> {
    let key = cursor.name_key()?;
    cursor.expect(b",\"n0\":")?;
    let first_seq = cursor.unsigned()?;
    cursor.expect(b",\"n\":")?;
    let last_seq = cursor.unsigned()?;
    cursor.expect(b",\"o\":")?;
    let offset = cursor.unsigned()?;
    cursor.expect(b",\"ts0\":")?;
    let first_ts_us = cursor.time()?;
    cursor.expect(b",\"ts\":")?;
    let ts_us = cursor.time()?;
    cursor.expect(b",\"O\":")?;
    let open = cursor.decimal()?;
    cursor.expect(b",\"H\":")?;
    let high = cursor.decimal()?;
    cursor.expect(b",\"L\":")?;
    let low = cursor.decimal()?;
    cursor.expect(b",\"p\":")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"v\":")?;
    cursor.unsigned()?;
    cursor.expect(b",\"c\":")?;
    let count = cursor.unsigned()?;
    let snapshot = end(cursor)?;
    let merge = Some(Merge { first_ts_us, open, high, low, price, count });
    let kind = Kind::MergedTrades;
    Some(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge })
}

/// The end of a message; whether it said `"snap":1`.
#[inline]
fn end(cursor: &mut Cursor<'_>) -> Option<bool> {
    if cursor.expect(b"}").is_some() {
        return Some(false);
    }
    cursor.expect(b",\"snap\":1}").map(|()| true)
}

/// Any message, by serde.
#[cold]
fn slow(cursor: &mut Cursor<'_>) -> Result<Message, ScanError> {
    let at = cursor.at;
    let mut values = serde_json::Deserializer::from_slice(cursor.rest()).into_iter::<Wide<'_>>();
    let wide = match values.next() {
        Some(Ok(wide)) => wide,
        Some(Err(why)) => return Err(error(at, &why.to_string())),
        None => return Err(error(at, "a message was expected")),
    };
    cursor.at += values.byte_offset();
    wide.message().ok_or_else(|| error(at, "a message lacks something that its type must have"))
}

fn error(at: usize, what: &str) -> ScanError {
    ScanError { at, what: what.to_owned() }
}
