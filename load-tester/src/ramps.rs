//! How long a value that grows with the clock stood where: the exact distribution over time of something that rises by
//! 1 µs a µs between two instants. A ramp from `a` to `b` spends 1 µs at each value between; so each ramp is two entries,
//! one where it begins and one where it ends, and the sum over all of them gives the buckets. O(1) a ramp, however long.
//! Buckets are those of an HdrHistogram of three digits, so that nothing is lost on the way into one.

use hdrhistogram::Histogram;

use crate::recorder::LATENCY_US_MAX;

/// Values below this have a bucket each.
const EXACT: u64 = 2048;
/// Buckets of each further power of two.
const HALF: usize = 1024;

/// The time spent at each value, in buckets.
#[derive(Debug)]
pub struct Ramps {
    /// By bucket: ramps that begin in it less those that end in it.
    open: Vec<i64>,
    /// By bucket: µs from there to the bucket's end, added where ramps begin, taken away where they end.
    partial: Vec<i64>,
    /// µs at zero.
    zero_us: u64,
    /// µs at values beyond the longest.
    over_us: u64,
    /// µs in all.
    total_us: u64,
}

impl Default for Ramps {
    fn default() -> Self {
        let buckets = bucket(LATENCY_US_MAX) + 1;
        let (open, partial) = (vec![0; buckets], vec![0; buckets]);
        Self { open, partial, zero_us: 0, over_us: 0, total_us: 0 }
    }
}

impl Ramps {
    /// Enters `us` at zero.
    #[inline]
    pub fn zero(&mut self, us: u64) {
        self.zero_us += us;
        self.total_us += us;
    }

    /// Enters a rise from `from` to `to`, µs. Where it is below zero it counts as zero.
    #[inline]
    pub fn rise(&mut self, from: i64, to: i64) {
        if to <= from {
            return;
        }
        if from < 0 {
            self.zero(to.min(0).abs_diff(from));
        }
        let (from, to) = (from.max(0).cast_unsigned(), to.max(0).cast_unsigned());
        self.total_us += to - from;
        let end = to.min(LATENCY_US_MAX);
        let begin = from.min(end);
        self.over_us += (to - from) - (end - begin);
        for (value, sign) in [(begin, 1), (end, -1)] {
            let bucket = bucket(value);
            self.open[bucket] += sign;
            self.partial[bucket] += sign * (low(bucket + 1) - value).cast_signed();
        }
    }

    /// Adds everything to `histogram`, whose weights are µs, and forgets it. Returns the µs beyond the longest value.
    pub fn drain(&mut self, histogram: &mut Histogram<u64>) -> u64 {
        if std::mem::take(&mut self.total_us) > 0 {
            let mut record = |value, us: i64| {
                if us > 0 {
                    histogram
                        .record_n(value, us.cast_unsigned())
                        .expect("both have the same bounds");
                }
            };
            record(0, std::mem::take(&mut self.zero_us).cast_signed());
            let mut running = 0;
            for (bucket, (open, partial)) in self.open.iter_mut().zip(&mut self.partial).enumerate()
            {
                let width = (low(bucket + 1) - low(bucket)).cast_signed();
                record(low(bucket), running * width + std::mem::take(partial));
                running += std::mem::take(open);
            }
        }
        std::mem::take(&mut self.over_us)
    }
}

/// The bucket of a value.
#[inline]
fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let shift = EXACT.leading_zeros() - value.leading_zeros() + 1;
    HALF * shift as usize + (value >> shift) as usize
}

/// The lowest value of a bucket.
#[inline]
fn low(bucket: usize) -> u64 {
    if bucket < EXACT as usize {
        return bucket as u64;
    }
    let shift = bucket / HALF - 1;
    ((bucket - shift * HALF) as u64) << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recorder::histogram;

    #[test]
    fn buckets_are_those_of_the_histogram() {
        let histogram = histogram();
        for value in (0..5000).chain((5000..LATENCY_US_MAX).step_by(999_983)) {
            assert_eq!(low(bucket(value)), histogram.lowest_equivalent(value), "{value}");
            let next = low(bucket(value) + 1);
            assert_eq!(next, histogram.next_non_equivalent(value), "{value}");
        }
    }

    proptest! {
        /// Against counting each µs of each ramp.
        #[test]
        fn ramps_give_what_counting_each_instant_gives(
            ramps in proptest::collection::vec((-300_i64..9000, 0_i64..3000), 0..20),
            zero in 0_u64..500,
        ) {
            let (mut sum, mut expected) = (Ramps::default(), histogram());
            sum.zero(zero);
            expected.record_n(0, zero).unwrap();
            for &(from, length) in &ramps {
                sum.rise(from, from + length);
                for value in from..from + length {
                    expected.record(value.max(0).cast_unsigned()).unwrap();
                }
            }
            let mut got = histogram();
            prop_assert_eq!(sum.drain(&mut got), 0);
            prop_assert_eq!(&got, &expected);
            let mut again = histogram();
            sum.drain(&mut again);
            prop_assert!(again.is_empty());
        }
    }

    #[test]
    fn what_is_beyond_the_longest_is_told() {
        let (mut ramps, mut got) = (Ramps::default(), histogram());
        let max = LATENCY_US_MAX.cast_signed();
        ramps.rise(max - 10, max + 30);
        ramps.rise(max + 5, max + 6);
        assert_eq!((ramps.drain(&mut got), got.len()), (31, 10));
    }
}
