//! How long a shard rests after a pass. What comes in meanwhile leaves together, and a write costs as much as tens of messages:
//! whoever has much to write saves processor time for a little latency. Passes that take next to nothing are followed by the next
//! at once.

use std::time::Duration;

use crate::shard::BATCH_EVENTS_MAX;

/// After shorter passes there is no rest.
const PASS_MIN: Duration = Duration::from_micros(200);
/// No rest after a short pass is longer: it joins what one burst brings.
const SHORT_REST_MAX: Duration = Duration::from_millis(1);
/// While a longer pass lasts, enough gathers by itself: there is a rest after it only if its writes are large.
const LONG_PASS: Duration = Duration::from_millis(2);
/// Writes that hold so many messages each are large. Below that, a rest would cost more in latency than it saves.
const LARGE_WRITE_MESSAGES: u64 = 24;
/// From one such pass to the next; otherwise whatever makes messages cheaper would only make passes more frequent.
const CYCLE_MIN: Duration = Duration::from_millis(25);
/// No rest is longer than this.
const REST_MAX: Duration = Duration::from_millis(30);

/// What a pass was like.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// From taking the batch to the last write.
    pub took: Duration,
    /// Messages sent, and the writes that they were sent with.
    pub messages: u64,
    /// See `messages`.
    pub writes: u64,
    /// Events that wait in the queue by now.
    pub waiting: usize,
}

/// The rest after a pass, of a shard that may use `busy_max` percent of its core for passes.
#[must_use]
pub fn rest_after(pass: &Pass, busy_max: u32) -> Duration {
    let share = pass.took.mul_f64(100.0 / f64::from(busy_max) - 1.0);
    // With so many the next writes are as large as they can be.
    let is_flooded = pass.waiting >= BATCH_EVENTS_MAX;
    if pass.writes == 0 || pass.took < PASS_MIN || share.is_zero() || is_flooded {
        return Duration::ZERO;
    }
    let is_large = pass.messages >= LARGE_WRITE_MESSAGES * pass.writes;
    match (pass.took >= LONG_PASS, is_large) {
        (false, _) => share.min(SHORT_REST_MAX),
        (true, false) => Duration::ZERO,
        (true, true) => share.max(CYCLE_MIN.saturating_sub(pass.took)).min(REST_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn rest_us(took_us: u64, messages_a_write: u64, busy_max: u32) -> u64 {
        let pass =
            Pass { took: us(took_us), messages: 1000 * messages_a_write, writes: 1000, waiting: 0 };
        rest_after(&pass, busy_max).as_micros() as u64
    }

    #[test]
    fn what_costs_little_is_not_held_up() {
        assert_eq!(rest_us(199, 1, 50), 0);
        assert_eq!(rest_us(199, 100, 50), 0);
        let nothing = Pass { took: us(5000), messages: 0, writes: 0, waiting: 10 };
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
        assert_eq!(rest_us(2000, 24, 50), 23_000);
        assert_eq!(rest_us(14_000, 24, 50), 14_000);
        assert_eq!(rest_us(40_000, 24, 50), 30_000);
    }

    #[test]
    fn who_wants_no_rests_has_none() {
        for messages in [1, 100] {
            assert_eq!(rest_us(10_000, messages, 100), 0);
        }
    }

    #[test]
    fn a_flood_is_not_made_longer() {
        let flooded = Pass { took: us(9000), messages: 90, writes: 1, waiting: BATCH_EVENTS_MAX };
        assert_eq!(rest_after(&flooded, 50), Duration::ZERO);
        assert!(!rest_after(&Pass { waiting: BATCH_EVENTS_MAX - 1, ..flooded }, 50).is_zero());
    }
}
