//! MessagePack frames. Data messages are arrays of integers and are read by hand, whatever the width of the integers;
//! control messages are maps and go through serde ([`super::control`]). Elements behind the known ones are passed over.

#[cfg(test)]
mod tests;

use rmp::Marker;
use serde::Deserialize;

use super::control::Wide;
use super::{Event, Kind, Merge, Message, ScanError};

/// Added to the type number of a message that belongs to a snapshot.
const SNAPSHOT: u64 = 16;

/// Hands each message to `sink`; returns their number.
#[inline]
pub(super) fn scan(frame: &[u8], sink: &mut impl FnMut(Message)) -> Result<u64, ScanError> {
    let mut reader = Reader { bytes: frame, at: 0 };
    let count = reader.array_len().ok_or_else(|| error(0, "a frame is an array of messages"))?;
    if count == 0 {
        return Err(error(0, "a frame has at least one message"));
    }
    for _ in 0..count {
        let at = reader.at;
        let message = match reader.array_len() {
            Some(len) => data(&mut reader, len)
                .ok_or_else(|| error(at, "an array that is no data message of the contract"))?,
            None => {
                reader.at = at;
                control(&mut reader)?
            }
        };
        sink(message);
    }
    if reader.at == frame.len() {
        Ok(count)
    } else {
        Err(error(reader.at, "something follows the array"))
    }
}

/// A data message of `len` elements.
#[inline]
fn data(reader: &mut Reader<'_>, len: u64) -> Option<Message> {
    let (message, read) = match reader.unsigned()? {
        kind @ (1 | 17) => (trade(reader, kind > SNAPSHOT)?, 8),
        kind @ (2 | 18) => (quote(reader, kind > SNAPSHOT)?, 9),
        kind @ (6 | 22) => (merged_quote(reader, kind > SNAPSHOT)?, 10),
        kind @ (3 | 19) => (merged_trades(reader, kind > SNAPSHOT)?, 13),
        kind @ (5 | 21) => (status(reader, kind > SNAPSHOT)?, 6),
        4 | 20 => {
            reader.skip(10)?;
            (Message::Bar, 11)
        }
        _ => return None,
    };
    reader.skip(len.checked_sub(read)?)?;
    Some(message)
}

#[inline]
fn trade(reader: &mut Reader<'_>, snapshot: bool) -> Option<Message> {
    let key = reader.unsigned()?;
    let seq = reader.unsigned()?;
    let offset = reader.unsigned()?;
    let ts_us = reader.signed()?;
    reader.signed()?;
    reader.unsigned()?;
    reader.signed().filter(|d| (-1..=1).contains(d))?;
    let kind = Kind::Trade;
    let (first_seq, last_seq, merge) = (seq, seq, None);
    Some(Message::Event(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge }))
}

#[inline]
fn quote(reader: &mut Reader<'_>, snapshot: bool) -> Option<Message> {
    let key = reader.unsigned()?;
    let seq = reader.unsigned()?;
    let (offset, ts_us) = quote_rest(reader)?;
    let kind = Kind::Quote;
    let (first_seq, last_seq, merge) = (seq, seq, None);
    Some(Message::Event(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge }))
}

#[inline]
fn merged_quote(reader: &mut Reader<'_>, snapshot: bool) -> Option<Message> {
    let key = reader.unsigned()?;
    let first_seq = reader.unsigned()?;
    let last_seq = reader.unsigned()?;
    let (offset, ts_us) = quote_rest(reader)?;
    let (kind, merge) = (Kind::MergedQuote, None);
    Some(Message::Event(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge }))
}

/// Offset and time, and over both sides of the book.
#[inline]
fn quote_rest(reader: &mut Reader<'_>) -> Option<(u64, i64)> {
    let offset = reader.unsigned()?;
    let ts_us = reader.signed()?;
    for _ in 0..2 {
        reader.signed()?;
        reader.unsigned()?;
    }
    Some((offset, ts_us))
}

#[inline]
fn merged_trades(reader: &mut Reader<'_>, snapshot: bool) -> Option<Message> {
    let key = reader.unsigned()?;
    let first_seq = reader.unsigned()?;
    let last_seq = reader.unsigned()?;
    let offset = reader.unsigned()?;
    let first_ts_us = reader.signed()?;
    let ts_us = reader.signed()?;
    let [open, high, low, price] = [
        reader.signed()? as f64,
        reader.signed()? as f64,
        reader.signed()? as f64,
        reader.signed()? as f64,
    ];
    reader.unsigned()?;
    let count = reader.unsigned()?;
    let merge = Some(Merge { first_ts_us, open, high, low, price, count });
    let kind = Kind::MergedTrades;
    Some(Message::Event(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge }))
}

