//! What waits for subscribers that cannot, or do not want to, take every event: kept by value, not by bytes.
//! Trades and quotes of one symbol merge into one record a second of `ts`; statuses stay as they are. Memory is bounded
//! by what was subscribed to, whatever the tick rate: [`SECONDS_MAX`] records a symbol and channel, then the oldest become
//! a gap. Pure bookkeeping: no clock, no socket.

use std::collections::VecDeque;

use feed_protocol::{
    Aggressor, Body, Event, EventChannel, GapReason, MergedQuote, MergedTrades, Quote, Record,
    SymbolId, Trade, TradingStatus,
};
use rustc_hash::FxHashMap;

/// Seconds kept of one symbol and channel.
pub const SECONDS_MAX: usize = 64;
/// Statuses kept of one symbol; they never merge.
const STATUSES_MAX: usize = 1024;

/// A hole in what a subscriber is sent, to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub symbol: SymbolId,
    /// On which channel.
    pub channel: EventChannel,
    /// First number that is missing.
    pub from: u64,
    /// Last number that is missing.
    pub to: u64,
    /// Why.
    pub why: GapReason,
    /// Everything up to this offset was there before the hole.
    pub known_offset: u64,
    /// Time (µs) of the event at that offset. The hole is announced with this second, so that nothing that came after the
    /// lost events leaves before it: a client that goes with its cursor in between would never hear of it.
    pub known_ts_us: i64,
}

/// What leaves a backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// An announcement; what follows of that symbol continues after the hole.
    Gap(Gap),
    /// An event, or several merged.
    Record(Record),
}

/// Merged events, waiting.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    series: FxHashMap<(SymbolId, EventChannel), VecDeque<Waiting>>,
    records: usize,
}

/// One or several events of a symbol and channel within one second; 96 bytes.
#[derive(Clone, Copy, Debug)]
struct Waiting {
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

impl Backlog {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Records waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Takes an event in. Events of a symbol and channel must come in the order of their numbers.
    pub fn add(&mut self, event: &Event) {
        let series = self.series.entry((event.symbol, event.channel())).or_default();
        if let Some(last) = series.back_mut()
            && last.last_ts_us.div_euclid(feed_protocol::US_PER_SECOND) == event.second()
            && last.absorb(event)
        {
            return;
        }
        series.push_back(Waiting::of(event));
        self.records += 1;
        let limit = match event.channel() {
            EventChannel::Status => STATUSES_MAX,
            EventChannel::Trades | EventChannel::Quotes => SECONDS_MAX,
        };
        // The announcement itself takes one place more.
        let held = series.len() - usize::from(series.front().is_some_and(Waiting::is_gap));
        if held > limit {
            self.records -= drop_oldest(series);
        }
    }

    /// Takes in that events are missing before the next event of that symbol and channel.
    pub fn add_gap(&mut self, gap: &Gap) {
        let series = self.series.entry((gap.symbol, gap.channel)).or_default();
        series.push_back(Waiting {
            first_seq: gap.from,
            last_seq: gap.to,
            first_offset: gap.known_offset + 1,
            last_offset: gap.known_offset + 1,
            first_ts_us: gap.known_ts_us,
            last_ts_us: gap.known_ts_us,
            body: Merged::Gap(gap.why),
        });
        self.records += 1;
    }

    /// Discards what waits for a symbol and channel.
    pub fn discard(&mut self, symbol: SymbolId, channel: EventChannel) {
        if let Some(series) = self.series.remove(&(symbol, channel)) {
            self.records -= series.len();
        }
    }

    /// Moves out what waits for some symbols and channels.
    #[must_use]
    pub fn split_off(&mut self, topics: impl Iterator<Item = (SymbolId, EventChannel)>) -> Self {
        let mut moved = Self::default();
        for key in topics {
            if let Some(series) = self.series.remove(&key) {
                self.records -= series.len();
                moved.records += series.len();
                moved.series.insert(key, series);
            }
        }
        moved
    }

    /// The first offset that waits; everything before it has left.
    #[must_use]
    pub fn first_offset(&self) -> Option<u64> {
        self.series.values().filter_map(|series| series.front()).map(|w| w.first_offset).min()
    }

