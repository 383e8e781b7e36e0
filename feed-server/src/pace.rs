//! How long a shard rests after a pass. What comes in meanwhile leaves together, and a write costs as much as tens of messages:
//! whoever has much to write saves processor time for a little latency. Passes that take next to nothing are followed by the next
//! at once.

use std::time::{Duration, Instant};

/// After shorter passes there is no rest.
const PASS_MIN: Duration = Duration::from_micros(200);
/// No rest after a short pass is longer: it joins what one burst brings.
const SHORT_REST_MAX: Duration = Duration::from_millis(1);
/// While a longer pass lasts, enough gathers by itself: there is a rest after it only if its writes are large.
const LONG_PASS: Duration = Duration::from_millis(2);
/// Writes that hold so many messages each are large. Below that, a rest would cost more in latency than it saves.
const LARGE_WRITE_MESSAGES: u64 = 24;
/// From one such pass to the next; otherwise whatever makes messages cheaper would only make passes more frequent.
const CYCLE_MIN: Duration = Duration::from_millis(30);
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
    /// Messages sent, and the writes that they were sent with.
    pub messages: u64,
    /// See `messages`.
    pub writes: u64,
    /// Whether so many events wait by now that the next writes are as large as they can be.
    pub is_flooded: bool,
}

/// The rest after a pass, of a shard that may use some `busy_max` percent of its core for passes. What makes large writes rarer is
/// bounded in time instead: it gathers for a cycle, and no longer.
#[must_use]
pub fn rest_after(pass: &Pass, busy_max: u32) -> Duration {
    let share = pass.took.mul_f64(100.0 / f64::from(busy_max) - 1.0);
    if pass.writes == 0 || pass.took < PASS_MIN || share.is_zero() || pass.is_flooded {
        return Duration::ZERO;
    }
    let is_large = pass.messages >= LARGE_WRITE_MESSAGES * pass.writes;
    match (pass.took >= LONG_PASS, is_large) {
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

    fn rest_us(took_us: u64, messages_a_write: u64, busy_max: u32) -> u64 {
        let messages = 1000 * messages_a_write;
        let pass = Pass { took: us(took_us), messages, writes: 1000, is_flooded: false };
        rest_after(&pass, busy_max).as_micros() as u64
    }

    #[test]
    fn what_costs_little_is_not_held_up() {
        assert_eq!(rest_us(199, 1, 50), 0);
        assert_eq!(rest_us(199, 100, 50), 0);
        let nothing = Pass { took: us(5000), messages: 0, writes: 0, is_flooded: false };
        assert_eq!(rest_after(&nothing, 50), Duration::ZERO);
    }

    #[test]
    fn short_passes_are_followed_by_short_rests() {
        assert_eq!(rest_us(300, 1, 50), 300);
        assert_eq!(rest_us(300, 1, 75), 100);
        assert_eq!(rest_us(1900, 1, 50), 1000);
        assert_eq!(rest_us(1900, 24, 50), 1000);
    }

    #[test]
    fn long_passes_with_small_writes_are_followed_by_the_next() {
        assert_eq!(rest_us(7000, 23, 50), 0);
    }

    #[test]
    fn large_writes_are_far_apart() {
        assert_eq!(rest_us(2000, 24, 50), 28_000);
        assert_eq!(rest_us(16_000, 24, 50), 14_000);
        assert_eq!(rest_us(28_000, 24, 50), 5_000);
        assert_eq!(rest_us(300_000, 24, 50), 5_000);
    }

    #[test]
    fn who_wants_no_rests_has_none() {
        for messages in [1, 100] {
            assert_eq!(rest_us(10_000, messages, 100), 0);
        }
    }

    #[test]
    fn a_flood_is_not_made_longer() {
        let flooded = Pass { took: us(9000), messages: 90, writes: 1, is_flooded: true };
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
