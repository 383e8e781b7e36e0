//! Compares two runs: which figures of which lanes differ by more than chance, and by more than matters. [`conditions`] says
//! whether they may be compared at all, [`sample`] holds a lane second by second, [`measure`] says what is compared,
//! [`bootstrap`] how sure one may be; [`text`] and [`page`] show it.

pub mod bootstrap;
pub mod conditions;
pub mod measure;
pub mod page;
pub mod sample;
#[cfg(test)]
mod tests;
pub mod text;

use serde::Serialize;

use crate::result::{HistError, Interval, Lane, RunResult, decode};
use bootstrap::{Bootstrap, Estimate};
use measure::Measure;
use sample::{Counts, Sample};

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How to draw.
    pub bootstrap: Bootstrap,
    /// Differences below this part of the first run's figure are none that matter: two starts of the same server differ by
    /// as much.
    pub margin: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { bootstrap: Bootstrap::default(), margin: 0.05 }
    }
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is greater in the second run, by more than chance and the margin.
    More,
    /// It is less.
    Less,
    /// Neither.
    Same,
    /// There are too few seconds or events to say.
    Unknown,
}

/// A figure of a lane in two runs.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// In words: `latency p99`.
    pub name: String,
    /// Which.
    #[serde(skip)]
    pub measure: Measure,
    /// Of the numbers below: `us`, `events/s`, `bytes`.
    pub unit: &'static str,
    /// In the first run.
    pub a: f64,
    /// In the second.
    pub b: f64,
    /// `b - a`.
    pub difference: f64,
    /// It lies from here …
    pub low: Option<f64>,
    /// … to here, for all figures of the comparison at once.
    pub high: Option<f64>,
    /// Less than this does not matter.
    pub margin: f64,
    /// What follows.
    pub finding: Finding,
}

impl Difference {
    fn new(estimate: &Estimate, margin: f64) -> Self {
        let Estimate { measure, a, b, bounds } = *estimate;
        let margin = (a.abs() * margin).max(measure.resolution());
        let finding = match bounds {
            None => Finding::Unknown,
            Some((low, _)) if low > margin => Finding::More,
            Some((_, high)) if high < -margin => Finding::Less,
            Some(_) => Finding::Same,
        };
        let (low, high) = (bounds.map(|(low, _)| low), bounds.map(|(_, high)| high));
        let (name, unit) = (measure.name(), measure.unit());
        Self { name, measure, unit, a, b, difference: b - a, low, high, margin, finding }
    }

    /// Whether the second run is worse by it.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        let worse = if self.measure == Measure::Events { Finding::Less } else { Finding::More };
        self.finding == worse
    }
}

/// A lane's figures in two runs.
#[derive(Clone, Debug, Serialize)]
pub struct LaneDifferences {
    /// Its name.
    pub transport: String,
    /// Figure by figure.
    pub differences: Vec<Difference>,
}

/// Two runs, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Lanes that both have.
    pub lanes: Vec<LaneDifferences>,
    /// Lanes that only one has.
    pub only_in_one: Vec<String>,
    /// What differs about how they were had, and was accepted.
    pub conditions: Vec<conditions::Condition>,
    /// Share of comparisons of equal runs in which chance shows any difference.
    pub error_rate: f64,
    /// Drawn pairs of runs.
    pub replicates: usize,
    /// What they were drawn with.
    pub seed: u64,
    /// Differences below this part do not matter.
    pub margin: f64,
}

impl Comparison {
    /// Figures with the lane that they belong to.
    pub fn differences(&self) -> impl Iterator<Item = (&str, &Difference)> {
        self.lanes
            .iter()
            .flat_map(|lane| lane.differences.iter().map(move |one| (lane.transport.as_str(), one)))
    }

    /// How many figures differ.
    #[must_use]
    pub fn differing(&self) -> usize {
        let differs = |one: &Difference| matches!(one.finding, Finding::More | Finding::Less);
        self.differences().filter(|(_, one)| differs(one)).count()
    }
}

/// Compares the lanes that both runs have.
///
/// # Errors
/// A stored histogram cannot be read.
pub fn runs(a: &RunResult, b: &RunResult, options: &Options) -> Result<Comparison, HistError> {
    let find = |run: &'_ RunResult, transport: &str| -> Option<usize> {
        run.lanes.iter().position(|lane| lane.transport == transport)
    };
    let mut names = Vec::new();
    let mut samples = Vec::new();
    for lane in &a.lanes {
        if let Some(place) = find(b, &lane.transport) {
            names.push(lane.transport.clone());
            samples.push((seconds(lane)?, seconds(&b.lanes[place])?));
        }
    }
    let missing = |from: &RunResult, other: &RunResult| -> Vec<String> {
        let lanes = from.lanes.iter().map(|lane| lane.transport.clone());
        lanes.filter(|transport| find(other, transport).is_none()).collect()
    };
    let only_in_one = [missing(a, b), missing(b, a)].concat();
    let estimates = bootstrap::compare(&samples, &options.bootstrap);
    let lanes = names.into_iter().zip(estimates).map(|(transport, estimates)| {
        let differences =
            estimates.iter().map(|estimate| Difference::new(estimate, options.margin)).collect();
        LaneDifferences { transport, differences }
    });
    Ok(Comparison {
        lanes: lanes.collect(),
        only_in_one,
        conditions: conditions::differing(a, b),
        error_rate: options.bootstrap.error_rate,
        replicates: options.bootstrap.replicates,
        seed: options.bootstrap.seed,
        margin: options.margin,
    })
}

/// A stored lane, second by second.
fn seconds(lane: &Lane) -> Result<Sample, HistError> {
    let intervals = &lane.intervals;
    let histograms = |pick: fn(&Interval) -> &String| -> Result<Counts, HistError> {
        // Runs may be stored without some histograms; then there is nothing to compare.
        if intervals.iter().any(|second| pick(second).is_empty()) {
            return Ok(Counts::default());
        }
        let decoded: Result<Vec<_>, _> =
            intervals.iter().map(|second| decode(pick(second))).collect();
        Ok(Counts::new(&decoded?))
    };
    let each = |pick: fn(&Interval) -> f64| intervals.iter().map(pick).collect::<Vec<_>>();
    let cpu = intervals.iter().map(|second| second.server_cpu_us.map(|us| us as f64));
    Ok(Sample {
        latency: histograms(|second| &second.latency)?,
        staleness: histograms(|second| &second.staleness)?,
        events: each(|second| second.events as f64),
        bytes: each(|second| (second.bytes_down + second.bytes_up) as f64),
        server_cpu_us: cpu.collect(),
    })
}
