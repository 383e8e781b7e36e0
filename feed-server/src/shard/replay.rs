//! What a client missed: the events after its cursor, read from the market's history up to the shard's position, in order
//! of offsets. A symbol with a hole gets one `gap` and its newest event instead. Used by resumed subscriptions, piece by
//! piece as the socket takes them, and by polls. Never reads beyond the position, so that the live stream follows exactly.

use std::collections::VecDeque;

use feed_protocol::{Event, GapReason, Record};
use rustc_hash::{FxHashMap, FxHashSet};

use super::audience::Topic;
use super::backlog::{Backlog, Gap, Out};
use super::batch::Item;
use super::latest::{Latest, Newest};
use crate::market::Market;

/// One message of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Event or announcement; never merged.
    pub out: Out,
    /// Whether the event is a snapshot.
    pub snap: bool,
}

impl From<Item> for Replayed {
    fn from(item: Item) -> Self {
        let out = match item {
            Item::Event(event) => Out::Record(Record::Event(event)),
            Item::Gap { gap, .. } => Out::Gap(gap),
        };
        Self { out, snap: false }
    }
}

/// Whether a replay is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more: call again.
    More,
    /// History gave way while the client took its time: these topics go on from their newest event, which was put out;
    /// what waits of them elsewhere is in the announced gap. Call again.
    Respliced(Vec<Topic>),
    /// Everything up to the splice point was put out.
    Done,
}

/// Events of some topics in `(next, until]`.
#[derive(Debug)]
pub struct Replay {
    topics: FxHashSet<Topic>,
    next: u64,
    until: u64,
    /// What stands in place of events that are no longer there, by offset.
    substitutes: VecDeque<Substitute>,
    /// Topics with a hole: their events in history up to this offset are left out.
    covered: FxHashMap<Topic, u64>,
    chunk: Vec<Event>,
    /// For `latest`: what was read of the second that is not complete yet.
    pub merged: Backlog,
}

#[derive(Debug)]
struct Substitute {
    event: Event,
    gap: Option<Gap>,
}

impl Replay {
    /// Plans the replay of `topics` after the offset `after` up to `until`, the position that `latest` has.
    /// Also tells whether every event after the cursor will follow: the contract's `recovered`.
    #[must_use]
    pub fn plan(
        topics: impl IntoIterator<Item = Topic>,
        after: u64,
        until: u64,
        latest: &Latest,
        market: &Market,
    ) -> (Self, bool) {
        let mut replay = Self {
            topics: FxHashSet::default(),
            next: after,
            until,
            substitutes: VecDeque::new(),
            covered: FxHashMap::default(),
            chunk: Vec::new(),
            merged: Backlog::default(),
        };
        let may_have_holes = after < market.history.dropped_any();
        for topic in topics {
            let Some((symbol, channel)) = topic.event() else { continue };
            let Some(newest) = latest.get(symbol, channel) else { continue };
            if newest.event.offset <= after {
                continue;
            }
            replay.topics.insert(topic);
            if may_have_holes && market.history.dropped(symbol, channel) > after {
                replay.substitute(topic, newest, after);
            }
        }
        replay.substitutes.make_contiguous().sort_by_key(|s| s.event.offset);
        let recovered = replay.substitutes.iter().all(|substitute| substitute.gap.is_none());
        (replay, recovered)
    }

    /// The last offset up to which everything has left.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.merged.first_offset().map_or(self.next, |first| first - 1)
    }

    /// Appends the next messages to `out`: at most about a segment of history.
    pub fn step(&mut self, latest: &Latest, market: &Market, out: &mut Vec<Replayed>) -> Progress {
        if self.next >= self.until || self.topics.is_empty() {
            self.put_substitutes(u64::MAX, out);
            self.next = self.until;
            return Progress::Done;
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.clear();
        let read = market.history.read(self.next, self.until, &mut chunk);
        match read {
            Ok(()) => {
                for event in &chunk {
                    self.put_event(event, out);
                }
                self.next = chunk.last().map_or(self.until, |event| event.offset);
                self.chunk = chunk;
                Progress::More
            }
            Err(evicted) => {
                self.chunk = chunk;
                let lost = self.resplice(latest, market, out);
                self.next = self.next.max(evicted.first - 1).min(self.until);
                if lost.is_empty() { Progress::More } else { Progress::Respliced(lost) }
            }
        }
    }

    fn put_event(&mut self, event: &Event, out: &mut Vec<Replayed>) {
        let topic = Topic::of(event);
        if !self.topics.contains(&topic) {
            return;
        }
        self.put_substitutes(event.offset, out);
        if self.covered.get(&topic).is_none_or(|covered| event.offset > *covered) {
            out.push(Replayed { out: Out::Record(Record::Event(*event)), snap: false });
        }
    }

    /// Puts out what stands for events up to `offset`.
    fn put_substitutes(&mut self, offset: u64, out: &mut Vec<Replayed>) {
        while self.substitutes.front().is_some_and(|s| s.event.offset <= offset) {
            let Some(Substitute { event, gap }) = self.substitutes.pop_front() else { return };
            let snap = gap.is_some();
            out.extend(gap.map(|gap| Replayed { out: Out::Gap(gap), snap: false }));
            out.push(Replayed { out: Out::Record(Record::Event(event)), snap });
        }
    }

    /// `newest` stands for everything of its topic after `after`.
    fn substitute(&mut self, topic: Topic, newest: &Newest, after: u64) {
        let event = newest.event;
        // If it is the only one that the client lacks, nothing is missing although history has dropped it.
        let gap = (newest.previous_offset > after).then(|| Gap {
            symbol: event.symbol,
            channel: event.channel(),
            from: 1,
            to: event.seq - 1,
            why: GapReason::History,
        });
        self.covered.insert(topic, event.offset);
        self.substitutes.push_back(Substitute { event, gap });
    }

    /// Topics of which history has dropped events that are not yet put out go on from their newest event.
    fn resplice(
        &mut self,
        latest: &Latest,
        market: &Market,
        out: &mut Vec<Replayed>,
    ) -> Vec<Topic> {
        let next = self.next;
        let lost: Vec<_> = self
            .topics
            .iter()
            .copied()
            .filter(|topic| {
                let covered = self.covered.get(topic).copied().unwrap_or(0);
                topic.event().is_some_and(|(symbol, channel)| {
                    market.history.dropped(symbol, channel) > next.max(covered)
                })
            })
            .collect();
        let start = self.substitutes.len();
        for topic in &lost {
            self.topics.remove(topic);
            if let Some((symbol, channel)) = topic.event()
                && let Some(newest) = latest.get(symbol, channel)
            {
                self.substitute(*topic, newest, next);
            }
        }
        let mut late: Vec<_> = self.substitutes.drain(start..).collect();
        late.sort_by_key(|substitute| substitute.event.offset);
        self.put_substitutes(u64::MAX, out);
        self.substitutes.extend(late);
        self.put_substitutes(u64::MAX, out);
        lost
    }
}
