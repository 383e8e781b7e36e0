//! How far two runs differ, and how far they would differ by chance: a circular block bootstrap over the seconds of each
//! run (Politis and Romano 1992), with one bound for all comparisons together (the greatest studentised difference, as in
//! Westfall and Young 1993). So of equal runs at most the stated share shows any difference at all, however many lanes and
//! measures are compared. It knows of chance within a run only: what differs from one start to the next, the seconds of a
//! run do not show; `margin` is for that.

use fastrand::Rng;

use super::measure::{self, Measure};
use super::sample::Sample;

/// Fewer seconds than this say nothing of how a run varies.
pub const SECONDS_MIN: usize = 12;
/// HdrHistogram's own rounding at three digits, as a part of the value: no bound may be finer.
const ROUNDING: f64 = 1e-3;

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// Drawn pairs of runs.
    pub replicates: usize,
    /// Share of comparisons of equal runs, all their measures together, in which a difference may be found.
    pub error_rate: f64,
    /// The same seed draws the same.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { replicates: 1000, error_rate: 0.05, seed: 1 }
    }
}

/// A measure of a lane in two runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Which.
    pub measure: Measure,
    /// In the first run.
    pub a: f64,
    /// In the second.
    pub b: f64,
    /// The difference `b - a` lies between these, for all estimates at once, in all but `error_rate` of cases; `None` if
    /// there are too few seconds or values.
    pub bounds: Option<(f64, f64)>,
}

/// One lane's estimates in the logarithm, and what chance does to them.
struct Lane {
    measures: Vec<Measure>,
    a: Vec<f64>,
    b: Vec<f64>,
    /// By measure: each replicate's difference.
    drawn: Vec<Vec<f64>>,
    /// Seconds of the shorter run.
    seconds: usize,
}

/// Compares lanes, each given as its seconds in the first and in the second run. Returns for each lane its estimates.
#[must_use]
pub fn compare(lanes: &[(Sample, Sample)], how: &Bootstrap) -> Vec<Vec<Estimate>> {
    let mut random = Rng::with_seed(how.seed);
    let lanes: Vec<_> = lanes.iter().map(|(a, b)| Lane::draw(a, b, how, &mut random)).collect();
    let errors: Vec<Vec<Option<f64>>> = lanes.iter().map(Lane::errors).collect();
    let greatest = (0..how.replicates).map(|replicate| {
        let of_lane = |(lane, errors): (&Lane, &Vec<Option<f64>>)| lane.greatest(errors, replicate);
        lanes.iter().zip(&errors).map(of_lane).fold(0.0, f64::max)
    });
    let mut greatest: Vec<f64> = greatest.collect();
    greatest.sort_unstable_by(f64::total_cmp);
    let rank = ((1.0 - how.error_rate) * greatest.len() as f64).ceil() as usize;
    let bound = greatest.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN);
    lanes.iter().zip(&errors).map(|(lane, errors)| lane.estimates(errors, bound)).collect()
}

impl Lane {
    fn draw(a: &Sample, b: &Sample, how: &Bootstrap, random: &mut Rng) -> Self {
        let in_b = measure::available(b);
        let measures: Vec<_> =
            measure::available(a).into_iter().filter(|measure| in_b.contains(measure)).collect();
        let values = |sample: &Sample, times: &[u32]| measure::values(sample, &measures, times);
        let whole = |sample: &Sample| values(sample, &vec![1; sample.seconds()]);
        let (of_a, of_b) = (whole(a), whole(b));
        let fewest = a.seconds().min(b.seconds());
        let mut drawn = vec![Vec::new(); measures.len()];
        if fewest >= SECONDS_MIN {
            for _ in 0..how.replicates {
                let from_a = values(a, &resample(a.seconds(), random));
                let from_b = values(b, &resample(b.seconds(), random));
                for (place, &measure) in measures.iter().enumerate() {
                    drawn[place].push(difference(measure, from_a[place], from_b[place]));
                }
            }
        }
        Self { measures, a: of_a, b: of_b, drawn, seconds: fewest }
    }

    /// The standard error of each measure's difference; `None` where too many replicates had nothing to measure.
    fn errors(&self) -> Vec<Option<f64>> {
        let error = |drawn: &Vec<f64>| {
            let count = drawn.len() as f64;
            if drawn.is_empty() || drawn.iter().any(|value| !value.is_finite()) {
                return None;
            }
            let mean = drawn.iter().sum::<f64>() / count;
            let squares: f64 = drawn.iter().map(|value| (value - mean).powi(2)).sum();
            Some((squares / count).sqrt().max(ROUNDING))
        };
        self.drawn.iter().map(error).collect()
    }

    /// The greatest studentised deviation of a replicate from what was measured.
    fn greatest(&self, errors: &[Option<f64>], replicate: usize) -> f64 {
        let deviation = |(place, error): (usize, &Option<f64>)| {
            let measured = difference(self.measures[place], self.a[place], self.b[place]);
            error.map_or(0.0, |error| (self.drawn[place][replicate] - measured).abs() / error)
        };
        errors.iter().enumerate().map(deviation).fold(0.0, f64::max)
    }

    fn estimates(&self, errors: &[Option<f64>], bound: f64) -> Vec<Estimate> {
        let estimate = |(place, &measure): (usize, &Measure)| {
            let (a, b) = (self.a[place], self.b[place]);
            let bounds = errors[place].map(|error| {
                let (middle, reach) =
                    (difference(measure, a, b), few_blocks(bound, self.seconds) * error);
                let back = |log: f64| (a + measure.offset()) * log.exp_m1();
                (back(middle - reach), back(middle + reach))
            });
            Estimate { measure, a, b, bounds: bounds.filter(|(low, high)| low <= high) }
        };
        self.measures.iter().enumerate().map(estimate).collect()
    }
}

/// By how much `b` is above `a`, as the logarithm of their ratio.
fn difference(measure: Measure, a: f64, b: f64) -> f64 {
    ((b + measure.offset()) / (a + measure.offset())).ln()
}

/// Seconds that are drawn together, since neighbours are alike. More than the usual cube root of how many there are: with
/// that, seconds correlated by 0.5 looked so much steadier than they are that 13 % of equal runs differed (12 s).
fn block(seconds: usize) -> usize {
    (1.5 * (seconds as f64).sqrt()).round().max(1.0) as usize
}

/// How often each second is drawn: blocks of neighbours, the end joined to the beginning, until there are as many again.
fn resample(seconds: usize, random: &mut Rng) -> Vec<u32> {
    let block = block(seconds);
    let mut times = vec![0; seconds];
    let mut left = seconds;
    while left > 0 {
        let start = random.usize(..seconds);
        for place in start..start + block.min(left) {
            times[place % seconds] += 1;
        }
        left -= block.min(left);
    }
    times
}

/// A bound of `z` standard errors, for runs of few blocks: a bootstrap of n blocks takes their spread for 1 - 1/n of what it
/// is, and does not see that the spread is itself estimated (Student's t against the normal).
fn few_blocks(z: f64, seconds: usize) -> f64 {
    let blocks = (seconds as f64 / block(seconds) as f64).max(2.0);
    let freedom = 2.0 * blocks - 2.0;
    // Cornish and Fisher's expansion of Student's quantile about the normal's.
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let student = z + first / freedom + second / freedom.powi(2);
    student * (blocks / (blocks - 1.0)).sqrt()
}
