//! A lane of a run as the bootstrap sees it: what happened in each second. Whole seconds are drawn again, so every figure
//! here can be had for any choice of seconds. Knows nothing of files.

use hdrhistogram::Histogram;

/// Values by second: the counts of a histogram's buckets, only those that are used.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// The values that buckets stand for, ascending.
    values: Vec<u64>,
    /// By second: bucket and count.
    seconds: Vec<Vec<(u32, u64)>>,
}

impl Counts {
    /// From a histogram a second.
    #[must_use]
    pub fn new(seconds: &[Histogram<u64>]) -> Self {
        let recorded = |second: &Histogram<u64>| -> Vec<(u64, u64)> {
            let buckets = second.iter_recorded();
            buckets
                .map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value()))
                .filter(|&(_, count)| count > 0)
                .collect()
        };
        let seconds: Vec<_> = seconds.iter().map(recorded).collect();
        let mut values: Vec<_> = seconds.iter().flatten().map(|&(value, _)| value).collect();
        values.sort_unstable();
        values.dedup();
        let place = |value: u64| {
            let place = values.binary_search(&value).expect("every value is listed");
            u32::try_from(place).expect("a histogram has fewer buckets")
        };
        let seconds = seconds
            .iter()
            .map(|second| second.iter().map(|&(value, count)| (place(value), count)).collect())
            .collect();
        Self { values, seconds }
    }

    /// How many values there are, each second taken as often as `times` says.
    #[must_use]
    pub fn total(&self, times: &[u32]) -> u64 {
        let count = |second: &Vec<(u32, u64)>| -> u64 { second.iter().map(|&(_, n)| n).sum() };
        self.seconds
            .iter()
            .zip(times)
            .map(|(second, &times)| count(second) * u64::from(times))
            .sum()
    }

    /// The values at ascending `quantiles`, each second taken as often as `times` says; `None` if that leaves nothing.
    #[must_use]
    pub fn quantiles(&self, quantiles: &[f64], times: &[u32]) -> Option<Vec<f64>> {
        let mut counts = vec![0_u64; self.values.len()];
        for (second, &times) in self.seconds.iter().zip(times) {
            if times > 0 {
                for &(bucket, count) in second {
                    counts[bucket as usize] += count * u64::from(times);
                }
            }
        }
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return None;
        }
        let mut found = Vec::with_capacity(quantiles.len());
        let (mut below, mut bucket) = (0, 0);
        for quantile in quantiles {
            let rank = ((quantile * total as f64).ceil() as u64).clamp(1, total);
            while below + counts[bucket] < rank {
                below += counts[bucket];
                bucket += 1;
            }
            found.push(self.values[bucket] as f64);
        }
        Some(found)
    }
}

/// What a lane's seconds have in them.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Latency, µs.
    pub latency: Counts,
    /// Staleness, µs, weighted with time.
    pub staleness: Counts,
    /// Delivered events.
    pub events: Vec<f64>,
    /// Bytes on the wire, both ways.
    pub bytes: Vec<f64>,
    /// The server's CPU time, µs; `None` for seconds in which it was not seen at both ends.
    pub server_cpu_us: Vec<Option<f64>>,
}

impl Sample {
    /// How many seconds it has.
    #[must_use]
    pub fn seconds(&self) -> usize {
        self.events.len()
    }
}

/// A sum over seconds, each taken as often as `times` says.
#[must_use]
pub fn sum(seconds: &[f64], times: &[u32]) -> f64 {
    seconds.iter().zip(times).map(|(value, &times)| value * f64::from(times)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_quantiles_of_any_choice_of_seconds() {
        let second = |values: &[u64]| {
            let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
            values.iter().for_each(|&value| histogram.record(value).unwrap());
            histogram
        };
        let counts = Counts::new(&[second(&[10, 20]), second(&[5, 1000]), second(&[])]);
        assert_eq!(counts.quantiles(&[0.5, 1.0], &[1, 1, 1]), Some(vec![10.0, 1000.0]));
        assert_eq!(counts.quantiles(&[0.5, 1.0], &[0, 3, 0]), Some(vec![5.0, 1000.0]));
        assert_eq!(counts.quantiles(&[0.25, 0.75], &[2, 0, 9]), Some(vec![10.0, 20.0]));
        assert_eq!(counts.quantiles(&[0.5], &[0, 0, 7]), None);
        assert_eq!(counts.total(&[2, 1, 1]), 6);
    }
}
