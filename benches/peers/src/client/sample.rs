//! Reads every message of a few connections: sequence numbers, order, and how old each message is when it is read.
//! On all connections this would cost more than the servers; their messages are only counted.

use std::collections::HashMap;

use hdrhistogram::Histogram;
use memchr::{memchr, memmem, memrchr};

/// Greater latencies count as this one, µs.
const LATENCY_MAX_US: u64 = 60_000_000;

/// What samples have seen together.
#[derive(Debug)]
pub struct Observed {
    /// Receipt − `ts`, µs; a histogram for each part of the window, so that growth can be seen.
    pub latency_us: Vec<Histogram<u64>>,
    /// The part that is recorded into; none outside of the window.
    pub part: Option<usize>,
    /// Messages that were parsed.
    pub messages: u64,
    /// Greatest position in the stream.
    pub offset: u64,
    /// Messages that stand for several events, and how many events they stand for.
    pub merged: (u64, u64),
    /// Events left out in silence, messages that came twice or too late, and such as were not asked for.
    pub broken: u64,
    /// What the first broken one was.
    pub complaint: Option<String>,
}

impl Observed {
    /// Nothing yet; `parts` of the window are told apart.
    ///
    /// # Panics
    /// Never: three digits are what the histogram supports.
    #[must_use]
    pub fn new(parts: usize) -> Self {
        let histogram = Histogram::new_with_max(LATENCY_MAX_US, 3).expect("3 digits are supported");
        Self {
            latency_us: vec![histogram; parts],
            part: None,
            messages: 0,
            offset: 0,
            merged: (0, 0),
            broken: 0,
            complaint: None,
        }
    }

    fn complain(&mut self, events: u64, complaint: impl FnOnce() -> String) {
        self.broken += events;
        self.complaint.get_or_insert_with(complaint);
    }
}

/// One event or merged record: the symbol's name (or its id), the first and the last event it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record<'a> {
    symbol: &'a [u8],
    first: u64,
    last: u64,
    offset: u64,
    ts_us: i64,
}

/// A connection that is read.
#[derive(Debug, Default)]
pub struct Sample {
    carry: Vec<u8>,
    /// The last sequence number of each symbol that was asked for; none before the first message.
    pub last: HashMap<Vec<u8>, Option<u64>>,
}

impl Sample {
    /// A connection that asked for these.
    #[must_use]
    pub fn new(symbols: &[&str]) -> Self {
        let last = symbols.iter().map(|symbol| (symbol.as_bytes().to_vec(), None)).collect();
        Self { carry: Vec::new(), last }
    }

    /// Takes a piece of JSON in whatever stands around it; an object ends with the first closing brace.
    pub fn json(&mut self, mut piece: &[u8], now_us: i64, observed: &mut Observed) {
        while let Some(end) = memchr(b'}', piece) {
            let (head, rest) = piece.split_at(end + 1);
            piece = rest;
            if self.carry.is_empty() {
                self.object(head, now_us, observed);
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(head);
                self.object(&whole, now_us, observed);
                whole.clear();
                self.carry = whole;
            }
        }
        self.carry.extend_from_slice(piece);
    }

    fn object(&mut self, bytes: &[u8], now_us: i64, observed: &mut Observed) {
        let from = memrchr(b'{', bytes).unwrap_or(0);
        if let Some(record) = json_record(&bytes[from..]) {
            self.record(record, now_us, observed);
        } else if memmem::find(bytes, br#""T":"gap""#).is_some() {
            observed.complain(1, || String::from_utf8_lossy(bytes).into_owned());
        }
    }

    /// Takes a piece of a MessagePack message, which is complete if `last`. Symbols are ids there, so that what was not
    /// asked for is not noticed.
    pub fn messagepack(&mut self, piece: &[u8], last: bool, now_us: i64, observed: &mut Observed) {
        self.carry.extend_from_slice(piece);
        if !last {
            return;
        }
        let whole = std::mem::take(&mut self.carry);
        for record in super::messagepack::records(&whole) {
            let symbol = record.id.to_be_bytes();
            self.last.entry(symbol.to_vec()).or_default();
            let (first, last) = (record.first, record.last);
            let (offset, ts_us) = (record.offset, record.ts_us);
            self.record(Record { symbol: &symbol, first, last, offset, ts_us }, now_us, observed);
        }
        self.carry = whole;
        self.carry.clear();
    }

