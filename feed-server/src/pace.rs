//! How long a shard rests after a pass. What comes in meanwhile leaves together, and a write costs as much as tens of messages:
//! whoever has much to write saves processor time for a little latency. Passes that take next to nothing are followed by the next
//! at once.

use std::time::{Duration, Instant};

/// After shorter passes there is no rest.
const PASS_MIN: Duration = Duration::from_micros(200);
/// No rest after a short pass is longer: it joins what one burst brings.
const SHORT_REST_MAX: Duration = Duration::from_millis(1);
/// While a longer pass lasts, enough gathers by itself: there is a rest after it only if that makes writes large.
const LONG_PASS: Duration = Duration::from_millis(2);
/// From one such pass to the next; otherwise whatever makes messages cheaper would only make passes more frequent.
const CYCLE_MIN: Duration = Duration::from_millis(30);
/// If so many messages a write gather in a cycle, writes are large. Below that, a rest would cost more in latency than it saves.
/// Not what one pass wrote counts, but how fast it came: a rest must not be the reason for the next one.
const LARGE_WRITE_MESSAGES: f64 = 64.0;
/// A pass that takes all of a cycle is followed by no longer rest than this: with rests as long as passes, one that took longer
/// made the next longer still.
const LATE_REST_MAX: Duration = Duration::from_millis(5);

/// How often a rest looks whether the queue is about to run over.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Shorter pauses are beyond tokio's timer: the thread itself sleeps.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// What a pass was like.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// From taking the batch to the last write.
    pub took: Duration,
    /// From the pass before it, of those that [`counts`](Self::counts), to this one.
    pub since: Duration,
    /// Messages sent, and the writes that they were sent with.
    pub messages: u64,
    /// See `messages`.
    pub writes: u64,
    /// Whether so many events wait by now that the next writes are as large as they can be.
    pub is_flooded: bool,
}

impl Pass {
    /// Whether it did enough that a rest after it may make sense.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.writes > 0 && self.took >= PASS_MIN
    }

    /// Whether messages come so fast that a cycle makes large writes of them.
    fn is_fast(&self) -> bool {
        let cycles = self.since.max(self.took).as_secs_f64() / CYCLE_MIN.as_secs_f64();
        self.messages as f64 >= LARGE_WRITE_MESSAGES * cycles * self.writes as f64
    }
}

/// The rest after a pass. Of short passes `busy_max` is the percentage of the shard's core that they may use. What leaves with large
/// writes gathers for a cycle whatever `busy_max` is, unless that is 100.
#[must_use]
pub fn rest_after(pass: &Pass, busy_max: u32) -> Duration {
    let share = pass.took.mul_f64(100.0 / f64::from(busy_max) - 1.0);
    if !pass.counts() || share.is_zero() || pass.is_flooded {
        return Duration::ZERO;
    }
    match (pass.took >= LONG_PASS, pass.is_fast()) {
        (false, _) => share.min(SHORT_REST_MAX),
        (true, false) => Duration::ZERO,
        (true, true) => CYCLE_MIN.saturating_sub(pass.took).max(share.min(LATE_REST_MAX)),
    }
}

/// Rests, but no longer than until the queue is flooded.
pub async fn rest(rest: Duration, is_flooded: impl Fn() -> bool) {
    if rest < TIMER_GRAIN {
        return pause(rest).await;
    }
    let until = Instant::now() + rest;
    while !is_flooded() {
        let left = until.saturating_duration_since(Instant::now());
        if left < TIMER_GRAIN {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

/// Waits; for less than tokio's timer can, the whole thread does.
pub async fn pause(pause: Duration) {
    if pause >= TIMER_GRAIN {
        tokio::time::sleep(pause).await;
    } else if !pause.is_zero() {
        std::thread::sleep(pause);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    /// After a pass that followed one `since_us` before with messages at a rate of `a_second` on each of 1000 connections.
    fn rest_us(took_us: u64, since_us: u64, a_second: u64, busy_max: u32) -> u64 {
        let messages = 1000 * a_second * since_us / 1_000_000;
        let pass = Pass {
            took: us(took_us),
            since: us(since_us),
            messages,
            writes: 1000,
            is_flooded: false,
        };
        rest_after(&pass, busy_max).as_micros() as u64
    }

    #[test]
    fn what_costs_little_is_not_held_up() {
        assert_eq!(rest_us(199, 300, 5000, 50), 0);
        let nothing =
            Pass { took: us(5000), since: us(5000), messages: 0, writes: 0, is_flooded: false };
        assert_eq!(rest_after(&nothing, 50), Duration::ZERO);
    }

    #[test]
    fn short_passes_are_followed_by_short_rests() {
        assert_eq!(rest_us(300, 1000, 1000, 50), 300);
        assert_eq!(rest_us(300, 1000, 1000, 75), 100);
        assert_eq!(rest_us(1900, 2000, 1000, 50), 1000);
        assert_eq!(rest_us(1900, 2000, 9000, 50), 1000);
    }

    #[test]
    fn long_passes_with_small_writes_are_followed_by_the_next() {
        assert_eq!(rest_us(7000, 7000, 2000, 50), 0);
        assert_eq!(rest_us(29_000, 29_000, 2000, 50), 0, "however long one took");
        let burst = Pass {
            took: us(2000),
            since: us(1_000_000),
            messages: 100_000,
            writes: 1000,
            is_flooded: false,
        };
        assert_eq!(rest_after(&burst, 50), Duration::ZERO, "what came at once after a while");
    }

    #[test]
    fn large_writes_are_far_apart() {
        assert_eq!(rest_us(2000, 2000, 2500, 50), 28_000);
        assert_eq!(rest_us(16_000, 30_000, 2500, 50), 14_000);
        assert_eq!(rest_us(28_000, 30_000, 2500, 50), 5_000);
        assert_eq!(rest_us(300_000, 305_000, 2500, 50), 5_000);
    }

    #[test]
    fn who_wants_no_rests_has_none() {
        for a_second in [100, 10_000] {
            assert_eq!(rest_us(10_000, 10_000, a_second, 100), 0);
        }
    }

    #[test]
    fn a_flood_is_not_made_longer() {
        let flooded =
            Pass { took: us(9000), since: us(9000), messages: 90, writes: 1, is_flooded: true };
        assert_eq!(rest_after(&flooded, 50), Duration::ZERO);
        assert!(!rest_after(&Pass { is_flooded: false, ..flooded }, 50).is_zero());
    }

    #[tokio::test]
    async fn a_rest_ends_when_the_queue_fills() {
        let looks = Cell::new(0);
        let is_flooded = || {
            looks.set(looks.get() + 1);
            looks.get() == 3
        };
        // If it went on, it would look again and again for an hour.
        rest(Duration::from_secs(3600), is_flooded).await;
        assert_eq!(looks.get(), 3);
    }

    #[tokio::test]
    async fn a_rest_lasts_while_the_queue_does_not() {
        let began = Instant::now();
        rest(Duration::from_millis(12), || false).await;
        assert!(began.elapsed() >= Duration::from_millis(10));
    }
}
