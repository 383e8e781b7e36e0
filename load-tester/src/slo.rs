//! Service-level objectives: `ws-json.p99<20ms`, or `p99<100ms` for every lane. Read before anything is opened, and held
//! against a lane's figures afterwards. A figure that there is not does not meet an objective.

use std::str::FromStr;

use thiserror::Error;

use crate::result::{Hist, Lane, Slo};

/// What can be promised: names, and the unit of each.
const FIELDS: [(&str, Unit); 21] = [
    ("p50", Unit::Time),
    ("p90", Unit::Time),
    ("p95", Unit::Time),
    ("p99", Unit::Time),
    ("p999", Unit::Time),
    ("max", Unit::Time),
    ("age.p50", Unit::Time),
    ("age.p90", Unit::Time),
    ("age.p95", Unit::Time),
    ("age.p99", Unit::Time),
    ("age.p999", Unit::Time),
    ("age.max", Unit::Time),
    ("staleness.p50", Unit::Time),
    ("staleness.p90", Unit::Time),
    ("staleness.p95", Unit::Time),
    ("staleness.p99", Unit::Time),
    ("staleness.p999", Unit::Time),
    ("staleness.max", Unit::Time),
    ("missed", Unit::Events),
    ("bytes_per_event", Unit::Bytes),
    ("cpu_us_per_event", Unit::CpuTime),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Events,
    Bytes,
    CpuTime,
}

/// A promise on one lane, or on each.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// As it was given.
    pub expression: String,
    /// The lane's transport; `None` is every lane.
    pub lane: Option<String>,
    field: &'static str,
    unit: Unit,
    /// Whether the limit itself is allowed.
    inclusive: bool,
    /// ms, events, bytes or µs.
    limit: f64,
}

/// An expression that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{why}\n  {expression}\n  {mark:>width$}\nWrite LANE.FIELD<LIMIT or FIELD<LIMIT (every lane), as in ws-json.p99<20ms, staleness.p99<=1.2s, bytes_per_event<120; fields: {fields}",
    width = at + 1, mark = "^", fields = field_names()
)]
pub struct ObjectiveError {
    expression: String,
    /// Where, in characters.
    at: usize,
    why: String,
}

fn field_names() -> String {
    FIELDS.map(|(name, _)| name).join(" ")
}

impl FromStr for Objective {
    type Err = ObjectiveError;

    fn from_str(expression: &str) -> Result<Self, ObjectiveError> {
        let wrong = |at: usize, why: String| ObjectiveError {
            expression: expression.to_owned(),
            at: expression[..at].chars().count(),
            why,
        };
        let sign = expression
            .find('<')
            .ok_or_else(|| wrong(expression.len(), "a `<` and a limit are missing".to_owned()))?;
        let left = expression[..sign].trim_end();
        let inclusive = expression[sign + 1..].starts_with('=');
        let right_at = sign + 1 + usize::from(inclusive);
        let right = expression[right_at..].trim();
        // The longest field that it ends with: what stands before is the lane.
        let found = FIELDS
            .into_iter()
            .filter(|(name, _)| {
                left.strip_suffix(name).is_some_and(|lane| lane.is_empty() || lane.ends_with('.'))
            })
            .max_by_key(|(name, _)| name.len());
        let Some((field, unit)) = found else {
            let at = left.rfind('.').map_or(0, |dot| dot + 1);
            return Err(wrong(at, format!("no field `{}`", &left[at..])));
        };
        let lane = left.strip_suffix(field).unwrap_or_default().trim_end_matches('.').trim();
        let lane = (!lane.is_empty()).then(|| lane.to_owned());
        let limit = limit(right, unit).map_err(|why| wrong(right_at, why))?;
        if limit == 0.0 && !inclusive {
            let why =
                format!("`<{right}` can never be met: nothing here is below zero; `<=` could");
            return Err(wrong(right_at, why));
        }
        Ok(Self { expression: expression.to_owned(), lane, field, unit, inclusive, limit })
    }
}

fn limit(text: &str, unit: Unit) -> Result<f64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '%');
    let suffix = &text[digits.len()..];
    let number: f64 = digits.trim().parse().map_err(|_| format!("`{text}` is no limit"))?;
    let factor = match (unit, suffix) {
        (Unit::Time, "us" | "µs") => 1e-3,
        (Unit::Time, "s") => 1e3,
        (Unit::Time, "ms") | (Unit::Events | Unit::Bytes | Unit::CpuTime, "") => 1.0,
        (Unit::Bytes, "B") | (Unit::CpuTime, "us" | "µs") => 1.0,
        (Unit::Time, "") => return Err("a time needs its unit: us, ms or s".to_owned()),
        _ => return Err(format!("`{suffix}` is not a unit of this field")),
    };
    let limit = number * factor;
    if !limit.is_finite() || limit < 0.0 {
        return Err(format!("`{text}` can never be met: nothing here is below zero"));
    }
    Ok(limit)
}