    fn record(&mut self, record: Record<'_>, now_us: i64, observed: &mut Observed) {
        observed.messages += 1;
        observed.offset = observed.offset.max(record.offset);
        let name = || record.symbol.escape_ascii();
        match self.last.get_mut(record.symbol) {
            None => observed.complain(1, || format!("{} was not asked for", name())),
            Some(last) => {
                match *last {
                    Some(last) if record.first <= last => observed
                        .complain(1, || format!("{} {} came after {last}", name(), record.first)),
                    Some(last) if record.first > last + 1 => {
                        let missing = record.first - last - 1;
                        observed.complain(missing, || {
                            format!("{missing} events of {} missing after {last}", name())
                        });
                    }
                    _ => {}
                }
                *last = (*last).max(Some(record.last));
            }
        }
        if record.last > record.first {
            observed.merged.0 += 1;
            observed.merged.1 += record.last - record.first + 1;
        }
        if let Some(part) = observed.part {
            let age_us = u64::try_from(now_us - record.ts_us).unwrap_or(0);
            observed.latency_us[part].saturating_record(age_us);
        }
    }
}

/// An event's fields; none if it is a message of another kind.
fn json_record(object: &[u8]) -> Option<Record<'_>> {
    let symbol = after(object, br#""S":""#)?;
    let symbol = &symbol[..memchr(b'"', symbol)?];
    let last = number(after(object, br#""n":"#)?)?;
    let first = after(object, br#""n0":"#).map_or(Some(last), number)?;
    let offset = number(after(object, br#""o":"#)?)?;
    let ts_us = i64::try_from(number(after(object, br#""ts":"#)?)?).ok()?;
    Some(Record { symbol, first, last, offset, ts_us })
}

fn after<'a>(object: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memmem::find(object, key).map(|at| &object[at + key.len()..])
}

fn number(digits: &[u8]) -> Option<u64> {
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..length]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = r#"[{"T":"t","S":"A","n":4,"o":9,"ts":1000,"p":1.00,"v":1,"d":1}]
        MSG B 1 77 {"T":"t","S":"B","n":1,"o":10,"ts":1500,"p":1.00,"v":1,"d":1}
        42["t",{"T":"m","S":"A","n0":5,"n":7,"o":12,"ts0":1600,"ts":1700,"p":1}]"#;

    fn read(stream: &str, cut: usize) -> Observed {
        let (mut sample, mut observed) = (Sample::new(&["A", "B"]), Observed::new(1));
        observed.part = Some(0);
        for piece in stream.as_bytes().chunks(cut) {
            sample.json(piece, 2000, &mut observed);
        }
        observed
    }

    #[test]
    fn messages_are_read_however_they_are_cut_and_wrapped() {
        for cut in [1, 5, 64, STREAM.len()] {
            let observed = read(STREAM, cut);
            assert_eq!((observed.messages, observed.merged, observed.offset), (3, (1, 3), 12));
            assert_eq!((observed.broken, observed.complaint), (0, None));
            assert_eq!((observed.latency_us[0].min(), observed.latency_us[0].max()), (300, 1000));
        }
    }

    #[test]
    fn what_is_missing_or_comes_twice_or_unasked_is_counted() {
        let missing = STREAM.replace(r#""n0":5"#, r#""n0":6"#);
        assert_eq!(read(&missing, 9).complaint.unwrap(), "1 events of A missing after 4");
        let again = format!("{STREAM}{STREAM}");
        assert_eq!(read(&again, 9).broken, 3);
        let foreign = STREAM.replace(r#""S":"B""#, r#""S":"C""#);
        assert_eq!(read(&foreign, 9).complaint.unwrap(), "C was not asked for");
    }
}
