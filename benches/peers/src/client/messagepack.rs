//! As much of MessagePack as Tickcast's data messages need: a frame is an array of messages, an event an array of integers
//! `[1, id, n, o, ts, …]`, merged trades `[3, id, n0, n, o, ts0, ts, …]`. Anything else is skipped.

/// An event or merged record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The symbol's.
    pub id: u64,
    /// Sequence numbers of the first and of the last event it stands for.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// Position in the stream.
    pub offset: u64,
    /// When the last one was due, µs since 1970.
    pub ts_us: i64,
}

const TRADE: u64 = 1;
const MERGED_TRADES: u64 = 3;

/// How many elements the array has that `bytes` begin with; none if more bytes are needed or it is not an array.
#[must_use]
pub fn array_length(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [head @ 0x90..=0x9f, ..] => Some(u32::from(head & 0x0f)),
        [0xdc, a, b, ..] => Some(u32::from(u16::from_be_bytes([a, b]))),
        [0xdd, a, b, c, d, ..] => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

/// The data messages of a frame, in order. A frame of another shape (control messages are maps) has none.
pub fn records(frame: &[u8]) -> impl Iterator<Item = Record> {
    let mut rest = frame;
    let messages = take_array(&mut rest).unwrap_or(0);
    (0..messages).map_while(move |_| take_message(&mut rest)).flatten()
}

/// The next message: none at the end, `Some(None)` if it is not of trades.
fn take_message(rest: &mut &[u8]) -> Option<Option<Record>> {
    let fields = take_array(rest)?;
    let mut numbers = [0u64; 8];
    for at in 0..fields as usize {
        let number = take_integer(rest)?;
        if let Some(place) = numbers.get_mut(at) {
            *place = number;
        }
    }
    let [kind, id, n0, n1, n2, _, n4, _] = numbers;
    // A snapshot's kind has 16 added; it repeats an event.
    Some(match kind {
        TRADE => Some(Record { id, first: n0, last: n0, offset: n1, ts_us: n2 as i64 }),
        MERGED_TRADES => Some(Record { id, first: n0, last: n1, offset: n2, ts_us: n4 as i64 }),
        _ => None,
    })
}

fn take_array(rest: &mut &[u8]) -> Option<u32> {
    let length = array_length(rest)?;
    let head = match rest[0] {
        0xdc => 3,
        0xdd => 5,
        _ => 1,
    };
    *rest = &rest[head..];
    Some(length)
}

/// An integer of any width; negative ones in two's complement.
fn take_integer(rest: &mut &[u8]) -> Option<u64> {
    let (&head, tail) = rest.split_first()?;
    let width = match head {
        0x00..=0x7f | 0xe0..=0xff => 0,
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xce | 0xd2 => 4,
        0xcf | 0xd3 => 8,
        _ => return None,
    };
    let (bytes, tail) = tail.split_at_checked(width)?;
    *rest = tail;
    let unsigned = bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    Some(match head {
        0x00..=0x7f => u64::from(head),
        0xe0..=0xff => i64::from(head.cast_signed()) as u64,
        0xd0..=0xd3 => ((unsigned << (64 - 8 * width)) as i64 >> (64 - 8 * width)) as u64,
        _ => unsigned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_and_merged_trades_are_read() {
        let mut frame = vec![0x92];
        frame.extend([0x98, 1, 0xcc, 200, 7, 0xcd, 1, 0, 0xcf, 0, 6, 0, 0, 0, 0, 0, 1]);
        frame.extend([0xce, 0, 0, 1, 0, 0xd1, 0xff, 0xfe, 0xff]);
        frame.extend([0x9d, 3, 5, 8, 10, 11, 12, 13, 1, 2, 3, 4, 5, 3]);
        let (id, offset, ts_us) = (200, 256, 0x0006_0000_0000_0001);
        let trade = Record { id, first: 7, last: 7, offset, ts_us };
        let merged = Record { id: 5, first: 8, last: 10, offset: 11, ts_us: 13 };
        assert_eq!(records(&frame).collect::<Vec<_>>(), [trade, merged]);
        assert_eq!(records(&frame[..20]).count(), 0);
    }

    #[test]
    fn arrays_say_how_long_they_are() {
        assert_eq!(array_length(&[0x93]), Some(3));
        assert_eq!(array_length(&[0xdc, 1, 0]), Some(256));
        assert_eq!(array_length(&[0xdd, 0, 1, 0, 0]), Some(65_536));
        assert_eq!(array_length(&[0xdc, 1]), None);
        assert_eq!(array_length(&[0x81]), None);
    }
}
