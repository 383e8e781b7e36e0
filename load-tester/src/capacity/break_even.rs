//! When polling costs as little as pushing. Formulas on measured figures; opens nothing.
//!
//! A poller at interval T costs the server `a / T` for its requests and `b` for the events themselves, however they are
//! fetched. Two measured costs of a client and second, `c1` at T1 and `c2` at T2, give both:
//! `a = (c1 - c2) / (1/T1 - 1/T2)`, `b = c1 - a/T1`. What is left of a server's budget is the same for all, so that polling at
//! T carries `N1 · c1 / (a/T + b)` clients. It carries as many as a push transport with N clients at
//!
//! ```text
//! T* = a / (c1 · N1 / N - b)
//! ```
//!
//! and at no interval if the events alone cost more than that, `b ≥ c1 · N1 / N`. With `b = 0` this is `T* = T1 · N / N1`, the
//! rule of thumb behind Van de Vyvere et al. 2020 ("polling serves more only if 10 s of staleness are acceptable").
//! Comparing costs instead of clients: `T* = a / (c - b)`, `c` being the push transport's cost of a client and second.

use serde::Serialize;

/// What polling costs the server, by client and second, in any unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PollCost {
    /// Of one request.
    pub request: f64,
    /// Of a client's events of one second.
    pub events: f64,
}

impl PollCost {
    /// From the costs of a client and second at two intervals, seconds. A measured cost that contradicts the model (more
    /// polls that cost less) is noise: all of it is then counted as events', or none.
    #[must_use]
    pub fn from_two(first: (f64, f64), second: (f64, f64)) -> Self {
        let ((interval_1, cost_1), (interval_2, cost_2)) = (first, second);
        let request = (cost_1 - cost_2) / (1.0 / interval_1 - 1.0 / interval_2);
        let request = request.clamp(0.0, cost_1 * interval_1);
        Self { request, events: cost_1 - request / interval_1 }
    }

    /// Of a client and second at `interval_s`.
    #[must_use]
    pub fn at(&self, interval_s: f64) -> f64 {
        self.request / interval_s + self.events
    }

    /// The interval at which a client costs `cost` a second; `None` if it does at none.
    #[must_use]
    pub fn interval_of(&self, cost: f64) -> Option<f64> {
        let interval_s = self.request / (cost - self.events);
        (cost > self.events && interval_s.is_finite()).then_some(interval_s)
    }

    /// The interval at which as many clients are carried as push has, `clients` being carried at `interval_s`.
    #[must_use]
    pub fn interval_for(&self, interval_s: f64, clients: u32, push: u32) -> Option<f64> {
        if push == 0 {
            return None;
        }
        self.interval_of(self.at(interval_s) * f64::from(clients) / f64::from(push))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-9)
    }

    proptest! {
        /// What was put in comes out, and at the interval found both carry the same.
        #[test]
        fn finds_the_interval_at_which_both_carry_the_same(
            request in 1.0_f64..500.0, events in 0.0_f64..200.0,
            interval in 0.1_f64..10.0, clients in 10_u32..10_000, push in 10_u32..100_000,
        ) {
            let truth = PollCost { request, events };
            let points = [interval, 2.0 * interval].map(|interval| (interval, truth.at(interval)));
            let cost = PollCost::from_two(points[0], points[1]);
            prop_assert!(close(cost.request, request) && (cost.events - events).abs() < 1e-6 * request);
            let budget = truth.at(interval) * f64::from(clients);
            match truth.interval_for(interval, clients, push) {
                Some(even) => prop_assert!(close(budget / truth.at(even), f64::from(push))),
                None => prop_assert!(budget / f64::from(push) <= events * (1.0 + 1e-9)),
            }
        }
    }

    #[test]
    fn is_the_rule_of_thumb_where_events_are_free() {
        let cost = PollCost { request: 3.0, events: 0.0 };
        assert!(close(cost.interval_for(5.0, 5_000, 25_000).unwrap(), 25.0));
        assert_eq!(cost.interval_for(5.0, 5_000, 0), None);
    }

    #[test]
    fn noise_does_not_make_requests_cheaper_than_nothing() {
        let cost = PollCost::from_two((1.0, 10.0), (2.0, 11.0));
        assert_eq!((cost.request, cost.events), (0.0, 10.0));
        let cost = PollCost::from_two((1.0, 10.0), (2.0, 2.0));
        assert_eq!((cost.request, cost.events), (10.0, 0.0));
    }
}
