//! What is aimed at, and whether it is reached: medians of ratios within rounds.

use super::result::{Report, Round};
use super::statistics::Spread;

/// A target.
pub struct Target {
    /// The row it is about.
    pub row: &'static str,
    /// Against whom.
    pub against: &'static str,
    /// What is compared.
    pub measure: &'static str,
    value: fn(&Round) -> f64,
    /// What Tickcast's own value is, where it is not the same.
    own: fn(&Round) -> f64,
    /// The bound of the ratio.
    pub bound: Bound,
}

/// Of a ratio Tickcast : other.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most.
    AtMost(f64),
    /// At least.
    AtLeast(f64),
}

impl Bound {
    /// Whether it holds.
    pub fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

const UWS: &str = "uwebsockets";
const CPU: &str = "CPU a delivered message";

/// All of them.
pub static TARGETS: [Target; 6] = [
    Target {
        row: "1k",
        against: UWS,
        measure: CPU,
        value: Round::cpu_us,
        own: Round::cpu_us,
        bound: Bound::AtMost(0.85),
    },
    Target {
        row: "60k",
        against: UWS,
        measure: CPU,
        value: Round::cpu_us,
        own: Round::cpu_us,
        bound: Bound::AtMost(0.3),
    },
    Target {
        row: "peak",
        against: UWS,
        measure: CPU,
        value: Round::cpu_us,
        own: Round::cpu_us,
        bound: Bound::AtMost(0.15),
    },
    Target {
        row: "peak",
        against: UWS,
        measure: "messages delivered a second",
        value: Round::rate_delivered,
        own: Round::rate_delivered,
        bound: Bound::AtLeast(6.0),
    },
    Target {
        row: "10k",
        against: UWS,
        measure: "p99 latency",
        value: |round| round.latency.p99_ms,
        own: |round| round.latency.p99_ms,
        bound: Bound::AtMost(1.0),
    },
    Target {
        row: "1k",
        against: "bare",
        measure: "CPU a send",
        value: Round::cpu_us_frame,
        own: Round::cpu_us_frame,
        bound: Bound::AtMost(1.25),
    },
];

impl Target {
    /// The ratios within rounds; none if there are none.
    pub fn ratio(&self, report: &Report) -> Option<Spread> {
        ratio(report, self.row, "tickcast", self.against, self.own, self.value)
    }
}

/// Ratios `peer` : `against` within rounds.
pub fn ratio(
    report: &Report,
    row: &str,
    peer: &str,
    against: &str,
    own: fn(&Round) -> f64,
    value: fn(&Round) -> f64,
) -> Option<Spread> {
    Spread::of(report.of(row, peer).filter_map(|round| {
        let other = report.of(row, against).find(|other| other.round == round.round)?;
        Some(own(round) / value(other))
    }))
}

/// Whether a target that was measured is not met.
pub fn missed(report: &Report) -> bool {
    TARGETS
        .iter()
        .any(|target| target.ratio(report).is_some_and(|ratio| !target.bound.holds(ratio.median)))
}