    /// Time (µs) of the oldest event that waits.
    #[must_use]
    pub fn oldest_ts_us(&self) -> Option<i64> {
        self.series.values().filter_map(|series| series.front()).map(|w| w.first_ts_us).min()
    }

    /// The oldest second something waits of.
    #[must_use]
    pub fn first_second(&self) -> Option<i64> {
        self.series.values().filter_map(|series| series.front()).map(Waiting::second).min()
    }

    /// Appends to `out` all that waits of the oldest second: one frame. Merged records bear the greatest offset of the
    /// frame, which is a cursor: whatever waited up to there is in it. Returns how many events were merged away.
    pub fn take_second(&mut self, out: &mut Vec<Out>) -> u64 {
        let Some(second) = self.first_second() else { return 0 };
        let mut taken = Vec::new();
        for (key, series) in &mut self.series {
            while series.front().is_some_and(|waiting| waiting.second() == second) {
                if let Some(waiting) = series.pop_front() {
                    taken.push((*key, waiting));
                }
            }
        }
        self.records -= taken.len();
        if self.records == 0 {
            // A client that has caught up keeps no memory of having been slow.
            self.series = FxHashMap::default();
        }
        // Stable: of one symbol and channel, what waited first leaves first.
        taken.sort_by_key(|(_, waiting)| waiting.last_offset);
        let records = taken.iter().filter(|(_, waiting)| !waiting.is_gap());
        let position = records.map(|(_, waiting)| waiting.last_offset).max().unwrap_or(0);
        let mut merged = 0;
        for ((symbol, channel), waiting) in taken {
            merged += waiting.merged_away();
            out.push(waiting.out(symbol, channel, position));
        }
        merged
    }
}

/// Drops the oldest second and lengthens the gap at the front; returns how many places became free.
fn drop_oldest(series: &mut VecDeque<Waiting>) -> usize {
    let before = series.len();
    let front_gap = series.front().copied().filter(Waiting::is_gap);
    if front_gap.is_some() {
        series.pop_front();
    }
    let Some(dropped) = series.pop_front() else { return 0 };
    let first = front_gap.unwrap_or(dropped);
    series.push_front(Waiting {
        last_seq: dropped.last_seq,
        last_offset: first.first_offset,
        last_ts_us: first.first_ts_us,
        body: Merged::Gap(GapReason::Slow),
        ..first
    });
    before - series.len()
}

impl Waiting {
    fn of(event: &Event) -> Self {
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

    fn second(&self) -> i64 {
        self.last_ts_us.div_euclid(feed_protocol::US_PER_SECOND)
    }

    fn is_gap(&self) -> bool {
        matches!(self.body, Merged::Gap(_))
    }

    fn merged_away(&self) -> u64 {
        if self.is_gap() { 0 } else { self.last_seq - self.first_seq }
    }

    /// Merges an event of the same second in, if its kind merges and nothing is missing between.
    fn absorb(&mut self, event: &Event) -> bool {
        // Gaps say of themselves what is missing.
        if event.seq != self.last_seq + 1 {
            debug_assert!(self.is_gap(), "holes are announced by add_gap");
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

    fn out(&self, symbol: SymbolId, channel: EventChannel, position: u64) -> Out {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(seq: u64) -> Event {
        let body = Body::Trade(Trade { price: 1, size: 1, aggressor: Aggressor::Buyer });
        Event { symbol: SymbolId(0), seq, offset: seq, ts_us: 0, body }
    }

    /// With debug assertions such a mistake ends the test that finds it; without them it must at least not hide the hole.
    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "holes are announced by add_gap"))]
    fn a_hole_that_nobody_announced_is_not_merged_away() {
        let mut backlog = Backlog::default();
        for seq in [1, 2, 4, 5] {
            backlog.add(&trade(seq));
        }
        let mut out = Vec::new();
        assert_eq!(backlog.take_second(&mut out), 2);
        let numbers = out.iter().map(|out| match out {
            Out::Record(Record::Trades(trades)) => (trades.first_seq, trades.last_seq),
            other => panic!("{other:?}"),
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [(1, 2), (4, 5)]);
    }
}
