//! Bars for subscribers: the forming bar when it has changed, at most four times a second, and once more when it is final.
//! The market keeps the bars; here is only remembered what was sent last, so that a slow subscriber costs nothing and gets
//! the newest states and up to [`FINALS_MAX`] final bars when it comes back.

use feed_protocol::{Interval, SymbolId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::audience::{Selection, Topic};
use crate::market::{Market, SeenBar};

/// Least time between two states of a forming bar.
pub const PERIOD_MS_MIN: u32 = 250;
/// Final bars that a slow subscriber gets of each symbol and interval.
pub const FINALS_MAX: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Sent {
    start_us: i64,
    count: u64,
    is_final: bool,
}

/// What was sent last of each symbol and interval, and which symbols have traded since.
#[derive(Clone, Debug, Default)]
pub struct BarPositions {
    sent: FxHashMap<Topic, Sent>,
    traded: FxHashSet<SymbolId>,
    /// End (µs) of the first bar that was sent and is not final.
    first_end_us: Option<i64>,
}

impl BarPositions {
    /// Notes that a symbol has traded.
    #[inline]
    pub fn note_trade(&mut self, symbol: SymbolId) {
        self.traded.insert(symbol);
    }

    /// The newest bar of each topic, for a snapshot; what was collected before is forgotten for them.
    pub fn snapshot(
        &mut self,
        topics: impl Iterator<Item = Topic>,
        market: &Market,
        out: &mut Vec<(Topic, SeenBar)>,
    ) {
        for topic in topics {
            self.sent.remove(&topic);
            self.collect_topic(topic, 1, market, out);
        }
        self.find_first_end();
    }

    /// Notes the newest bar of each topic as sent without sending it: what follows starts there.
    pub fn start_at_present(&mut self, topics: impl Iterator<Item = Topic>, market: &Market) {
        self.snapshot(topics, market, &mut Vec::new());
    }

    /// Forgets topics that are no longer selected.
    pub fn retain(&mut self, selection: &Selection) {
        self.sent.retain(|topic, _| selection.contains(*topic));
        self.find_first_end();
    }

    /// Takes over what `other` was sent, where nothing is known here. Both must have been collected at the same time, or
    /// be about different topics.
    pub fn adopt(&mut self, other: Self) {
        self.traded.extend(other.traded);
        for (topic, sent) in other.sent {
            self.sent.entry(topic).or_insert(sent);
        }
        self.find_first_end();
    }

    /// Appends what has changed since the last time, each topic's bars oldest first.
    pub fn collect(
        &mut self,
        selection: &Selection,
        market: &Market,
        out: &mut Vec<(Topic, SeenBar)>,
    ) {
        let ended = self.first_end_us.is_some_and(|end| end <= market.watermark_us());
        if self.traded.is_empty() && !ended {
            return;
        }
        let mut topics: Vec<Topic> = Vec::new();
        for symbol in std::mem::take(&mut self.traded) {
            let all = Interval::ALL.map(|i| Topic::new(symbol, feed_protocol::Channel::Bars(i)));
            topics.extend(all.into_iter().filter(|topic| selection.contains(*topic)));
        }
        if ended {
            let watermark_us = market.watermark_us();
            let over = |(topic, sent): (&Topic, &Sent)| {
                let (_, interval) = topic.bar()?;
                let is_over = !sent.is_final && sent.start_us + interval.us() <= watermark_us;
                is_over.then_some(*topic)
            };
            topics.extend(self.sent.iter().filter_map(over));
        }
        topics.sort_unstable();
        topics.dedup();
        for topic in topics {
            // Of a topic that nothing was sent of, there was no bar when its snapshot was taken: all that there are came since.
            self.collect_topic(topic, FINALS_MAX + 1, market, out);
        }
        self.find_first_end();
    }

    fn collect_topic(
        &mut self,
        topic: Topic,
        limit: usize,
        market: &Market,
        out: &mut Vec<(Topic, SeenBar)>,
    ) {
        let Some((symbol, interval)) = topic.bar() else { return };
        let sent = self.sent.get(&topic).copied();
        let range = (sent.map_or(i64::MIN, |sent| sent.start_us), i64::MAX);
        let bars = market.bars.range(symbol, interval, range, limit, market.watermark_us());
        for seen in &bars {
            let is_known = sent.is_some_and(|sent| {
                let same = (sent.start_us, sent.count) == (seen.bar.start_us, seen.bar.count);
                same && sent.is_final == seen.is_final
            });
            if !is_known {
                out.push((topic, *seen));
            }
        }
        if let Some(SeenBar { bar, is_final }) = bars.last().copied() {
            let sent = Sent { start_us: bar.start_us, count: bar.count, is_final };
            self.sent.insert(topic, sent);
        }
    }

    fn find_first_end(&mut self) {
        let open = self.sent.iter().filter(|(_, sent)| !sent.is_final);
        self.first_end_us =
            open.filter_map(|(topic, sent)| Some(sent.start_us + topic.bar()?.1.us())).min();
    }
}
