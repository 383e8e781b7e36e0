//! How many requests a second a client may send: the generic cell rate algorithm (ITU-T I.371), two words a connection.

/// Refusals in a row, without a pause of a second's worth of requests, after which the connection is closed.
const REFUSALS_MAX: u32 = 100;

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out.
    Allowed,
    /// Refuse it.
    Refused,
    /// It goes on: close the connection.
    Excessive,
}

/// A client's allowance: `per_s` requests a second, two seconds' worth at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimit {
    /// When the allowance is whole again, µs of the shard's clock.
    whole_at_us: u64,
    refusals: u32,
}

impl RateLimit {
    /// Asks for one request at `now_us`.
    pub fn take(&mut self, per_s: u32, now_us: u64) -> Verdict {
        let cost_us = 1_000_000 / u64::from(per_s.max(1));
        let whole_at_us = self.whole_at_us.max(now_us) + cost_us;
        if whole_at_us <= now_us + 2_000_000 {
            self.whole_at_us = whole_at_us;
            if whole_at_us <= now_us + 1_000_000 {
                self.refusals = 0;
            }
            return Verdict::Allowed;
        }
        self.refusals += 1;
        if self.refusals > REFUSALS_MAX { Verdict::Excessive } else { Verdict::Refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_the_rate_for_ever_and_a_burst_once() {
        let mut limit = RateLimit::default();
        for request in 0..10_000u64 {
            assert_eq!(limit.take(50, request * 20_000), Verdict::Allowed);
        }
        let mut limit = RateLimit::default();
        let burst = (0..300).take_while(|_| limit.take(50, 0) == Verdict::Allowed).count();
        assert_eq!(burst, 100);
        assert_eq!(limit.take(50, 10_000), Verdict::Refused);
        assert_eq!(limit.take(50, 20_000), Verdict::Allowed, "one is back after 1/50 s");
    }

    #[test]
    fn going_on_regardless_is_excessive() {
        let mut limit = RateLimit::default();
        let verdicts: Vec<_> = (0..300).map(|_| limit.take(50, 0)).collect();
        let refused = verdicts.iter().filter(|verdict| **verdict == Verdict::Refused).count();
        assert_eq!(refused, 100);
        assert_eq!(verdicts.last(), Some(&Verdict::Excessive));
    }
}