impl Objective {
    /// Whether it speaks of `lane`.
    #[must_use]
    pub fn concerns(&self, lane: &str) -> bool {
        self.lane.as_deref().is_none_or(|mine| mine == lane)
    }

    /// The same promise to somebody who asks every `interval` only: a limit in time is longer by that.
    #[must_use]
    pub fn with_interval(&self, interval: std::time::Duration) -> Self {
        if self.unit != Unit::Time || interval.is_zero() {
            return self.clone();
        }
        let limit = self.limit + interval.as_secs_f64() * 1e3;
        let sign = if self.inclusive { "<=" } else { "<" };
        Self { expression: format!("{}{sign}{limit}ms", self.field), limit, ..self.clone() }
    }

    /// Held against a lane's figures.
    #[must_use]
    pub fn hold(&self, lane: &Lane) -> Slo {
        let measured = self.measured(lane);
        let ok = measured.is_some_and(|measured| {
            measured < self.limit || (self.inclusive && measured <= self.limit)
        });
        let unit = match self.unit {
            Unit::Time => "ms",
            Unit::Events => "events",
            Unit::Bytes => "bytes",
            Unit::CpuTime => "us",
        };
        Slo {
            expression: self.expression.clone(),
            lane: lane.transport.clone(),
            measured,
            limit: self.limit,
            unit: unit.to_owned(),
            ok,
        }
    }

    fn measured(&self, lane: &Lane) -> Option<f64> {
        let (events, bytes) = (lane.events, lane.bytes);
        match self.field {
            "missed" => Some((events.missed_announced + events.missed_unannounced) as f64),
            "bytes_per_event" => (events.delivered > 0)
                .then(|| (bytes.down.total() + bytes.up.total()) as f64 / events.delivered as f64),
            "cpu_us_per_event" => lane.server_use?.cpu_us_per_event,
            field => match field.split_once('.') {
                Some(("age", percentile)) => of(&lane.age, percentile),
                Some((_, percentile)) => of(&lane.staleness, percentile),
                None => of(&lane.all_latency, field),
            },
        }
    }
}

/// A percentile in ms. What was above all buckets is above every limit.
fn of(hist: &Hist, percentile: &str) -> Option<f64> {
    if hist.is_empty() {
        return None;
    }
    let us = match percentile {
        "p50" => hist.p50_us,
        "p90" => hist.p90_us,
        "p95" => hist.p95_us,
        "p99" => hist.p99_us,
        "p999" => hist.p999_us,
        _ => hist.max_us,
    };
    Some(us as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expression: &str) -> Objective {
        expression.parse().unwrap()
    }

    #[test]
    fn reads_lane_field_and_limit() {
        let slo = read("ws-json.p99<20ms");
        assert_eq!((slo.lane.as_deref(), slo.field, slo.limit), (Some("ws-json"), "p99", 20.0));
        let slo = read("poll:1s/h2.staleness.p99 <= 1.2s");
        assert_eq!((slo.lane.as_deref(), slo.field), (Some("poll:1s/h2"), "staleness.p99"));
        assert!(slo.inclusive && (slo.limit - 1200.0).abs() < 1e-9);
        let slo = read("age.p50<500us");
        assert_eq!((slo.lane.as_deref(), slo.field, slo.limit), (None, "age.p50", 0.5));
        assert_eq!(read("bytes_per_event<120").limit, 120.0);
        assert_eq!(read("missed<=0").limit, 0.0);
    }

    #[test]
    fn leaves_a_poller_its_interval() {
        let second = std::time::Duration::from_secs(1);
        let slo = read("p99<=100ms").with_interval(second);
        assert_eq!((slo.expression.as_str(), slo.limit), ("p99<=1100ms", 1100.0));
        assert_eq!(read(&slo.expression), slo);
        for other in ["missed<=0", "bytes_per_event<9"] {
            assert_eq!(read(other).with_interval(second), read(other));
        }
    }

    #[test]
    fn points_at_what_is_wrong() {
        for (expression, at, why) in [
            ("ws-json.p98<20ms", 8, "no field `p98`"),
            ("p99", 3, "a `<` and a limit are missing"),
            ("p99<20", 4, "a time needs its unit"),
            ("p99<fast", 4, "`fast` is no limit"),
            ("p99<-1ms", 4, "can never be met"),
            ("p99<0ms", 4, "can never be met"),
            ("missed<0", 7, "`<=` could"),
            ("missed<3ms", 7, "`ms` is not a unit"),
            ("<20ms", 0, "no field ``"),
        ] {
            let error = expression.parse::<Objective>().unwrap_err();
            assert_eq!(error.at, at, "{expression}");
            let text = error.to_string();
            assert!(text.contains(why) && text.contains("staleness.p99"), "{text}");
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines[2].find('^'), Some(at + 2), "{text}");
        }
    }
}
