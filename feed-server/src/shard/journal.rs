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
