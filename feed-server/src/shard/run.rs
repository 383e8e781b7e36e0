//! Events of a symbol and channel within one second, merged into one: what a backlog is made of, and how what a shard missed is
//! handed to many backlogs at once. Pure bookkeeping.

use feed_protocol::{
    Aggressor, Body, Event, EventChannel, GapReason, MergedQuote, MergedTrades, Quote, Record,
    SymbolId, Trade, TradingStatus,
};
use rustc_hash::FxHashMap;

use super::backlog::{Gap, Out};

/// One or several events of a symbol and channel within one second; 96 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    first_seq: u64,
    last_seq: u64,
    first_offset: u64,
    last_offset: u64,
    first_ts_us: i64,
    last_ts_us: i64,
    body: Merged,
}

#[derive(Clone, Copy, Debug)]
enum Merged {
    Trades { open: i64, high: i64, low: i64, last: i64, volume: u64, aggressor: Aggressor },
    Quote(Quote),
    Status(TradingStatus),
    Gap(GapReason),
}

impl Run {
    /// Of one event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            first_seq: event.seq,
            last_seq: event.seq,
            first_offset: event.offset,
            last_offset: event.offset,
            first_ts_us: event.ts_us,
            last_ts_us: event.ts_us,
            body: match event.body {
                Body::Trade(Trade { price, size, aggressor }) => Merged::Trades {
                    open: price,
                    high: price,
                    low: price,
                    last: price,
                    volume: size.into(),
                    aggressor,
                },
                Body::Quote(quote) => Merged::Quote(quote),
                Body::Status(status) => Merged::Status(status),
            },
        }
    }

    /// Of nothing but an announcement that events are missing.
    #[must_use]
    pub fn missing(gap: &Gap) -> Self {
        Self {
            first_seq: gap.from,
            last_seq: gap.to,
            first_offset: gap.known_offset + 1,
            last_offset: gap.known_offset + 1,
            first_ts_us: gap.known_ts_us,
            last_ts_us: gap.known_ts_us,
            body: Merged::Gap(gap.why),
        }
    }

    /// What is announced once the run after this one, or this one itself, was dropped because too much waited.
    #[must_use]
    pub fn with_dropped(self, dropped: &Self) -> Self {
        Self {
            last_seq: dropped.last_seq,
            last_offset: self.first_offset,
            last_ts_us: self.first_ts_us,
            body: Merged::Gap(GapReason::Slow),
            ..self
        }
    }

    /// The first offset of it.
    #[must_use]
    pub fn first_offset(&self) -> u64 {
        self.first_offset
    }

    /// The last offset of it.
    #[must_use]
    pub fn last_offset(&self) -> u64 {
        self.last_offset
    }

    /// Time (µs) of its first event.
    #[must_use]
    pub fn first_ts_us(&self) -> i64 {
        self.first_ts_us
    }

    /// The second of `ts` that it belongs to.
    #[must_use]
    pub fn second(&self) -> i64 {
        self.last_ts_us.div_euclid(feed_protocol::US_PER_SECOND)
    }

    /// Whether it is an announcement.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        matches!(self.body, Merged::Gap(_))
    }

    /// How many events are not sent by themselves.
    #[must_use]
    pub fn merged_away(&self) -> u64 {
        if self.is_gap() { 0 } else { self.last_seq - self.first_seq }
    }

    /// Merges the next event in, if it is of the same second, its kind merges and nothing is missing between.
    #[inline]
    pub fn absorb(&mut self, event: &Event) -> bool {
        if !self.is_followed_by(event.second(), event.seq, false) {
            return false;
        }
        match (&mut self.body, event.body) {
            (Merged::Trades { high, low, last, volume, .. }, Body::Trade(trade)) => {
                *high = (*high).max(trade.price);
                *low = (*low).min(trade.price);
                *last = trade.price;
                *volume += u64::from(trade.size);
            }
            (Merged::Quote(quote), Body::Quote(newer)) => *quote = newer,
            _ => return false,
        }
        self.last_seq = event.seq;
        self.last_offset = event.offset;
        self.last_ts_us = event.ts_us;
        true
    }

    /// Merges the run that came next in, on the same conditions.
    pub fn absorb_run(&mut self, next: &Self) -> bool {
        if !self.is_followed_by(next.second(), next.first_seq, next.is_gap()) {
            return false;
        }
        match (&mut self.body, &next.body) {
            (
                Merged::Trades { high, low, last, volume, .. },
                Merged::Trades { high: top, low: bottom, last: newest, volume: more, .. },
            ) => {
                *high = (*high).max(*top);
                *low = (*low).min(*bottom);
                *last = *newest;
                *volume += more;
            }
            (Merged::Quote(quote), Merged::Quote(newer)) => *quote = *newer,
            _ => return false,
        }
        self.last_seq = next.last_seq;
        self.last_offset = next.last_offset;
        self.last_ts_us = next.last_ts_us;
        true
    }

    /// Whether what begins with this number, in this second, comes right after it.
    #[inline]
    fn is_followed_by(&self, second: i64, seq: u64, is_gap: bool) -> bool {
        // Gaps say of themselves what is missing.
        debug_assert!(
            self.second() != second || seq == self.last_seq + 1 || self.is_gap() || is_gap,
            "holes are announced by add_gap"
        );
        self.second() == second && seq == self.last_seq + 1
    }

    /// What leaves: merged records bear the offset `position`.
    #[must_use]
    pub fn out(&self, symbol: SymbolId, channel: EventChannel, position: u64) -> Out {
        let single = |body| {
            Out::Record(Record::Event(Event {
                symbol,
                seq: self.last_seq,
                offset: self.last_offset,
                ts_us: self.last_ts_us,
                body,
            }))
        };
        let is_single = self.first_seq == self.last_seq;
        match self.body {
            Merged::Gap(why) => {
                let (from, to) = (self.first_seq, self.last_seq);
                let known_offset = self.first_offset - 1;
                let known_ts_us = self.first_ts_us;
                Out::Gap(Gap { symbol, channel, from, to, why, known_offset, known_ts_us })
            }
            Merged::Status(status) => single(Body::Status(status)),
            Merged::Quote(quote) if is_single => single(Body::Quote(quote)),
            Merged::Trades { last, volume, aggressor, .. } if is_single => {
                let size = u32::try_from(volume).expect("one trade's size");
                single(Body::Trade(Trade { price: last, size, aggressor }))
            }
            Merged::Quote(quote) => Out::Record(Record::Quote(MergedQuote {
                symbol,
                first_seq: self.first_seq,
                last_seq: self.last_seq,
                offset: position,
                ts_us: self.last_ts_us,
                quote,
            })),
            Merged::Trades { open, high, low, last, volume, .. } => {
                Out::Record(Record::Trades(MergedTrades {
                    symbol,
                    first_seq: self.first_seq,
                    last_seq: self.last_seq,
                    offset: position,
                    first_ts_us: self.first_ts_us,
                    last_ts_us: self.last_ts_us,
                    open,
                    high,
                    low,
                    last,
                    volume,
                }))
            }
        }
    }
}

