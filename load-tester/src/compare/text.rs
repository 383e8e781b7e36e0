//! A comparison in words and as a table for a terminal. Makes texts; prints nothing.

use std::fmt::Write;

use super::measure::Measure;
use super::{Comparison, Difference, Finding};
use crate::report::html::number::{significant, time};

/// The whole comparison.
#[must_use]
pub fn table(comparison: &Comparison) -> String {
    let mut text = String::new();
    for condition in &comparison.conditions {
        let super::conditions::Condition { name, a, b, .. } = condition;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {a} → {b}");
    }
    if !comparison.only_in_one.is_empty() {
        let _ = writeln!(text, "only in one of them: {}", comparison.only_in_one.join(", "));
    }
    for lane in &comparison.lanes {
        let _ = writeln!(text, "\n{:<22} {:>10} {:>10}", lane.transport, "A", "B");
        for one in &lane.differences {
            let (a, b) = (value(one.measure, one.a), value(one.measure, one.b));
            let mark = if one.finding == Finding::Same { ' ' } else { '*' };
            let _ = writeln!(text, "{mark} {:<20} {a:>10} {b:>10}   {}", one.name, sentence(one));
        }
    }
    let _ = writeln!(text, "\n{}", verdict(comparison));
    let _ = writeln!(text, "{}", method(comparison));
    text
}

/// What it comes to.
#[must_use]
pub fn verdict(comparison: &Comparison) -> String {
    let count = comparison.differences().count();
    let unknown = |(_, one): &(&str, &Difference)| one.finding == Finding::Unknown;
    let unknown = comparison.differences().filter(unknown).count();
    let mut text = match comparison.differing() {
        _ if count == unknown => {
            return "Nothing can be said: the runs are too short, or too little came in them."
                .to_owned();
        }
        0 => format!("No difference in {} figures.", count - unknown),
        some => format!("{some} of {} figures differ.", count - unknown),
    };
    if unknown > 0 {
        text += &format!(" {unknown} have too few seconds or events to say.");
    }
    text
}

/// How sure that is.
#[must_use]
pub fn method(comparison: &Comparison) -> String {
    let Comparison { error_rate, replicates, seed, margin, .. } = comparison;
    format!(
        "Chance alone shows any difference in at most {:.0} % of comparisons of equal runs, all figures together (circular block \
         bootstrap over whole seconds, {replicates} replicates, seed {seed}). What changes from one start to the next, the seconds \
         of a run cannot show: differences below {:.0} %, or 0.1 ms of time, are not called.",
        error_rate * 100.0,
        margin * 100.0
    )
}

/// A figure's difference in a sentence.
#[must_use]
pub fn sentence(one: &Difference) -> String {
    let (Some(low), Some(high)) = (one.low, one.high) else {
        return "too few seconds or events to say".to_owned();
    };
    let between = format!("95 % CI {}", range(one.measure, low, high));
    let by = |amount: f64| value(one.measure, amount.abs());
    match (one.finding, one.measure) {
        (Finding::Same | Finding::Unknown, _) if low < -one.margin || high > one.margin => {
            format!("no clear difference ({between})")
        }
        (Finding::Same | Finding::Unknown, _) => format!("no difference ({between})"),
        (Finding::More, Measure::Latency(_) | Measure::Staleness(_)) => {
            format!("B is slower by {} ({between})", by(one.difference))
        }
        (Finding::Less, Measure::Latency(_) | Measure::Staleness(_)) => {
            format!("B is faster by {} ({between})", by(one.difference))
        }
        (Finding::More, Measure::Events) => {
            format!("B delivers {} more ({between})", by(one.difference))
        }
        (Finding::Less, Measure::Events) => {
            format!("B delivers {} less ({between})", by(one.difference))
        }
        (Finding::More, _) => format!("B needs {} more ({between})", by(one.difference)),
        (Finding::Less, _) => format!("B needs {} less ({between})", by(one.difference)),
    }
}

/// A value of a measure with its unit.
#[must_use]
pub fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Latency(_) | Measure::Staleness(_) => time(value),
        Measure::ServerCpu => format!("{} µs", significant(value, 3)),
        Measure::Bytes | Measure::Events => significant(value, 3),
    }
}

/// `+0.9…+1.5 ms`: both ends in the unit that fits the greater, and with as many places as two digits of that take.
#[must_use]
pub fn range(measure: Measure, low: f64, high: f64) -> String {
    let greatest = low.abs().max(high.abs());
    let (scale, unit) = match measure {
        Measure::Latency(_) | Measure::Staleness(_) if greatest >= 999_500.0 => (1e6, " s"),
        Measure::Latency(_) | Measure::Staleness(_) if greatest >= 999.5 => (1e3, " ms"),
        Measure::Latency(_) | Measure::Staleness(_) | Measure::ServerCpu => (1.0, " µs"),
        Measure::Bytes | Measure::Events => (1.0, ""),
    };
    let places = (1.0 - (greatest / scale).max(1e-3).log10().floor()).clamp(0.0, 3.0) as usize;
    let signed = |value: f64| {
        let text = format!("{:.places$}", value / scale);
        match text.strip_prefix('-') {
            Some(digits) if digits.chars().any(|digit| matches!(digit, '1'..='9')) => {
                format!("−{digits}")
            }
            Some(zero) => zero.to_owned(),
            None if text.chars().any(|digit| matches!(digit, '1'..='9')) => format!("+{text}"),
            None => text,
        }
    };
    format!("{}…{}{unit}", signed(low), signed(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_one_unit_and_the_digits_that_count() {
        let latency = Measure::Latency(0.5);
        assert_eq!(range(latency, 900.0, 1_500.0), "+0.9…+1.5 ms");
        assert_eq!(range(latency, -18.0, 61e6), "0…+61 s");
        assert_eq!(range(latency, -9.4, 9.6), "−9.4…+9.6 µs");
        assert_eq!(range(Measure::Bytes, -0.68, 1.1), "−0.7…+1.1");
        assert_eq!(range(Measure::Events, -99.0, 113.0), "−99…+113");
        assert_eq!(range(latency, 0.0, 0.0), "0.000…0.000 µs");
    }
}
