//! How old a client's view is, at each instant of the measured window and not only when something comes: age of
//! information for each symbol and channel, and staleness of the whole view. Exact, since both rise with the clock
//! between two receptions: each stretch is one ramp.
//!
//! *Age* at t: t less `ts` of the newest event received for that symbol and channel. It also grows while nothing happens.
//! *Staleness* at t: 0 if the client has every event of its subscription that exists by then, else t less `ts` of the
//! oldest that it has not got yet. What was missing at t is known when it comes. Polling every T what changes all the
//! time gives a staleness of U(0, T), and a round trip.

use crate::ramps::Ramps;

/// The newest of one symbol and channel.
#[derive(Clone, Copy, Default)]
struct Pair {
    /// Its `ts`; 0 for none.
    newest_us: i64,
    /// Its age is accounted for up to here.
    until_us: i64,
}

/// The measured window, µs since the Unix epoch. Open ends are the extremes of `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub begin_us: i64,
    /// Its end.
    pub end_us: i64,
}

/// The view of one client.
pub struct Freshness {
    pairs: Box<[Pair]>,
    /// Staleness is accounted for up to here.
    until_us: i64,
    /// `ts` of the oldest event of the frame that is being read.
    oldest_us: i64,
}

/// What they come to.
#[derive(Debug, Default)]
pub struct Ages {
    /// Of all pairs.
    pub age: Ramps,
    /// Of all clients.
    pub staleness: Ramps,
}

impl Freshness {
    /// A client with so many symbols and channels, which has nothing and misses nothing yet.
    #[must_use]
    pub fn new(pairs: usize) -> Self {
        Self { pairs: vec![Pair::default(); pairs].into(), until_us: 0, oldest_us: i64::MAX }
    }

    /// From `now_us` on the client is subscribed.
    pub fn begin(&mut self, now_us: i64) {
        self.until_us = self.until_us.max(now_us);
    }

    /// Enters an event of the frame that was read at `read_us`; a merged one is of `first_us` to `last_us`, one of a
    /// snapshot was not missing: `first_us` is `i64::MAX`.
    #[inline]
    pub fn event(
        &mut self,
        place: usize,
        (first_us, last_us): (i64, i64),
        read_us: i64,
        window: Window,
        ages: &mut Ages,
    ) {
        self.oldest_us = self.oldest_us.min(first_us);
        let Some(pair) = self.pairs.get_mut(place) else { return };
        if pair.until_us < read_us {
            pair.account(read_us, window, ages);
        }
        pair.newest_us = pair.newest_us.max(last_us);
    }

    /// The frame that was read at `read_us` is over: of what was missing, the oldest is known.
    #[inline]
    pub fn end_frame(&mut self, read_us: i64, window: Window, ages: &mut Ages) {
        let oldest_us = std::mem::replace(&mut self.oldest_us, i64::MAX);
        if oldest_us < i64::MAX {
            self.stale_since(oldest_us, read_us, window, ages);
        }
    }

    /// The client has everything that existed at `known_us`, and its books are closed there or at the window's end.
    pub fn finish(&mut self, known_us: i64, window: Window, ages: &mut Ages) {
        let end_us = known_us.min(window.end_us);
        for pair in &mut self.pairs {
            pair.account(end_us, window, ages);
        }
        self.stale_since(end_us, end_us, window, ages);
    }

    /// From where it is accounted for, nothing was missing until `since_us`, then that until `now_us`.
    fn stale_since(&mut self, since_us: i64, now_us: i64, window: Window, ages: &mut Ages) {
        let from_us = self.until_us.max(window.begin_us);
        let to_us = now_us.min(window.end_us);
        if self.until_us > 0 && to_us > from_us {
            let turn_us = since_us.clamp(from_us, to_us);
            ages.staleness.zero(turn_us.abs_diff(from_us));
            ages.staleness.rise(turn_us - since_us, to_us - since_us);
        }
        self.until_us = self.until_us.max(now_us);
    }
}

impl Pair {
    fn account(&mut self, now_us: i64, window: Window, ages: &mut Ages) {
        let from_us = self.until_us.max(window.begin_us);
        let to_us = now_us.min(window.end_us);
        if self.newest_us > 0 && to_us > from_us {
            ages.age.rise(from_us - self.newest_us, to_us - self.newest_us);
        }
        self.until_us = self.until_us.max(now_us);
    }
}

#[cfg(test)]
mod tests;
