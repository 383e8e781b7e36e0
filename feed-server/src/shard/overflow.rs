//! What a shard's queue has overwritten: fetched from the market's history and merged for everybody, or announced as missing.

use feed_protocol::{Event, GapReason};

use super::Shard;
use super::backlog::Gap;
use super::batch::Item;
use super::clock::Now;
use super::outbox::Sink;

impl<S: Sink> Shard<S> {
    /// Catches up from history to `until` after the queue overflowed: an overflow becomes a merge.
    pub(super) fn recover(&mut self, until: u64, now: Now) {
        self.flush_batch(now);
        self.absorb_all();
        self.conflates = true;
        let market = self.market.clone();
        let mut chunk = Vec::new();
        while self.position < until {
            chunk.clear();
            match market.history.read(self.position, until, &mut chunk) {
                Ok(()) if chunk.is_empty() => break,
                Ok(()) => {
                    for event in &chunk {
                        self.accept(event, true, now);
                    }
                    self.counters.events_recovered.add(chunk.len() as u64);
                }
                // Not even history has them: the newest of each symbol is known, and its number tells what is missing.
                // All holes are announced before anything that came after them.
                Err(_) => {
                    let (newest, upto) = market.history.newest_dropped_since(self.position);
                    for event in &newest {
                        self.announce_hole(event, now);
                    }
                    for event in &newest {
                        self.accept(event, true, now);
                    }
                    self.position = self.position.max(upto);
                }
            }
        }
        self.flush_batch(now);
        self.conflates = false;
    }

    /// Tells everybody concerned of the numbers that are missing before `event`, if there are any.
    fn announce_hole(&mut self, event: &Event, now: Now) {
        let newest = self.latest.get(event.symbol, event.channel());
        let last_seq = newest.map_or(0, |newest| newest.event.seq);
        if event.seq == last_seq + 1 {
            return;
        }
        let place = self.batch.push(Item::Gap(Gap {
            symbol: event.symbol,
            channel: event.channel(),
            from: last_seq + 1,
            to: event.seq - 1,
            why: GapReason::Overflow,
            known_offset: self.position,
            known_ts_us: self.position_ts_us,
        }));
        self.offer(event, place, true, now);
    }
}
