//! What waits for subscribers that cannot, or do not want to, take every event: kept by value, not by bytes.
//! Trades and quotes of one symbol merge into one record a second of `ts`; statuses stay as they are. Memory is bounded
//! by what was subscribed to, whatever the tick rate: [`SECONDS_MAX`] records a symbol and channel, then the oldest become
//! a gap. Pure bookkeeping: no clock, no socket.

use std::collections::VecDeque;

use feed_protocol::{Event, EventChannel, GapReason, Record, SymbolId};
use rustc_hash::FxHashMap;

use super::run::Run;

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
    series: FxHashMap<(SymbolId, EventChannel), VecDeque<Run>>,
    records: usize,
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
        if !series.back_mut().is_some_and(|last| last.absorb(event)) {
            self.records += push(series, Run::of(event), event.channel());
        }
    }

    /// Takes in events that were merged already, on the same condition.
    pub fn add_run(&mut self, topic: (SymbolId, EventChannel), run: &Run) {
        let series = self.series.entry(topic).or_default();
        if !series.back_mut().is_some_and(|last| last.absorb_run(run)) {
            self.records += push(series, *run, topic.1);
        }
    }

    /// Takes in that events are missing before the next event of that symbol and channel.
    pub fn add_gap(&mut self, gap: &Gap) {
        let series = self.series.entry((gap.symbol, gap.channel)).or_default();
        series.push_back(Run::missing(gap));
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
        self.series.values().filter_map(|series| series.front()).map(|w| w.first_offset()).min()
    }

    /// Time (µs) of the oldest event that waits.
    #[must_use]
    pub fn oldest_ts_us(&self) -> Option<i64> {
        self.series.values().filter_map(|series| series.front()).map(|w| w.first_ts_us()).min()
    }

    /// The oldest second something waits of.
    #[must_use]
    pub fn first_second(&self) -> Option<i64> {
        self.series.values().filter_map(|series| series.front()).map(Run::second).min()
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
        taken.sort_by_key(|(_, waiting)| waiting.last_offset());
        let records = taken.iter().filter(|(_, waiting)| !waiting.is_gap());
        let position = records.map(|(_, waiting)| waiting.last_offset()).max().unwrap_or(0);
        let mut merged = 0;
        for ((symbol, channel), waiting) in taken {
            merged += waiting.merged_away();
            out.push(waiting.out(symbol, channel, position));
        }
        merged
    }
}

/// Appends to a series that then holds no more than it may; returns how many places more that took.
fn push(series: &mut VecDeque<Run>, run: Run, channel: EventChannel) -> usize {
    series.push_back(run);
    let limit = match channel {
        EventChannel::Status => STATUSES_MAX,
        EventChannel::Trades | EventChannel::Quotes => SECONDS_MAX,
    };
    // The announcement itself takes one place more.
    let held = series.len() - usize::from(series.front().is_some_and(Run::is_gap));
    1 - if held > limit { drop_oldest(series) } else { 0 }
}

/// Drops the oldest second and lengthens the gap at the front; returns how many places became free.
fn drop_oldest(series: &mut VecDeque<Run>) -> usize {
    let before = series.len();
    let front_gap = series.front().copied().filter(Run::is_gap);
    if front_gap.is_some() {
        series.pop_front();
    }
    let Some(dropped) = series.pop_front() else { return 0 };
    let first = front_gap.unwrap_or(dropped);
    series.push_front(first.with_dropped(&dropped));
    before - series.len()
}

#[cfg(test)]
mod tests {
    use feed_protocol::{Aggressor, Body, Trade};

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
