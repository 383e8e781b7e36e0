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
            Item::Gap(gap) => Out::Gap(gap),
        };
        Self { out, snap: false }
    }
}

/// Whether a replay is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more: call again.
    More,
    /// History gave way while the client took its time, and holes were announced that end beyond the splice point: whatever
    /// waits there of these events' topics is to be replaced by the event. Call again.
    Respliced(Vec<Event>),
    /// Everything up to the splice point was put out.
    Done,
}

/// Events of some topics in `(next, until]`.
#[derive(Debug)]
pub struct Replay {
    topics: FxHashSet<Topic>,
    next: u64,
    until: u64,
    /// Holes to be announced, before anything else leaves: a client that goes with its cursor in between must know of them.
    gaps: Vec<Gap>,
    /// What stands in place of events that are no longer there, by offset; whether it follows a hole.
    substitutes: VecDeque<(Event, bool)>,
    /// Topics with a hole: their events in history up to this offset are left out.
    covered: FxHashMap<Topic, u64>,
    chunk: Vec<Event>,
    /// For `latest`: what was read of the second that is not complete yet.
    pub merged: Backlog,
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
            gaps: Vec::new(),
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
        replay.substitutes.make_contiguous().sort_by_key(|(event, _)| event.offset);
        let recovered = replay.gaps.is_empty();
        (replay, recovered)
    }

    /// The last offset up to which everything has left.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.merged.first_offset().map_or(self.next, |first| first - 1)
    }

    /// Appends the next messages to `out`: at most about a segment of history.
    pub fn step(&mut self, latest: &Latest, market: &Market, out: &mut Vec<Replayed>) -> Progress {
        out.extend(self.gaps.drain(..).map(|gap| Replayed { out: Out::Gap(gap), snap: false }));
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
                let lost = self.resplice(latest, market);
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
        while self.substitutes.front().is_some_and(|(event, _)| event.offset <= offset) {
            let Some((event, snap)) = self.substitutes.pop_front() else { return };
            out.push(Replayed { out: Out::Record(Record::Event(event)), snap });
        }
    }

    /// `newest` stands for everything of its topic after `after`.
    fn substitute(&mut self, topic: Topic, newest: &Newest, after: u64) {
        let event = newest.event;
        // If it is the only one that the client lacks, nothing is missing although history has dropped it.
        let has_hole = newest.previous_offset > after;
        if has_hole {
            self.gaps.push(gap_before(&event, after));
        }
        self.covered.insert(topic, event.offset);
        self.substitutes.push_back((event, has_hole));
    }

    /// Topics of which history has dropped events that are not yet put out go on from their newest event. If that is beyond
    /// the splice point it is not this replay's to send.
    fn resplice(&mut self, latest: &Latest, market: &Market) -> Vec<Event> {
        let next = self.next;
        let is_lost = |topic: &Topic| {
            // A topic with a substitute has nothing else to come from history.
            let is_covered = self.covered.contains_key(topic);
            topic.event().is_some_and(|(symbol, channel)| {
                !is_covered && market.history.dropped(symbol, channel) > next
            })
        };
        let lost: Vec<_> = self.topics.iter().copied().filter(is_lost).collect();
        let mut beyond = Vec::new();
        for topic in lost {
            let Some(newest) = topic.event().and_then(|(s, c)| latest.get(s, c)) else { continue };
            if newest.event.offset <= next {
                // It was put out already: what history has dropped of this topic is beyond the splice point.
                continue;
            }
            if newest.event.offset <= self.until {
                self.substitute(topic, newest, next);
            } else {
                self.topics.remove(&topic);
                if newest.previous_offset <= next {
                    // It is the only one there is, and it waits beyond the splice point.
                    continue;
                }
                self.gaps.push(gap_before(&newest.event, next));
                beyond.push(newest.event);
            }
        }
        self.substitutes.make_contiguous().sort_by_key(|(event, _)| event.offset);
        beyond
    }
}

/// Everything before `event` is missing, from where on the client itself knows best.
fn gap_before(event: &Event, known_offset: u64) -> Gap {
    Gap {
        symbol: event.symbol,
        channel: event.channel(),
        from: 1,
        to: event.seq - 1,
        why: GapReason::History,
        known_offset,
        known_ts_us: event.ts_us,
    }
}
