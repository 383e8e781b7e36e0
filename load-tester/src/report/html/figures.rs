//! The data of a report's charts, as `dashboards/report/src/data.ts` reads it. Figures are taken from whole histograms,
//! never from averages of percentiles.

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use super::palette::{Look, looks};
use crate::result::{HistError, Interval, Lane, RunResult, decode};

/// Points of a percentile curve: so many a nine.
const POINTS_A_NINE: usize = 40;
/// The last percentile that is drawn: 99.999 %.
const NINES_MAX: usize = 5;
/// Charts over time have no more points than this; in longer runs a point is the worst of several seconds.
const SECONDS_MAX: usize = 200;

/// A chart, with the views that its reader can choose from.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// `id` of its element.
    pub id: &'static str,
    /// What `x` is: `nines`, `seconds` or `ms`.
    pub horizontal: &'static str,
    /// At least one.
    pub views: Vec<View>,
}

/// One view.
#[derive(Debug, Serialize)]
pub struct View {
    /// Its name in the choice.
    pub label: String,
    /// Of the values.
    pub unit: &'static str,
    /// Whether a logarithmic axis is the better beginning.
    pub log: bool,
    /// Ascending.
    pub x: Vec<Number>,
    /// The lines.
    pub series: Vec<Series>,
}

/// A line.
#[derive(Debug, Serialize)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Its colour; `None`: that of theory.
    pub slot: Option<usize>,
    /// Whether it is dashed.
    pub dashed: bool,
    /// One for each `x`.
    pub values: Vec<Option<Number>>,
}

impl Series {
    fn of(name: &str, look: Look, values: Vec<Option<Number>>) -> Self {
        Self { label: name.to_owned(), slot: Some(look.slot), dashed: look.dashed, values }
    }
}

/// A number of which four digits are written: charts show no more, and pages stay small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded: f64 = format!("{:.3e}", self.0).parse().unwrap_or(self.0);
        if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
            serializer.serialize_i64(rounded as i64)
        } else {
            serializer.serialize_f64(rounded)
        }
    }
}

/// The charts of a run.
///
/// # Errors
/// A stored histogram cannot be read.
pub fn of_run(run: &RunResult) -> Result<Vec<Figure>, HistError> {
    let names: Vec<_> = run.lanes.iter().map(|lane| lane.transport.as_str()).collect();
    let looks = looks(&names);
    let lanes: Vec<_> = run.lanes.iter().zip(looks).collect();
    let mut latency = Vec::new();
    let mut staleness = Vec::new();
    for (lane, look) in &lanes {
        latency.push((lane.transport.as_str(), *look, lane.latency.histogram()?));
        staleness.push((lane.transport.as_str(), *look, lane.staleness.histogram()?));
    }
    let mut stale = percentiles("staleness", &staleness);
    let polling = run.lanes.iter().filter_map(|lane| lane.poll_interval_ms);
    let mut polling: Vec<_> = polling.collect();
    polling.sort_unstable();
    polling.dedup();
    let theory = polling.into_iter().map(|interval_ms| uniform(interval_ms, &stale.x));
    let theory: Vec<_> = theory.collect();
    stale.series.extend(theory);
    let figure = |id, horizontal, views| Figure { id, horizontal, views };
    Ok(vec![
        figure("latency", "nines", vec![percentiles("latency", &latency)]),
        figure("staleness", "nines", vec![stale]),
        figure("time", "seconds", over_time(&lanes)?),
    ])
}

