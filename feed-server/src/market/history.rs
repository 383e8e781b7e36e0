//! Recent events, for clients that resume, for polls, and for a shard whose queue overflowed.
//! One log over all symbols rather than a ring a symbol: every symbol then reaches equally far back, reading in order
//! of offsets is a copy, and a hole is still known a symbol and channel (the last offset that was dropped of each).
//! Bounded: whole segments are dropped. The writer never waits for more than one small copy.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use feed_protocol::{Event, EventChannel, SymbolId};
use thiserror::Error;

/// Most events a segment holds: what a reader copies under the lock at most (256 KiB).
const SEGMENT_EVENTS_MAX: usize = 4096;
/// Segments that a small log is cut into.
const SEGMENTS_MIN: usize = 8;

/// Events after the place asked for are no longer kept.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("events before offset {first} are no longer kept")]
pub struct Evicted {
    /// The first offset that is kept.
    pub first: u64,
}

/// A bounded log of the newest events. Its lock is on a cache line of its own: the ingest thread takes it at every batch.
#[derive(Debug)]
#[repr(align(128))]
pub struct History {
    capacity: usize,
    segment_events: usize,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    full: VecDeque<Arc<[Event]>>,
    open: Vec<Event>,
    events: usize,
    /// The newest offset that was dropped.
    dropped: u64,
    /// By symbol and channel: the newest event that was dropped.
    newest_dropped: Box<[Option<Event>]>,
}

impl History {
    /// A log of at least `capacity` events (and at most a segment more) over `symbols` symbols.
    #[must_use]
    pub fn new(symbols: usize, capacity: usize) -> Self {
        let segment_events = (capacity / SEGMENTS_MIN).clamp(1, SEGMENT_EVENTS_MAX);
        Self {
            capacity,
            segment_events,
            log: Mutex::new(Log {
                full: VecDeque::new(),
                open: Vec::with_capacity(segment_events),
                events: 0,
                dropped: 0,
                newest_dropped: vec![None; symbols * EventChannel::ALL.len()].into(),
            }),
        }
    }

    /// Appends events; their offsets must grow.
    pub fn append(&self, events: &[Event]) {
        let mut log = self.lock();
        for event in events {
            log.open.push(*event);
            if log.open.len() == self.segment_events {
                let segment = log.open.as_slice().into();
                log.full.push_back(segment);
                log.open.clear();
            }
        }
        log.events += events.len();
        while log.full.front().is_some_and(|s| log.events - s.len() >= self.capacity) {
            let Some(segment) = log.full.pop_front() else { break };
            log.events -= segment.len();
            for event in segment.iter() {
                log.newest_dropped[index(event.symbol, event.channel())] = Some(*event);
            }
            log.dropped = segment.last().map_or(log.dropped, |event| event.offset);
        }
    }

    /// The newest offset of this symbol and channel that was dropped: a cursor before it has a hole there.
    #[must_use]
    pub fn dropped(&self, symbol: SymbolId, channel: EventChannel) -> u64 {
        let newest = self.lock().newest_dropped[index(symbol, channel)];
        newest.map_or(0, |event| event.offset)
    }

    /// For a reader that is at `after` and finds that events behind it were dropped: the newest dropped event of every
    /// symbol and channel that has one there, in order of offsets, and the offset up to which it then knows the newest of
    /// everything. Reading goes on from that offset.
    #[must_use]
    pub fn newest_dropped_since(&self, after: u64) -> (Vec<Event>, u64) {
        let log = self.lock();
        let newer = log.newest_dropped.iter().flatten().filter(|event| event.offset > after);
        let mut events: Vec<_> = newer.copied().collect();
        let upto = log.dropped;
        drop(log);
        events.sort_unstable_by_key(|event| event.offset);
        (events, upto)
    }

    /// The newest offset that was dropped of any symbol: a cursor at or after it has no hole anywhere.
    #[must_use]
    pub fn dropped_any(&self) -> u64 {
        self.lock().dropped
    }

    /// Appends events with offsets in `after + 1 ..= until` to `out`, oldest first: some of them, at most a segment.
    /// None means that there are no more.
    ///
    /// # Errors
    /// If some of them were dropped already.
    pub fn read(&self, after: u64, until: u64, out: &mut Vec<Event>) -> Result<(), Evicted> {
        let log = self.lock();
        if after < log.dropped {
            return Err(Evicted { first: log.dropped + 1 });
        }
        let place = log.full.partition_point(|s| s.last().is_some_and(|e| e.offset <= after));
        if let Some(segment) = log.full.get(place).cloned() {
            drop(log);
            out.extend_from_slice(between(&segment, after, until));
        } else {
            out.extend_from_slice(between(&log.open, after, until));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn between(events: &[Event], after: u64, until: u64) -> &[Event] {
    let start = events.partition_point(|event| event.offset <= after);
    let end = events.partition_point(|event| event.offset <= until);
    &events[start..end.max(start)]
}

fn index(symbol: SymbolId, channel: EventChannel) -> usize {
    symbol.index() * EventChannel::ALL.len() + channel as usize
}

#[cfg(test)]
mod tests {
    use feed_protocol::{Aggressor, Body, Trade};
    use proptest::prelude::*;

    use super::*;

    fn event(offset: u64) -> Event {
        Event {
            symbol: SymbolId((offset % 3) as u32),
            seq: offset.div_ceil(3),
            offset,
            ts_us: offset as i64,
            body: Body::Trade(Trade { price: 1, size: 1, aggressor: Aggressor::Buyer }),
        }
    }

    fn read_all(history: &History, after: u64, until: u64) -> Result<Vec<u64>, Evicted> {
        let mut events = Vec::new();
        let mut at = after;
        loop {
            let before = events.len();
            history.read(at, until, &mut events)?;
            if events.len() == before {
                return Ok(events.iter().map(|event| event.offset).collect());
            }
            at = events.last().unwrap().offset;
        }
    }

    proptest! {
        #[test]
        fn gives_back_what_a_plain_list_would(
            capacity in 0usize..200,
            batches in prop::collection::vec(0u64..40, 0..20),
            after in 0u64..400,
            length in 0u64..400,
        ) {
            let history = History::new(3, capacity);
            let mut head = 0;
            for batch in batches {
                let events: Vec<_> = (head + 1..=head + batch).map(event).collect();
                history.append(&events);
                head += batch;
            }
            let until = after + length;
            let dropped = history.dropped_any();
            prop_assert!(head - dropped >= (capacity as u64).min(head), "keeps at least its capacity");
            prop_assert!(head - dropped <= (capacity + history.segment_events) as u64);
            match read_all(&history, after, until) {
                Ok(offsets) => {
                    let expected: Vec<_> = (after + 1..=until.min(head)).collect();
                    prop_assert_eq!(offsets, expected);
                    prop_assert!(after >= dropped);
                }
                Err(evicted) => {
                    prop_assert!(after < dropped);
                    prop_assert_eq!(evicted.first, dropped + 1);
                }
            }
            for symbol in 0..3u64 {
                let expected = (1..=dropped).rev().find(|o| o % 3 == symbol).unwrap_or(0);
                prop_assert_eq!(history.dropped(SymbolId(symbol as u32), EventChannel::Trades), expected);
            }
            let (newest, upto) = history.newest_dropped_since(after);
            let expected: Vec<_> = (dropped.saturating_sub(2)..=dropped).filter(|o| *o > after).collect();
            prop_assert_eq!(newest.iter().map(|e| e.offset).collect::<Vec<_>>(), expected);
            prop_assert_eq!(upto, dropped);
        }
    }
}
