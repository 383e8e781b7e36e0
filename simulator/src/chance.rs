//! Every random number of the simulator: one pinned generator and the distributions drawn from it.
//! Arrivals, the price model and past bars each own a `Chance`, split off the plan's seed by purpose.
//! Never uses the platform's math library, whose last bits differ: a seed means the same stream everywhere.

use std::sync::LazyLock;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Cells of the table that normal numbers are drawn from by inversion.
const NORMAL_CELLS: usize = 4096;

/// Quantiles of the standard normal distribution at the cells' bounds, scaled to unit variance.
static NORMAL: LazyLock<Box<[f64; NORMAL_CELLS + 1]>> = LazyLock::new(normal_quantiles);

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    bits: Xoshiro256PlusPlus,
    normal: &'static [f64; NORMAL_CELLS + 1],
}

impl Chance {
    /// The stream of a seed and a purpose; different purposes are independent of each other.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mixed = seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        Self { bits: Xoshiro256PlusPlus::seed_from_u64(mixed), normal: &NORMAL }
    }

    /// 64 random bits.
    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        self.bits.next_u64()
    }

    /// Uniform in (0, 1]: safe to take the logarithm of.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `low..high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Exponential with mean 1.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(self.unit())
    }

    /// Normal with mean 0 and variance 1, cut at ±3.7: the fat tails come from the model.
    #[inline]
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.bits();
        let cell = (bits >> 52) as usize;
        let within = (bits & ((1 << 52) - 1)) as f64 * (1.0 / (1u64 << 52) as f64);
        let low = self.normal[cell];
        low + (self.normal[cell + 1] - low) * within
    }
}

/// Tabulates the quantiles; the outermost bounds, infinite in truth, are put at half a cell.
fn normal_quantiles() -> Box<[f64; NORMAL_CELLS + 1]> {
    let cells = NORMAL_CELLS as f64;
    let mut table = Box::new([0.0; NORMAL_CELLS + 1]);
    for (index, quantile) in table.iter_mut().enumerate() {
        *quantile = normal_quantile((index as f64).clamp(0.5, cells - 0.5) / cells);
    }
    // Variance of a number that is uniform within each cell.
    let variance =
        table.windows(2).map(|w| (w[0] * w[0] + w[0] * w[1] + w[1] * w[1]) / 3.0).sum::<f64>()
            / cells;
    let scale = 1.0 / variance.sqrt();
    table.iter_mut().for_each(|quantile| *quantile *= scale);
    table
}

/// The x with `Φ(x) = p`, by bisection on `erfc`.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0f64, 10.0f64);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if 0.5 * libm::erfc(-middle * std::f64::consts::FRAC_1_SQRT_2) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: impl FnMut() -> f64) -> (f64, f64, f64) {
        let draws: Vec<f64> = std::iter::repeat_with(draw).take(400_000).collect();
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        let central = |k| draws.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
        (mean, central(2), central(4) / central(2).powi(2))
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut chance = Chance::new(7, 1);
        let (mean, variance, kurtosis) = moments(|| chance.normal());
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.01, "{variance}");
        assert!((kurtosis - 3.0).abs() < 0.1, "{kurtosis}");
        let (mean, variance, _) = moments(|| chance.exponential());
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn purposes_and_seeds_differ() {
        let first = |seed, purpose| Chance::new(seed, purpose).bits();
        assert_eq!(first(1, 1), first(1, 1));
        assert_ne!(first(1, 1), first(1, 2));
        assert_ne!(first(1, 1), first(2, 1));
    }
}