fn status(reader: &mut Reader<'_>, snapshot: bool) -> Option<Message> {
    let key = reader.unsigned()?;
    let seq = reader.unsigned()?;
    let offset = reader.unsigned()?;
    let ts_us = reader.signed()?;
    reader.skip(1)?;
    let kind = Kind::Status;
    let (first_seq, last_seq, merge) = (seq, seq, None);
    Some(Message::Event(Event { kind, key, first_seq, last_seq, offset, ts_us, snapshot, merge }))
}

/// A control message, by serde.
#[cold]
fn control(reader: &mut Reader<'_>) -> Result<Message, ScanError> {
    let at = reader.at;
    let mut rest = &reader.bytes[at..];
    let wide = Wide::deserialize(&mut rmp_serde::Deserializer::new(&mut rest))
        .map_err(|why| error(at, &why.to_string()))?;
    reader.at = reader.bytes.len() - rest.len();
    if wide.is_data() {
        return Err(error(at, "a data message is an array, not a map"));
    }
    wide.message().ok_or_else(|| error(at, "a message lacks something that its type must have"))
}

/// Bytes and how far they have been read. Readers return `None` on anything but what they are named after.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    #[inline]
    fn marker(&mut self) -> Option<Marker> {
        let marker = Marker::from_u8(*self.bytes.get(self.at)?);
        self.at += 1;
        Some(marker)
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }

    #[inline]
    fn array_len(&mut self) -> Option<u64> {
        Some(match self.marker()? {
            Marker::FixArray(len) => len.into(),
            Marker::Array16 => u16::from_be_bytes(self.take()?).into(),
            Marker::Array32 => u32::from_be_bytes(self.take()?).into(),
            _ => return None,
        })
    }

    /// An integer of any width that is not negative.
    #[inline]
    fn unsigned(&mut self) -> Option<u64> {
        match self.marker()? {
            Marker::FixPos(value) => Some(value.into()),
            Marker::U8 => self.take().map(|[byte]| byte.into()),
            Marker::U16 => self.take().map(|bytes| u16::from_be_bytes(bytes).into()),
            Marker::U32 => self.take().map(|bytes| u32::from_be_bytes(bytes).into()),
            Marker::U64 => self.take().map(u64::from_be_bytes),
            marker => self.signed_after(marker)?.try_into().ok(),
        }
    }

    /// An integer of any width.
    #[inline]
    fn signed(&mut self) -> Option<i64> {
        match self.marker()? {
            Marker::FixPos(value) => Some(value.into()),
            Marker::U8 => self.take().map(|[byte]| byte.into()),
            Marker::U16 => self.take().map(|bytes| u16::from_be_bytes(bytes).into()),
            Marker::U32 => self.take().map(|bytes| u32::from_be_bytes(bytes).into()),
            Marker::U64 => i64::try_from(u64::from_be_bytes(self.take()?)).ok(),
            marker => self.signed_after(marker),
        }
    }

    /// The rest of an integer with a signed marker.
    #[inline]
    fn signed_after(&mut self, marker: Marker) -> Option<i64> {
        match marker {
            Marker::FixNeg(value) => Some(value.into()),
            Marker::I8 => self.take().map(|bytes| i8::from_be_bytes(bytes).into()),
            Marker::I16 => self.take().map(|bytes| i16::from_be_bytes(bytes).into()),
            Marker::I32 => self.take().map(|bytes| i32::from_be_bytes(bytes).into()),
            Marker::I64 => self.take().map(i64::from_be_bytes),
            _ => None,
        }
    }

    /// Goes over `count` values of any type.
    fn skip(&mut self, count: u64) -> Option<()> {
        let mut left = count;
        while left > 0 {
            left = left - 1 + self.skip_head()?;
        }
        Some(())
    }

    /// Goes over one value, except for what it contains; returns how many values that is.
    fn skip_head(&mut self) -> Option<u64> {
        let (bytes, inside): (u64, u64) = match self.marker()? {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
                (0, 0)
            }
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            Marker::FixStr(len) => (len.into(), 0),
            Marker::Str8 | Marker::Bin8 => (self.take().map(|[len]| len)?.into(), 0),
            Marker::Str16 | Marker::Bin16 => (u16::from_be_bytes(self.take()?).into(), 0),
            Marker::Str32 | Marker::Bin32 => (u32::from_be_bytes(self.take()?).into(), 0),
            Marker::FixArray(len) => (0, len.into()),
            Marker::Array16 => (0, u16::from_be_bytes(self.take()?).into()),
            Marker::Array32 => (0, u32::from_be_bytes(self.take()?).into()),
            Marker::FixMap(len) => (0, 2 * u64::from(len)),
            Marker::Map16 => (0, 2 * u64::from(u16::from_be_bytes(self.take()?))),
            Marker::Map32 => (0, 2 * u64::from(u32::from_be_bytes(self.take()?))),
            _ => return None,
        };
        let bytes = usize::try_from(bytes).ok()?;
        self.at = self.at.checked_add(bytes).filter(|&at| at <= self.bytes.len())?;
        Some(inside)
    }
}

fn error(at: usize, what: &str) -> ScanError {
    ScanError { at, what: what.to_owned() }
}