/// Percentile curves over -log10(1 - p), in ms: each as far as it has values to go by.
#[must_use]
pub fn percentiles(label: &str, lanes: &[(&str, Look, Histogram<u64>)]) -> View {
    let nines: Vec<f64> =
        (0..=POINTS_A_NINE * NINES_MAX).map(|point| point as f64 / POINTS_A_NINE as f64).collect();
    let reach = |histogram: &Histogram<u64>| (histogram.len().max(1) as f64).log10();
    let longest = lanes.iter().map(|(_, _, histogram)| reach(histogram)).fold(0.0, f64::max);
    let nines: Vec<f64> = nines.into_iter().filter(|nine| *nine <= longest).collect();
    let series = lanes.iter().map(|(name, look, histogram)| {
        let value = |nine: &f64| {
            let known = !histogram.is_empty() && *nine <= reach(histogram);
            let quantile = 1.0 - 10_f64.powf(-nine);
            known.then(|| Number(histogram.value_at_quantile(quantile) as f64 / 1e3))
        };
        Series::of(name, *look, nines.iter().map(value).collect())
    });
    let series = series.collect();
    let x = nines.iter().copied().map(Number).collect();
    View { label: label.to_owned(), unit: "ms", log: true, x, series }
}

/// Staleness of a client that asks every so many ms while there is always something new: uniform between 0 and that.
fn uniform(interval_ms: u64, nines: &[Number]) -> Series {
    let value = |nine: &Number| Some(Number(interval_ms as f64 * (1.0 - 10_f64.powf(-nine.0))));
    let name = if interval_ms.is_multiple_of(1000) {
        format!("{} s", interval_ms / 1000)
    } else {
        format!("{interval_ms} ms")
    };
    Series {
        label: format!("theory, U(0, {name})"),
        slot: None,
        dashed: true,
        values: nines.iter().map(value).collect(),
    }
}

type Pick = fn(&Interval) -> Option<f64>;

/// Staleness, age, latency and traffic, second by second.
fn over_time(lanes: &[(&Lane, Look)]) -> Result<Vec<View>, HistError> {
    let picks: [(&str, &str, bool, Pick); 6] = [
        ("staleness, 99 % of each second", "ms", true, |second| of_us(second.staleness_p99_us)),
        ("staleness, half of each second", "ms", true, |second| of_us(second.staleness_p50_us)),
        ("age, 99 % of each second", "ms", true, |second| of_us(second.age_p99_us)),
        ("age, half of each second", "ms", true, |second| of_us(second.age_p50_us)),
        ("events a second", "", false, |second| Some(second.events as f64)),
        ("bytes a second, to the clients", "", true, |second| Some(second.bytes_down as f64)),
    ];
    let longest = lanes.iter().map(|(lane, _)| lane.intervals.len()).max().unwrap_or(0);
    let step = longest.div_ceil(SECONDS_MAX).max(1);
    let x: Vec<_> = (0..longest).step_by(step).map(|second| Number(second as f64)).collect();
    let view = |label: &str, unit, log, series| {
        let label = if step > 1 { format!("{label}, worst of {step} s") } else { label.to_owned() };
        View { label, unit, log, x: x.clone(), series }
    };
    let mut views = Vec::new();
    for (label, unit, log, pick) in picks {
        let series = lanes.iter().map(|(lane, look)| {
            let values = lane.intervals.iter().map(pick);
            Series::of(&lane.transport, *look, worst(&values.collect::<Vec<_>>(), step))
        });
        views.push(view(label, unit, log, series.collect()));
    }
    for (label, quantile) in
        [("latency, p99 of each second", 0.99), ("latency, p50 of each second", 0.5)]
    {
        let mut series = Vec::new();
        for (lane, look) in lanes {
            let mut values = Vec::new();
            for second in &lane.intervals {
                let histogram = decode(&second.latency)?;
                let value = histogram.value_at_quantile(quantile) as f64 / 1e3;
                values.push((!histogram.is_empty()).then_some(value));
            }
            series.push(Series::of(&lane.transport, *look, worst(&values, step)));
        }
        views.push(view(label, "ms", true, series));
    }
    Ok(views)
}

fn of_us(us: Option<u64>) -> Option<f64> {
    us.map(|us| us as f64 / 1e3)
}

/// The greatest of each `step` values.
fn worst(values: &[Option<f64>], step: usize) -> Vec<Option<Number>> {
    let greatest = |part: &[Option<f64>]| part.iter().flatten().copied().reduce(f64::max);
    values.chunks(step).map(|part| greatest(part).map(Number)).collect()
}
