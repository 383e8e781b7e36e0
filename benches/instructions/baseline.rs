//! What is accepted, and how what was measured compares with it. Pure: it runs nothing and reads no file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// More than this is a regression, less by more than this is to be accepted.
const TOLERANCE: f64 = 0.05;

/// Instructions a unit of work (an event, a message, a tick) by path, and what they depend on besides the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `rustc --version`.
    pub rustc: String,
    /// `valgrind --version`.
    pub valgrind: String,
    /// The first line of `ldd --version`.
    pub libc: String,
    /// Architecture and system.
    pub target: String,
    /// By path.
    pub instructions: BTreeMap<String, f64>,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    AsBefore,
    /// Fewer than accepted: the next regression would hide behind it.
    Fell,
    Grew,
    /// Measured, and not accepted yet.
    New,
    /// Accepted, and no longer measured.
    Missing,
}

/// Each path's accepted and measured instructions, and what was not the same about measuring.
#[derive(Debug)]
pub struct Comparison {
    rows: Vec<(String, Option<f64>, Option<f64>, Verdict)>,
    differences: Vec<String>,
    comparable: bool,
}

/// Compares path by path.
pub fn compare(accepted: &Baseline, measured: &Baseline) -> Comparison {
    let mut names: Vec<&String> = accepted.instructions.keys().collect();
    names.extend(measured.instructions.keys());
    names.sort();
    names.dedup();
    let rows = names.into_iter().map(|name| {
        let (before, now) = (accepted.instructions.get(name), measured.instructions.get(name));
        (name.clone(), before.copied(), now.copied(), verdict(before, now))
    });
    let fields = [
        (&accepted.rustc, &measured.rustc),
        (&accepted.valgrind, &measured.valgrind),
        (&accepted.libc, &measured.libc),
        (&accepted.target, &measured.target),
    ];
    let different = fields.into_iter().filter(|(before, now)| before != now);
    Comparison {
        rows: rows.collect(),
        differences: different
            .map(|(before, now)| format!("{now}, accepted with {before}"))
            .collect(),
        comparable: accepted.target == measured.target,
    }
}

fn verdict(before: Option<&f64>, now: Option<&f64>) -> Verdict {
    match (before, now) {
        (None, _) => Verdict::New,
        (_, None) => Verdict::Missing,
        (Some(before), Some(now)) if *now < before * (1.0 - TOLERANCE) => Verdict::Fell,
        (Some(before), Some(now)) if *now <= before * (1.0 + TOLERANCE) => Verdict::AsBefore,
        // Also what is no number.
        _ => Verdict::Grew,
    }
}

impl Comparison {
    /// Whether no path grew, is new or is missing, on the target that the file is of.
    pub fn passes(&self) -> bool {
        let is_good = |verdict: &Verdict| matches!(verdict, Verdict::AsBefore | Verdict::Fell);
        self.comparable
            && !self.rows.is_empty()
            && self.rows.iter().all(|(.., verdict)| is_good(verdict))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22} {:>12} {:>12}", "instructions a unit", "accepted", "now")?;
        let figure =
            |figure: Option<f64>| figure.map_or("-".into(), |figure| format!("{figure:.1}"));
        for (name, before, now, verdict) in &self.rows {
            let share = match (before, now) {
                (Some(before), Some(now)) => format!("{:+.2} %", (now / before - 1.0) * 100.0),
                _ => String::new(),
            };
            let (before, now) = (figure(*before), figure(*now));
            let word = match verdict {
                Verdict::AsBefore => "",
                Verdict::Fell => "  fell: update the baseline, make instructions-accept",
                Verdict::Grew => "  GREW by more than 5 %",
                Verdict::New => "  NEW: make instructions-accept",
                Verdict::Missing => "  MISSING: make instructions-accept",
            };
            writeln!(f, "{name:<22} {before:>12} {now:>12} {share:>10}{word}")?;
        }
        self.differences.iter().try_for_each(|difference| writeln!(f, "note: {difference}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(paths: &[(&str, f64)]) -> Baseline {
        let text = |text: &str| text.to_owned();
        let instructions = paths.iter().map(|(name, figure)| (text(name), *figure)).collect();
        let [rustc, valgrind, libc, target] =
            ["rustc 1", "valgrind-3", "libc 2", "x86_64-linux"].map(text);
        Baseline { rustc, valgrind, libc, target, instructions }
    }

    fn passes(accepted: &Baseline, measured: &Baseline) -> bool {
        compare(accepted, measured).passes()
    }

    #[test]
    fn six_per_cent_more_fail_and_four_do_not() {
        let accepted = baseline(&[("merge", 100.0), ("queue", 50.0)]);
        assert!(passes(&accepted, &accepted));
        assert!(passes(&accepted, &baseline(&[("merge", 104.0), ("queue", 50.0)])));
        let worse = baseline(&[("merge", 106.0), ("queue", 50.0)]);
        assert!(!passes(&accepted, &worse));
        let text = compare(&accepted, &worse).to_string();
        let line = text.lines().find(|line| line.starts_with("merge")).unwrap();
        assert!(line.contains("+6.00 %") && line.contains("GREW"), "{line}");
        assert!(!passes(&accepted, &baseline(&[("merge", f64::NAN), ("queue", 50.0)])));
    }

    #[test]
    fn less_is_said_and_passes() {
        let comparison = compare(&baseline(&[("merge", 100.0)]), &baseline(&[("merge", 94.0)]));
        assert!(comparison.passes());
        assert!(comparison.to_string().contains("make instructions-accept"));
    }

    #[test]
    fn a_path_that_is_missing_or_new_fails() {
        let (one, two) = (baseline(&[("merge", 1.0)]), baseline(&[("merge", 1.0), ("queue", 2.0)]));
        assert!(!passes(&one, &two), "new");
        assert!(!passes(&two, &one), "missing");
        assert!(!passes(&baseline(&[]), &baseline(&[])), "nothing was measured");
    }

    #[test]
    fn another_compiler_is_said_and_another_processor_cannot_be_compared() {
        let accepted = baseline(&[("merge", 1.0)]);
        let other = Baseline { rustc: "rustc 2".into(), ..accepted.clone() };
        assert!(passes(&accepted, &other));
        assert!(compare(&accepted, &other).to_string().contains("rustc 2, accepted with rustc 1"));
        assert!(!passes(
            &accepted,
            &Baseline { target: "aarch64-linux".into(), ..accepted.clone() }
        ));
    }

    /// The file that is checked in, doctored: 6 % less accepted than measured must fail for each path alone.
    #[test]
    fn the_gate_can_fail_on_each_path() {
        let file = include_str!("../instructions.json");
        let measured: Baseline = serde_json::from_str(file).unwrap();
        assert!(passes(&measured, &measured));
        for name in measured.instructions.keys() {
            let mut accepted = measured.clone();
            *accepted.instructions.get_mut(name).unwrap() /= 1.06;
            assert!(!passes(&accepted, &measured), "{name}");
        }
        let mut names: Vec<_> = crate::paths::PATHS.iter().map(|path| path.name).collect();
        names.sort_unstable();
        assert!(measured.instructions.keys().eq(names.iter()), "make instructions-accept");
    }
}
