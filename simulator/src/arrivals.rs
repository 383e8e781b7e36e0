//! When something happens: a self-exciting point process whose mean rate is exactly the asked-for one.
//! First stage of the simulation; says how much market time passes and whether an earlier event set this one off.
//! Knows neither clock nor scenario: it runs in market time, which the calendar stretches onto the clock.

use crate::chance::Chance;

/// Events that one event sets off directly, on average; a cluster is `1 / (1 - BRANCHING)` events long.
pub(crate) const BRANCHING: f64 = 0.6;
/// Mean delay of a set-off event behind its cause, s of market time.
const DELAY_S: f64 = 0.03;
/// Past events that can still be named as a cause. Beyond 2 M events/s the oldest causes are confused.
const CAUSES: usize = 1 << 16;

/// A Hawkes process with exponential kernel (Hawkes 1971): intensity
/// `rate · (1 - BRANCHING) + Σ (BRANCHING / DELAY_S) · exp(-age / DELAY_S)` over all past events.
/// Simulated exactly and without rejections (Dassios & Zhao 2013, "Exact simulation of Hawkes
/// process with exponentially decaying intensity").
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// Intensity of events without a cause, events/s.
    spontaneous: f64,
    /// Present intensity of events set off by earlier ones, events/s.
    excited: f64,
    /// Symbols of the last events, newest at `newest`.
    causes: Box<[u32]>,
    newest: usize,
    known: usize,
}

/// What the process says of the next event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Market time since the event before, s.
    pub(crate) gap_s: f64,
    /// The symbol of the event that set it off, if one did.
    pub(crate) cause: Option<u32>,
}

impl Arrivals {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            spontaneous: rate * (1.0 - BRANCHING),
            // The stationary mean, so that the rate is right from the first second on.
            excited: rate * BRANCHING,
            causes: vec![0; CAUSES].into_boxed_slice(),
            newest: 0,
            known: 0,
        }
    }

    pub(crate) fn set_rate(&mut self, rate: f64) {
        self.spontaneous = rate * (1.0 - BRANCHING);
    }

    #[inline]
    pub(crate) fn next(&mut self, chance: &mut Chance) -> Arrival {
        let spontaneous_s = chance.exponential() / self.spontaneous;
        // The excited intensity integrates to `excited · DELAY_S`; beyond it nothing more is set off.
        let left = 1.0 - chance.exponential() / (self.excited * DELAY_S);
        let excited_s = if left > 0.0 { -libm::log(left) * DELAY_S } else { f64::INFINITY };
        if excited_s < spontaneous_s {
            let cause = self.cause(chance);
            self.excited = self.excited * left + BRANCHING / DELAY_S;
            Arrival { gap_s: excited_s, cause }
        } else {
            self.excited = self.excited * libm::exp(-spontaneous_s / DELAY_S) + BRANCHING / DELAY_S;
            Arrival { gap_s: spontaneous_s, cause: None }
        }
    }

    /// Remembers which symbol the last arrival went to.
    #[inline]
    pub(crate) fn happened(&mut self, symbol: u32) {
        self.newest = (self.newest + 1) % CAUSES;
        self.causes[self.newest] = symbol;
        self.known = (self.known + 1).min(CAUSES);
    }

    /// Younger events are likelier causes: their weights fall exponentially with age, hence nearly so
    /// with their number, and sum to `excited · DELAY_S / BRANCHING`.
    #[inline]
    fn cause(&self, chance: &mut Chance) -> Option<u32> {
        let back = (chance.exponential() * self.excited * (DELAY_S / BRANCHING)) as usize;
        (back < self.known).then(|| self.causes[self.newest.wrapping_sub(back) % CAUSES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts in windows of `window_s`, over `windows` windows.
    fn counts(rate: f64, window_s: f64, windows: usize) -> Vec<f64> {
        let (mut arrivals, mut chance) = (Arrivals::new(rate), Chance::new(3, 1));
        let mut counts = vec![0.0; windows];
        let mut now_s = 0.0;
        loop {
            now_s += arrivals.next(&mut chance).gap_s;
            arrivals.happened(0);
            match counts.get_mut((now_s / window_s) as usize) {
                Some(count) => *count += 1.0,
                None => return counts,
            }
        }
    }

    #[test]
    fn keeps_the_mean_rate_and_comes_in_bursts() {
        for rate in [50.0, 10_000.0] {
            let counts = counts(rate, 1.0, (600_000.0 / rate) as usize);
            let n = counts.len() as f64;
            let mean = counts.iter().sum::<f64>() / n;
            assert!((mean / rate - 1.0).abs() < 0.02, "{mean} for {rate}");
            let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0);
            // In the limit of long windows 1 / (1 - 0.6)^2 = 6.25; a Poisson process has 1.
            let fano = variance / mean;
            assert!((3.0..10.0).contains(&fano), "Fano factor {fano} at {rate}/s");
        }
    }
}
