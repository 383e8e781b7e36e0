//! Looks for the greatest number that holds: doubling (or halving) from a start until both sides are known, then bisecting
//! until they are close. Sans-I/O: says which number to try next, and is told whether it held.

/// How far the search has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    start: u32,
    /// No number above this is tried.
    most: u32,
    /// The greatest number known to hold; 0 is taken to hold.
    holds: u32,
    /// The least number known not to.
    breaks: Option<u32>,
    /// What a number that held is multiplied by.
    growth: u32,
}

/// Both sides may be so far apart at the end, as a part of the lower one.
pub const CLOSE: f64 = 0.05;

/// A number is multiplied so that what is used comes to about this part of what there is …
const AIM: f64 = 0.6;
/// … at most by this, because the first clients cost more than the next.
const GROWTH_MAX: u32 = 8;

impl Search {
    /// From `start` up to `most`; both at least 1.
    #[must_use]
    pub fn new(start: u32, most: u32) -> Self {
        let most = most.max(1);
        Self { start: start.clamp(1, most), most, holds: 0, breaks: None, growth: 2 }
    }

    /// What to try next; `None` when the answer is known well enough.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        let Self { start, most, holds, breaks, growth } = *self;
        match breaks {
            None if holds == 0 => Some(start),
            None => (holds < most).then(|| holds.saturating_mul(growth).min(most)),
            Some(breaks) if holds == 0 => (breaks > 1).then_some(breaks / 2),
            Some(breaks) => {
                let apart = f64::from(breaks - holds);
                if breaks - holds <= 1 || apart <= f64::from(holds) * CLOSE {
                    return None;
                }
                // Halfway by ratio: the error that is left is a ratio too.
                let middle = (f64::from(holds) * f64::from(breaks)).sqrt().round() as u32;
                Some(middle.clamp(holds + 1, breaks - 1))
            }
        }
    }

    /// What has just held used `busy` (0 to 1) of what there is: the next number may be further off than the double.
    pub fn has_room(&mut self, busy: f64) {
        let room = AIM / busy.max(f64::MIN_POSITIVE);
        self.growth = room.clamp(2.0, f64::from(GROWTH_MAX)) as u32;
    }

    /// `tried` has held, or not. What contradicts something older replaces it: capacity on a shared machine wavers.
    pub fn enter(&mut self, tried: u32, held: bool) {
        if held {
            self.holds = self.holds.max(tried);
            self.breaks = self.breaks.filter(|&breaks| breaks > tried);
        } else {
            self.breaks = Some(self.breaks.map_or(tried, |breaks| breaks.min(tried)));
            if self.holds >= tried {
                self.holds = 0;
            }
        }
    }

    /// The greatest number that has held, 0 if none has.
    #[must_use]
    pub fn holds(&self) -> u32 {
        self.holds
    }

    /// The least number that has not.
    #[must_use]
    pub fn breaks(&self) -> Option<u32> {
        self.breaks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a search against a server that carries `capacity`. The search as it ended, and its steps.
    fn search(start: u32, most: u32, capacity: u32) -> (Search, u32) {
        let (mut search, mut steps) = (Search::new(start, most), 0);
        while let Some(tried) = search.next() {
            assert!((1..=most).contains(&tried), "{search:?} tries {tried}");
            search.has_room(f64::from(tried) / f64::from(capacity.max(1)));
            search.enter(tried, tried <= capacity);
            steps += 1;
            assert!(steps < 100, "{search:?} does not end");
        }
        (search, steps)
    }

    proptest! {
        /// Whatever a server carries, it is found to 5 %, never overstated, in few steps.
        #[test]
        fn finds_what_a_server_carries(
            capacity in 0_u32..2_000_000, start in 1_u32..5_000, most in 1_u32..1_000_000
        ) {
            let (search, steps) = search(start, most, capacity);
            let (found, truth) = (search.holds(), capacity.min(most));
            prop_assert!(found <= truth);
            let miss = (f64::from(truth) / (1.0 + CLOSE) - 1.0).floor();
            prop_assert!(f64::from(found) >= miss, "{} of {}", found, truth);
            prop_assert_eq!(search.breaks().is_none(), found == most);
            let far = (f64::from(truth.max(1)) / f64::from(start.min(most))).log2().abs();
            prop_assert!(f64::from(steps) <= far + 8.0, "{} steps, {} doublings away", steps, far);
        }

        /// A capacity that wavers from step to step still ends the search, within what it wavered over.
        #[test]
        fn ends_on_a_machine_that_wavers(
            capacities in proptest::collection::vec(100_u32..10_000, 40), start in 1_u32..500
        ) {
            let mut search = Search::new(start, 100_000);
            let mut tries = capacities.iter();
            while let (Some(tried), Some(&capacity)) = (search.next(), tries.clone().next()) {
                search.enter(tried, tried <= capacity);
                tries.next();
            }
            prop_assert!(search.holds() <= 10_000);
        }
    }

    #[test]
    fn a_server_that_carries_nobody_is_found_out() {
        let (search, _) = search(256, 10_000, 0);
        assert_eq!((search.holds(), search.breaks()), (0, Some(1)));
    }
}
