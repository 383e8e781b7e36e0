//! What the server says of itself on its admin listener: its version, and how late its source was while it was
//! measured. Only asks; a server without an admin listener is measured all the same.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::fetch::fetch;
use crate::target::Target;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(2);
/// How long a fresh server may take until its source has begun.
const READY_WITHIN: Duration = Duration::from_secs(20);
const READY_LOOK_EVERY: Duration = Duration::from_millis(20);
/// The histogram of the source's lateness.
const LATENESS: &str = "tickcast_source_lateness_seconds_bucket{le=\"";

/// Release and commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// Release.
    pub version: Option<String>,
    /// Commit.
    pub commit: Option<String>,
}

/// Cumulative counts of the source's lateness by upper bound, seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lateness(Vec<(f64, u64)>);

/// `/version`; empty if there is no answer.
pub fn version(admin: &Target) -> Version {
    let body = get(admin, "/version");
    body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default()
}

/// Waits until the server says that it is ready: until its source has begun, and what it prepares for that is over.
/// Whether it came to that.
pub fn until_ready(admin: &Target) -> bool {
    let deadline = Instant::now() + READY_WITHIN;
    while get(admin, "/readyz").is_none() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(READY_LOOK_EVERY);
    }
    true
}

/// The source's lateness so far; `None` if the server does not say.
pub fn lateness(admin: &Target) -> Option<Lateness> {
    Lateness::read(std::str::from_utf8(&get(admin, "/metrics")?).ok()?)
}

fn get(admin: &Target, path: &str) -> Option<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(fetch(admin, path, WITHIN)).ok().map(Into::into)
}

impl Lateness {
    fn read(metrics: &str) -> Option<Self> {
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(LATENESS)?.split_once("\"} ")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, count.trim().parse().ok()?))
        };
        let buckets: Vec<_> = metrics.lines().filter_map(bucket).collect();
        (!buckets.is_empty()).then_some(Self(buckets))
    }

    /// The bound below which 99 % of the events since `before` were late, seconds; `None` if there were none.
    #[must_use]
    pub fn p99_since(&self, before: &Self) -> Option<f64> {
        let counts: Vec<_> = self
            .0
            .iter()
            .map(|&(bound, count)| {
                let earlier = before.0.iter().find(|(b, _)| *b == bound).map_or(0, |(_, c)| *c);
                (bound, count.saturating_sub(earlier))
            })
            .collect();
        let total = counts.last()?.1;
        let enough = total - total / 100;
        (total > 0).then(|| counts.iter().find(|(_, count)| *count >= enough).map(|(b, _)| *b))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(counts: [u64; 3]) -> String {
        let [a, b, c] = counts;
        format!(
            "# TYPE x histogram\ntickcast_source_lateness_seconds_sum 0.1\n{LATENESS}0.001\"}} {a}\n{LATENESS}0.01\"}} {b}\n{LATENESS}+Inf\"}} {c}\nother 1\n"
        )
    }

    #[test]
    fn takes_the_difference_of_two_looks() {
        let before = Lateness::read(&metrics([100, 900, 1000])).unwrap();
        let p99 = |counts| Lateness::read(&metrics(counts)).unwrap().p99_since(&before);
        assert_eq!(p99([1100, 1900, 2000]), Some(0.001));
        assert_eq!(p99([1000, 1890, 2000]), Some(0.01));
        assert_eq!(p99([1000, 1800, 2000]), Some(f64::INFINITY));
        assert_eq!(p99([100, 900, 1000]), None);
        assert_eq!(Lateness::read("up 1\n"), None);
    }
}
