//! Batches that some member has not been sent all of yet. A member that falls behind for a moment is sent each event out of here,
//! as it was encoded for the others; what it has not been sent when a batch grows too old is merged into its own backlog, all at
//! once. Nothing is kept while everybody has everything. Pure bookkeeping: no clock, no socket.

use std::collections::VecDeque;

use super::batch::{Batch, Item};

/// Most items that are kept: about 5 MB, and as much again for each format that they are encoded in.
pub const ITEMS_MAX: usize = 65_536;
/// Batches kept to be used again, and how many items each may have room for.
const SPARE_MAX: usize = 4;
const SPARE_ITEMS_MAX: usize = 8192;

/// Batches one after another. An item's place counts from the first one there ever was.
#[derive(Debug, Default)]
pub struct Journal {
    kept: VecDeque<Kept>,
    spare: Vec<Batch>,
    items: usize,
}

#[derive(Debug)]
struct Kept {
    batch: Batch,
    at_us: u64,
}

impl Journal {
    /// Takes a batch in and leaves an empty one that goes on from there.
    pub fn keep(&mut self, batch: &mut Batch, now_us: u64) {
        if batch.is_empty() {
            return;
        }
        let next = batch.end();
        let mut full = std::mem::replace(batch, self.spare.pop().unwrap_or_default());
        full.fit();
        batch.begin_at(next);
        self.items += full.len();
        self.kept.push_back(Kept { batch: full, at_us: now_us });
    }

    /// The place up to which batches are to be forgotten, once the oldest is older than `keep_us` or there are too many: a
    /// quarter more than those, so that it is not each batch's turn.
    #[must_use]
    pub fn outdated(&self, now_us: u64, keep_us: u64) -> Option<u64> {
        let oldest_us = now_us.saturating_sub(self.kept.front()?.at_us);
        if oldest_us <= keep_us && self.items <= ITEMS_MAX {
            return None;
        }
        let (keep_us, keep_items) = (keep_us - keep_us / 4, ITEMS_MAX - ITEMS_MAX / 4);
        let mut items = self.items;
        let mut until = None;
        for Kept { batch, at_us } in &self.kept {
            if now_us.saturating_sub(*at_us) <= keep_us && items <= keep_items {
                break;
            }
            items -= batch.len();
            until = Some(batch.end());
        }
        until
    }

    /// Forgets the batches before a place.
    pub fn forget(&mut self, until: u64) {
        while self.kept.front().is_some_and(|kept| kept.batch.end() <= until) {
            let Some(Kept { batch, .. }) = self.kept.pop_front() else { return };
            self.items -= batch.len();
            if self.spare.len() < SPARE_MAX && batch.capacity() <= SPARE_ITEMS_MAX {
                self.spare.push(batch);
            }
        }
    }

    /// The item at a place that is kept.
    #[must_use]
    pub fn item(&self, place: u64) -> Option<&Item> {
        let Kept { batch, .. } = self.kept.get(self.batch_at(place)?)?;
        Some(batch.item(batch.index(place)))
    }

    /// Calls `visit` with the items at `places`, which increase.
    pub fn each(&self, places: &[u64], mut visit: impl FnMut(&Item)) {
        let Some(first) = places.first().and_then(|place| self.batch_at(*place)) else { return };
        let mut batches = self.kept.range(first..).map(|kept| &kept.batch);
        let Some(mut batch) = batches.next() else { return };
        for &place in places {
            while place >= batch.end() {
                let Some(next) = batches.next() else { return };
                batch = next;
            }
            visit(batch.item(batch.index(place)));
        }
    }

    /// The batch in which a place is.
    pub fn batch_mut(&mut self, place: u64) -> Option<&mut Batch> {
        let at = self.batch_at(place)?;
        self.kept.get_mut(at).map(|kept| &mut kept.batch)
    }

    fn batch_at(&self, place: u64) -> Option<usize> {
        let at = self.kept.partition_point(|kept| kept.batch.end() <= place);
        self.kept.get(at).filter(|kept| kept.batch.first() <= place).map(|_| at)
    }
}

#[cfg(test)]
mod tests {
    use feed_protocol::{Aggressor, Body, Event, SymbolId, Trade};

    use super::*;

    /// A batch of the items `from..to`, each of which says its place in its offset.
    fn fill(batch: &mut Batch, from: u64, to: u64) {
        for offset in from..to {
            let trade = Trade { price: 1, size: 1, aggressor: Aggressor::Buyer };
            let body = Body::Trade(trade);
            let event = Event { symbol: SymbolId(0), seq: offset + 1, offset, ts_us: 0, body };
            batch.push(Item::Event(event));
        }
    }

    /// Batches of the given lengths, one every 10 µs.
    fn journal(lengths: &[u64]) -> (Journal, Batch) {
        let (mut journal, mut batch) = (Journal::default(), Batch::default());
        for (number, &length) in lengths.iter().enumerate() {
            let first = batch.first();
            fill(&mut batch, first, first + length);
            journal.keep(&mut batch, 10 * number as u64);
        }
        (journal, batch)
    }

    fn offsets(journal: &Journal, places: &[u64]) -> Vec<u64> {
        let mut offsets = Vec::new();
        journal.each(places, |item| offsets.push(item.offset()));
        offsets
    }

    #[test]
    fn items_are_found_by_their_places_across_batches() {
        let (mut journal, batch) = journal(&[3, 1, 0, 5]);
        assert_eq!(batch.first(), 9);
        let places = [0, 2, 3, 4, 8];
        assert_eq!(offsets(&journal, &places), places);
        assert_eq!(offsets(&journal, &[3, 8]), [3, 8]);
        assert_eq!(journal.item(4).map(Item::offset), Some(4));
        assert!(journal.item(9).is_none(), "not kept yet");
        assert_eq!(journal.batch_mut(5).map(|batch| batch.index(5)), Some(1));
    }

    #[test]
    fn what_is_forgotten_is_gone_and_the_rest_keeps_its_places() {
        let (mut journal, mut batch) = journal(&[3, 1, 5]);
        journal.forget(4);
        assert!(journal.item(3).is_none());
        assert_eq!(offsets(&journal, &[4, 8]), [4, 8]);
        fill(&mut batch, 9, 11);
        journal.keep(&mut batch, 50);
        assert_eq!(offsets(&journal, &[8, 9, 10]), [8, 9, 10], "in a buffer that was used before");
    }

    #[test]
    fn the_oldest_go_once_one_is_too_old_and_some_more_with_it() {
        let (journal, _) = journal(&[1; 10]);
        assert_eq!(journal.outdated(90, 90), None);
        assert_eq!(journal.outdated(91, 90), Some(3), "all that are older than 67 µs");
        assert_eq!(journal.outdated(90, 0), Some(9));
        assert_eq!(journal.outdated(u64::MAX, u64::MAX), None);
    }

    #[test]
    fn however_young_they_are_there_are_not_too_many() {
        let (journal, _) = journal(&[4096; 17]);
        assert_eq!(
            journal.outdated(160, 1000),
            Some(4096 * 5),
            "three quarters of what may be kept are left"
        );
    }

    #[test]
    fn the_room_of_a_burst_is_given_back() {
        let (mut journal, mut batch) = journal(&[60_000]);
        journal.forget(60_000);
        for number in 60_000..60_100 {
            fill(&mut batch, number, number + 1);
            journal.keep(&mut batch, number);
        }
        let room: usize = journal.kept.iter().map(|kept| kept.batch.capacity()).sum();
        assert!(room <= 100 * 8, "{room} places for 100 items");
    }
}
