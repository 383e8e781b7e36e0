//! What is aimed at, and whether it is reached: medians of ratios within rounds, or of Tickcast's own figures.

use super::result::{Report, Round};
use super::statistics::Spread;

/// A target.
pub struct Target {
    /// Row and server.
    pub own: (&'static str, &'static str),
    /// What it is compared with, in the same round; none if the figure itself is the target.
    pub against: Option<(&'static str, &'static str)>,
    /// What is compared.
    pub measure: Measure,
    /// The bound of the figure or ratio.
    pub bound: Bound,
}

/// A figure of a round.
#[derive(Debug)]
pub struct Measure {
    /// For people.
    pub name: &'static str,
    value: fn(&Round) -> f64,
}

/// What it may be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most.
    AtMost(f64),
    /// At least.
    AtLeast(f64),
}

impl Bound {
    /// Whether it holds.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
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

const CPU: Measure = Measure { name: "CPU a delivered message", value: Round::cpu_us };
const SEND: Measure = Measure { name: "CPU a send", value: Round::cpu_us_frame };
const DELIVERED: Measure =
    Measure { name: "messages delivered a second", value: Round::rate_delivered };
const P99: Measure = Measure { name: "p99 latency", value: |round| round.latency.p99_ms };
const P99_MS: Measure = Measure { name: "others’ p99 latency, ms", value: P99.value };
const BYTES: Measure = Measure { name: "bytes a message", value: Round::bytes_each };
const MEMORY: Measure =
    Measure { name: "user memory, KiB", value: |round| round.memory_kib.unwrap_or(f64::NAN) };
const SERVED: Measure =
    Measure { name: "all served, s", value: |round| round.served_s.unwrap_or(f64::NAN) };

const OWN: &str = "tickcast";
const UWS: &str = "uwebsockets";

const fn ratio_to(
    row: &'static str,
    against: &'static str,
    measure: Measure,
    bound: Bound,
) -> Target {
    Target { own: (row, OWN), against: Some((row, against)), measure, bound }
}

const fn growth(from: &'static str, to: &'static str) -> Target {
    Target { own: (to, OWN), against: Some((from, OWN)), measure: CPU, bound: Bound::AtMost(1.3) }
}

const fn absolute(row: &'static str, measure: Measure, bound: f64) -> Target {
    Target { own: (row, OWN), against: None, measure, bound: Bound::AtMost(bound) }
}

const fn msgpack(measure: Measure, bound: f64) -> Target {
    let own = ("msgpack", "tickcast-msgpack");
    Target { own, against: Some(("msgpack", OWN)), measure, bound: Bound::AtMost(bound) }
}

/// All of them.
pub static TARGETS: [Target; 13] = [
    ratio_to("1k", UWS, CPU, Bound::AtMost(0.85)),
    ratio_to("60k", UWS, CPU, Bound::AtMost(0.3)),
    ratio_to("peak", UWS, CPU, Bound::AtMost(0.15)),
    ratio_to("peak", UWS, DELIVERED, Bound::AtLeast(6.0)),
    ratio_to("10k", UWS, P99, Bound::AtMost(1.0)),
    ratio_to("1k", "bare", SEND, Bound::AtMost(1.25)),
    msgpack(BYTES, 0.5),
    msgpack(CPU, 0.8),
    absolute("idle", MEMORY, 1.5),
    growth("connections/100", "connections/15000"),
    growth("symbols/10", "symbols/100000"),
    absolute("storm", SERVED, 3.0),
    absolute("storm", P99_MS, 100.0),
];

impl Target {
    /// The figure or ratio, of all rounds; none if there are none.
    pub fn figure(&self, report: &Report) -> Option<Spread> {
        match self.against {
            Some(against) => ratio(report, self.own, against, self.measure.value),
            None => Spread::of(report.of(self.own.0, self.own.1).map(self.measure.value)),
        }
    }

    /// Row and server of either side, for people.
    pub fn title(&self) -> String {
        let (row, peer) = self.own;
        match self.against {
            None => format!("{row}: {peer}"),
            Some((other, against)) if other == row => format!("{row}: {peer} : {against}"),
            Some((other, _)) => format!("{row} : {other}"),
        }
    }
}

/// Ratios within rounds, of two rows and servers.
pub fn ratio(
    report: &Report,
    own: (&str, &str),
    against: (&str, &str),
    value: fn(&Round) -> f64,
) -> Option<Spread> {
    Spread::of(report.of(own.0, own.1).filter_map(|round| {
        let mut others = report.of(against.0, against.1);
        let other =
            others.find(|other| (other.batch, other.round) == (round.batch, round.round))?;
        Some(value(round) / value(other))
    }))
}

/// Whether a target that was measured is not met, or could not be measured of Tickcast.
pub fn missed(report: &Report) -> bool {
    let holds = |target: &Target| {
        let (row, own) = target.own;
        let row = row.split_once('/').map_or(row, |(row, _)| row);
        let took_part = !report.left_out.contains_key(&format!("{own} on {row}"));
        took_part && target.figure(report).is_none_or(|figure| target.bound.holds(figure.median))
    };
    !TARGETS.iter().all(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(peer: &str, round: u32, server_cpu_s: f64) -> Round {
        let row = "1k".to_owned();
        Round { row, round, peer: peer.to_owned(), messages: 10, server_cpu_s, ..Round::default() }
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let mut report = Report::default();
        for (number, own, other) in [(0, 1.0, 2.0), (1, 3.0, 4.0), (2, 8.0, 8.0)] {
            report.rounds.push(round(OWN, number, own));
            report.rounds.push(round(UWS, number, other));
        }
        report.rounds.push(round(OWN, 3, 100.0)); // without a partner
        let ratio = TARGETS[0].figure(&report).unwrap();
        assert_eq!((ratio.least, ratio.median, ratio.greatest), (0.5, 0.75, 1.0));
        assert!(!missed(&report));
        report.left_out.insert(format!("{OWN} on connections"), "died".to_owned());
        assert!(missed(&report));
        report.left_out.clear();
        report.rounds.retain(|round| round.round == 2);
        assert!(missed(&report));
    }

    #[test]
    fn every_target_is_about_a_row() {
        for target in &TARGETS {
            for (name, _) in [Some(target.own), target.against].into_iter().flatten() {
                let known = super::super::rows::ROWS.iter().any(|row| {
                    row.cases.iter().any(|(case, _)| format!("{}{case}", row.name) == name)
                });
                assert!(known, "{name}");
            }
        }
    }
}
