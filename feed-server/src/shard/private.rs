//! What one member of an audience has still to come, apart from the others: a replay of what it missed before it joined,
//! and what has happened while it was slow. Once nothing is left the member shares the audience's frames again.

use std::collections::VecDeque;

use feed_protocol::{Event, OnSlow};

use super::audience::{Behaviour, Topic};
use super::backlog::{Backlog, Gap};
use super::bars::BarPositions;
use super::batch::Item;
use super::replay::Replay;

/// What a message takes that was not encoded yet, about.
const EVENT_BYTES: u32 = 100;

/// A member's own state.
#[derive(Debug)]
pub struct Private {
    /// What comes first.
    pub replay: Option<Box<Replay>>,
    /// What comes then.
    pub waits: Waits,
    /// What comes last: of the audience's [`owed`](super::audience::Audience::owed) places those from here on.
    pub owed_from: u64,
    /// Whether the time of its flush has come and it could not be flushed.
    pub is_due: bool,
}

/// What has happened since the member last had everything.
#[derive(Debug)]
pub enum Waits {
    /// Merged by value.
    Merged(Backlog),
    /// Each event, counted in bytes: `on_slow: close`.
    Raw(RawQueue),
    /// Bars wait in the market.
    Bars(BarPositions),
}

/// Events in order, unmerged.
#[derive(Debug, Default)]
pub struct RawQueue {
    /// Events and announcements with the bytes they will take.
    pub items: VecDeque<(Item, u32)>,
    /// Sum of those bytes.
    pub bytes: usize,
}

impl Private {
    /// A member that has everything so far.
    #[must_use]
    pub fn new(behaviour: Behaviour) -> Self {
        let waits = match behaviour {
            Behaviour::Every(OnSlow::Close) => Waits::Raw(RawQueue::default()),
            Behaviour::Every(OnSlow::Merge) | Behaviour::Latest { .. } => {
                Waits::Merged(Backlog::default())
            }
            Behaviour::Bars { .. } => Waits::Bars(BarPositions::default()),
            // Never detached, so never used.
            Behaviour::Wake => Waits::Merged(Backlog::default()),
        };
        Self { replay: None, waits, owed_from: 0, is_due: false }
    }

    /// Takes an event in. `bytes` tells the length of its message, if it matters.
    #[inline]
    pub fn add(&mut self, event: &Event, bytes: impl FnOnce() -> usize) {
        match &mut self.waits {
            Waits::Merged(backlog) => backlog.add(event),
            Waits::Raw(queue) => queue.push(Item::Event(*event), bytes()),
            Waits::Bars(_) => {}
        }
    }

    /// Takes in that events are missing before the next one. `bytes` tells the length of the announcement.
    pub fn add_gap(&mut self, gap: &Gap, bytes: impl FnOnce() -> usize) {
        match &mut self.waits {
            Waits::Merged(backlog) => backlog.add_gap(gap),
            Waits::Raw(queue) => queue.push(Item::Gap(*gap), bytes()),
            Waits::Bars(_) => {}
        }
    }

    /// Discards what waits of a topic.
    pub fn discard(&mut self, topic: Topic) {
        let Some((symbol, channel)) = topic.event() else { return };
        match &mut self.waits {
            Waits::Merged(backlog) => backlog.discard(symbol, channel),
            Waits::Raw(queue) => queue.discard(topic),
            Waits::Bars(_) => {}
        }
    }

    /// Replaces what waits of a topic by its newest event; the hole before it was announced.
    pub fn resplice(&mut self, newest: &Event) {
        self.discard(Topic::of(newest));
        match &mut self.waits {
            Waits::Merged(backlog) => backlog.add(newest),
            Waits::Raw(queue) => queue.insert(newest),
            Waits::Bars(_) => {}
        }
    }

    /// Whether nothing is left that is the member's own, but for what it is owed out of the journal.
    #[must_use]
    pub fn is_level(&self) -> bool {
        let waits = match &self.waits {
            Waits::Merged(backlog) => !backlog.is_empty(),
            Waits::Raw(queue) => !queue.items.is_empty(),
            Waits::Bars(_) => self.is_due,
        };
        self.replay.is_none() && !waits
    }

    /// The first offset that has not left, if any waits here.
    #[must_use]
    pub fn first_offset(&self) -> Option<u64> {
        if let Some(replay) = &self.replay {
            return Some(replay.position() + 1);
        }
        match &self.waits {
            Waits::Merged(backlog) => backlog.first_offset(),
            Waits::Raw(queue) => queue.items.front().map(|(item, _)| item.first_offset()),
            Waits::Bars(_) => None,
        }
    }

    /// Time (µs) of the oldest event that waits here.
    #[must_use]
    pub fn oldest_ts_us(&self) -> Option<i64> {
        match &self.waits {
            Waits::Merged(backlog) => backlog.oldest_ts_us(),
            Waits::Raw(queue) => queue.items.front().map(|(item, _)| item.ts_us()),
            Waits::Bars(_) => None,
        }
    }
}

impl RawQueue {
    fn push(&mut self, item: Item, bytes: usize) {
        self.bytes += bytes;
        self.items.push_back((item, bytes as u32));
    }

    /// Puts an event where its offset belongs.
    fn insert(&mut self, event: &Event) {
        let place = self.items.partition_point(|(item, _)| match item {
            Item::Event(earlier) => earlier.offset < event.offset,
            Item::Gap(gap) => gap.known_offset < event.offset,
        });
        self.items.insert(place, (Item::Event(*event), EVENT_BYTES));
        self.bytes += EVENT_BYTES as usize;
    }

    fn discard(&mut self, topic: Topic) {
        self.items.retain(|(item, _)| match item {
            Item::Event(event) => Topic::of(event) != topic,
            Item::Gap(gap) => topic.event() != Some((gap.symbol, gap.channel)),
        });
        self.bytes = self.items.iter().map(|(_, bytes)| *bytes as usize).sum();
    }
}
