//! What two runs are compared by: figures that can be had for any choice of a lane's seconds.

use serde::Serialize;

use super::sample::{Sample, sum};

/// A quantile is compared where so many values lie beyond it: fewer say nothing of it.
const BEYOND_MIN: f64 = 20.0;
const LATENCY: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
const STALENESS: [f64; 2] = [0.5, 0.99];

/// A figure of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Latency at a quantile, µs.
    Latency(f64),
    /// Staleness at a quantile, µs.
    Staleness(f64),
    /// Delivered events a second.
    Events,
    /// Bytes through the sockets a delivered event, both ways.
    Bytes,
    /// The server's CPU time a delivered event, µs.
    ServerCpu,
}

impl Measure {
    /// As it stands in tables: `latency p99`.
    #[must_use]
    pub fn name(self) -> String {
        let percentile = |quantile: f64| format!("p{}", (quantile * 1e5).round() / 1e3);
        match self {
            Self::Latency(quantile) => format!("latency {}", percentile(quantile)),
            Self::Staleness(quantile) => format!("staleness {}", percentile(quantile)),
            Self::Events => "events/s".to_owned(),
            Self::Bytes => "bytes an event (no TCP/IP)".to_owned(),
            Self::ServerCpu => "server CPU an event".to_owned(),
        }
    }

    /// Unit of its values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Latency(_) | Self::Staleness(_) | Self::ServerCpu => "us",
            Self::Events => "events/s",
            Self::Bytes => "bytes",
        }
    }

    /// Whether it is how late something came.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Latency(_) | Self::Staleness(_))
    }

    /// What is added before a logarithm is taken: figures of time may be 0, and are known to 1 µs.
    pub(super) fn offset(self) -> f64 {
        if self.is_time() { 1.0 } else { 0.0 }
    }

    /// The least difference that means anything, in the measure's unit: what the clocks and the scheduler of a machine
    /// do not tell apart from one run to the next.
    #[must_use]
    pub fn resolution(self) -> f64 {
        if self.is_time() { 100.0 } else { 0.0 }
    }
}

/// The measures that `sample` has enough values for.
#[must_use]
pub fn available(sample: &Sample) -> Vec<Measure> {
    let once = vec![1; sample.seconds()];
    let timed = sample.latency.total(&once) as f64;
    let latency = LATENCY.into_iter().filter(|quantile| timed * (1.0 - quantile) >= BEYOND_MIN);
    let mut all: Vec<_> = latency.map(Measure::Latency).collect();
    if sample.staleness.total(&once) > 0 {
        all.extend(STALENESS.map(Measure::Staleness));
    }
    if sum(&sample.events, &once) > 0.0 {
        all.extend([Measure::Events, Measure::Bytes]);
        if sample.server_cpu_us.iter().any(Option::is_some) {
            all.push(Measure::ServerCpu);
        }
    }
    all
}

/// The values of `measures` when each second of `sample` is taken as often as `times` says; NaN where that leaves nothing.
#[must_use]
pub fn values(sample: &Sample, measures: &[Measure], times: &[u32]) -> Vec<f64> {
    let quantiles = |pick: fn(Measure) -> Option<f64>| -> Vec<f64> {
        measures.iter().filter_map(|&measure| pick(measure)).collect()
    };
    let latency = quantiles(|measure| match measure {
        Measure::Latency(quantile) => Some(quantile),
        _ => None,
    });
    let staleness = quantiles(|measure| match measure {
        Measure::Staleness(quantile) => Some(quantile),
        _ => None,
    });
    let nothing = |count: usize| vec![f64::NAN; count];
    let of_latency = sample.latency.quantiles(&latency, times);
    let of_staleness = sample.staleness.quantiles(&staleness, times);
    let mut of_latency = of_latency.unwrap_or_else(|| nothing(latency.len())).into_iter();
    let mut of_staleness = of_staleness.unwrap_or_else(|| nothing(staleness.len())).into_iter();
    let events = sum(&sample.events, times);
    let seconds: u32 = times.iter().sum();
    let value = |measure: &Measure| match measure {
        Measure::Latency(_) => of_latency.next().unwrap_or(f64::NAN),
        Measure::Staleness(_) => of_staleness.next().unwrap_or(f64::NAN),
        Measure::Events => events / f64::from(seconds),
        Measure::Bytes => sum(&sample.bytes, times) / events,
        Measure::ServerCpu => cpu_an_event(sample, times),
    };
    measures.iter().map(value).collect()
}

/// CPU time a delivered event, of the seconds in which the server was watched.
fn cpu_an_event(sample: &Sample, times: &[u32]) -> f64 {
    let (mut cpu_us, mut events) = (0.0, 0.0);
    for ((cpu, delivered), &times) in sample.server_cpu_us.iter().zip(&sample.events).zip(times) {
        if let Some(cpu) = cpu {
            cpu_us += cpu * f64::from(times);
            events += delivered * f64::from(times);
        }
    }
    cpu_us / events
}
