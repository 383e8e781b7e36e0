//! One batch out of a shard's queue, and its messages: each encoded at most once a format, and only when somebody wants it.

use feed_protocol::{Control, Event, Format, Record, Universe, write_record};

use super::backlog::{Gap, Out};
use super::frame::separate;

/// Something to be sent.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// An event.
    Event(Event),
    /// Events that the shard itself missed.
    Gap(Gap),
}

impl Item {
    /// Once it has left, everything up to this offset has.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::Event(event) => event.offset,
            Self::Gap(gap) => gap.known_offset,
        }
    }

    /// The first offset that has not left as long as it has not.
    #[must_use]
    pub fn first_offset(&self) -> u64 {
        match self {
            Self::Event(event) => event.offset,
            Self::Gap(gap) => gap.known_offset + 1,
        }
    }

    /// Its time, µs.
    #[must_use]
    pub fn ts_us(&self) -> i64 {
        match self {
            Self::Event(event) => event.ts_us,
            Self::Gap(gap) => gap.known_ts_us,
        }
    }
}

#[derive(Debug, Default)]
struct Encoding {
    bytes: Vec<u8>,
    /// By item: where it stands in `bytes`; empty if it was not wanted yet.
    spans: Vec<(u32, u32)>,
}

/// Items of a batch and their encodings.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many items there were before this batch.
    first: u64,
    items: Vec<Item>,
    encodings: [Encoding; 2],
}

impl Batch {
    /// Forgets everything and goes on from there; keeps the memory.
    pub fn clear(&mut self) {
        self.begin_at(self.end());
    }

    /// Forgets everything; the next item's place is `first`.
    pub fn begin_at(&mut self, first: u64) {
        self.first = first;
        self.items.clear();
        for encoding in &mut self.encodings {
            encoding.bytes.clear();
            encoding.spans.clear();
        }
    }

    /// Adds an item; returns its place.
    pub fn push(&mut self, item: Item) -> u32 {
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Items in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Items it has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.items.capacity()
    }

    /// Gives back room for far more than is in it.
    pub fn fit(&mut self) {
        if self.items.capacity() <= 4 * self.items.len() {
            return;
        }
        self.items.shrink_to_fit();
        for Encoding { bytes, spans } in &mut self.encodings {
            bytes.shrink_to_fit();
            spans.shrink_to_fit();
        }
    }

    /// The place of its first item among all there ever were.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The place behind its last item.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Where in it an item is whose place among all is `place`.
    #[must_use]
    pub fn index(&self, place: u64) -> u32 {
        (place - self.first) as u32
    }

    /// The item at a place.
    #[must_use]
    pub fn item(&self, place: u32) -> &Item {
        &self.items[place as usize]
    }

    /// The message of an item, with its separator.
    #[inline]
    pub fn message(&mut self, format: Format, place: u32, universe: &Universe) -> &[u8] {
        let (message, length) = self.message_and_more(format, place, universe);
        &message[..length]
    }

    /// The message of an item, with its separator: its length, and bytes that begin with it.
    #[inline]
    pub fn message_and_more(
        &mut self,
        format: Format,
        place: u32,
        universe: &Universe,
    ) -> (&[u8], usize) {
        let encoding = &mut self.encodings[format as usize];
        if encoding.spans.len() < self.items.len() {
            encoding.spans.resize(self.items.len(), (0, 0));
        }
        let (mut start, mut end) = encoding.spans[place as usize];
        if start == end {
            start = encoding.bytes.len() as u32;
            match &self.items[place as usize] {
                Item::Event(event) => {
                    let symbol = universe.get(event.symbol);
                    let record = Record::Event(*event);
                    write_record(format, &mut encoding.bytes, symbol, &record, false);
                }
                Item::Gap(gap) => write_gap(format, &mut encoding.bytes, gap, universe),
            }
            separate(format, &mut encoding.bytes);
            end = encoding.bytes.len() as u32;
            encoding.spans[place as usize] = (start, end);
        }
        (&encoding.bytes[start as usize..], (end - start) as usize)
    }
}

/// Appends a `gap` message.
pub fn write_gap(format: Format, out: &mut Vec<u8>, gap: &Gap, universe: &Universe) {
    let control = Control::Gap {
        symbol: universe.get(gap.symbol).name.to_string(),
        ch: gap.channel.as_str().to_owned(),
        from: gap.from,
        to: gap.to,
        why: gap.why,
    };
    control.write(format, out);
}

/// Appends what leaves a backlog or a replay; `snap` marks single events as snapshots.
pub fn write_out(format: Format, bytes: &mut Vec<u8>, out: &Out, snap: bool, universe: &Universe) {
    match out {
        Out::Gap(gap) => write_gap(format, bytes, gap, universe),
        Out::Record(record) => {
            let id = match record {
                Record::Event(event) => event.symbol,
                Record::Trades(trades) => trades.symbol,
                Record::Quote(quote) => quote.symbol,
            };
            write_record(format, bytes, universe.get(id), record, snap);
        }
    }
}