/// Events merged before it is known for whom, by symbol and channel.
#[derive(Debug, Default)]
pub struct Runs(FxHashMap<(SymbolId, EventChannel), Vec<Run>>);

impl Runs {
    /// Takes an event in. Events of a symbol and channel must come in the order of their numbers.
    pub fn add(&mut self, event: &Event) {
        let runs = self.0.entry((event.symbol, event.channel())).or_default();
        if !runs.last_mut().is_some_and(|last| last.absorb(event)) {
            runs.push(Run::of(event));
        }
    }

    /// Hands everything out, of a symbol and channel in order, and keeps nothing.
    pub fn drain(&mut self, mut visit: impl FnMut((SymbolId, EventChannel), &Run)) {
        for (topic, runs) in self.0.drain() {
            for run in &runs {
                visit(topic, run);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use feed_protocol::US_PER_SECOND;
    use proptest::prelude::*;

    use super::super::backlog::Backlog;
    use super::*;

    /// An event of either of two symbols: a trade, a quote or a status, some time after the one before.
    fn happenings() -> impl Strategy<Value = Vec<(u32, u8, i64, i64)>> {
        let us = prop_oneof![0..1000i64, 0..3 * US_PER_SECOND];
        prop::collection::vec((0..2u32, 0..3u8, us, 1..100i64), 0..400)
    }

    fn events(happenings: &[(u32, u8, i64, i64)]) -> Vec<Event> {
        let (mut ts_us, mut numbers) = (0, FxHashMap::default());
        let event = |(place, &(symbol, kind, us, price)): (usize, &(u32, u8, i64, i64))| {
            ts_us += us;
            let body = match kind {
                0 => Body::Trade(Trade { price, size: place as u32, aggressor: Aggressor::Buyer }),
                1 => {
                    let (bid_size, ask_size) = (place as u32, 1);
                    Body::Quote(Quote { bid: price, bid_size, ask: price + 1, ask_size })
                }
                _ => Body::Status(TradingStatus::Trading),
            };
            let seq = numbers.entry((symbol, kind)).or_insert(0);
            *seq += 1;
            let offset = place as u64 + 1;
            Event { symbol: SymbolId(symbol), seq: *seq, offset, ts_us, body }
        };
        happenings.iter().enumerate().map(event).collect()
    }

    fn emptied(mut backlog: Backlog) -> (Vec<Out>, u64) {
        let (mut out, mut merged) = (Vec::new(), 0);
        while !backlog.is_empty() {
            let begin = out.len();
            merged += backlog.take_second(&mut out);
            // Of one position there may be several, in no particular order.
            out[begin..].sort_by_key(|out| format!("{out:?}"));
        }
        (out, merged)
    }

    proptest! {
        /// However events are cut into chunks that are merged beforehand: the same waits as if each had been taken in by itself.
        #[test]
        fn runs_make_the_same_backlog(happenings in happenings(), chunk in 1..200usize) {
            let events = events(&happenings);
            let (mut singly, mut merged, mut runs) = (Backlog::default(), Backlog::default(), Runs::default());
            events.iter().for_each(|event| singly.add(event));
            for chunk in events.chunks(chunk) {
                chunk.iter().for_each(|event| runs.add(event));
                runs.drain(|topic, run| merged.add_run(topic, run));
            }
            prop_assert_eq!(singly.len(), merged.len());
            prop_assert_eq!(singly.first_offset(), merged.first_offset());
            prop_assert_eq!(emptied(singly), emptied(merged));
        }
    }
}
