//! What a run has shown, as values: figures, and a verdict over them. [`text`] puts it into words; as JSON it is stored
//! with all settings and the machine, so that two runs can be compared.

pub mod hlog;
pub mod html;
pub mod text;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::breaches::{Breach, BreachKind};
use crate::machine::{Machine, ProcessUse};
use crate::plan::Plan;
use crate::recorder::{Announced, Latency, Shared, Tally, Traffic};

/// Above this part of its processors the tester's own queueing shows in latencies.
const GENERATOR_BUSY: f64 = 0.7;

/// What was used in the measured window.
pub struct Used {
    /// Its length.
    pub wall: Duration,
    /// The tester's own CPU time.
    pub own_cpu: Duration,
    /// The server's cost, if it was watched; the inner `None` if it has gone away.
    pub server: Option<Option<ServerCost>>,
}

/// What the watched server has used in the measured window.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerCost {
    /// CPU time, user and system, seconds.
    pub cpu_s: f64,
    /// Resident memory at the end, KiB.
    pub rss_kib: u64,
    /// By how much that grew, KiB.
    pub rss_growth_kib: i64,
}

impl ServerCost {
    /// From one look to a later one.
    #[must_use]
    pub fn between(before: &ProcessUse, after: &ProcessUse) -> Self {
        Self {
            cpu_s: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
            rss_kib: after.rss_kib,
            rss_growth_kib: after.rss_kib.cast_signed() - before.rss_kib.cast_signed(),
        }
    }
}

/// Percentiles of a latency, ms.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// How many values they are of.
    pub count: u64,
    /// Half are at most this.
    pub p50_ms: f64,
    /// 90 %.
    pub p90_ms: f64,
    /// 99 %.
    pub p99_ms: f64,
    /// 99.9 %.
    pub p999_ms: f64,
    /// All.
    pub max_ms: f64,
    /// Values above ten minutes, which the percentiles leave out.
    pub overflows: u64,
    /// Values below 0, which the percentiles leave out.
    pub negative: u64,
    /// The lowest of those, ms.
    pub lowest_ms: f64,
}

impl Percentiles {
    fn of(latency: &Latency) -> Option<Self> {
        let Latency { histogram, overflows, negative, lowest_us } = latency;
        let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty() || *overflows + *negative > 0).then(|| Self {
            count: histogram.len(),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: histogram.max() as f64 / 1e3,
            overflows: *overflows,
            negative: *negative,
            lowest_ms: *lowest_us as f64 / 1e3,
        })
    }
}

/// Whether the figures may be used, and whether the server kept its contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes, and yes.
    Ok,
    /// The server broke the contract, whatever the figures.
    Broken(Vec<String>),
    /// The figures are not those of what was asked for.
    Invalid(Vec<String>),
}

/// What a run has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Version of the tester.
    pub version: &'static str,
    /// When it began, seconds since the Unix epoch.
    pub started_s: u64,
    /// All settings.
    pub settings: serde_json::Value,
    /// Where it ran.
    pub machine: Machine,
    /// Clients asked for.
    pub clients: u32,
    /// Clients that were subscribed.
    pub connected: u32,
    /// How long connecting took, seconds.
    pub connect_s: f64,
    /// Clients that never read: asked for, and subscribed.
    pub stuck: (u32, u32),
    /// Length of the measured window, seconds.
    pub window_s: f64,
    /// What came in it.
    pub traffic: Traffic,
    /// Latency of single events.
    pub latency: Option<Percentiles>,
    /// Latency of merged records, from the last event in them.
    pub merged_latency: Option<Percentiles>,
    /// Announced gaps of the whole run, by cause.
    pub announced: BTreeMap<String, Announced>,
    /// Breaches of the whole run, by kind.
    pub breaches: BTreeMap<BreachKind, u64>,
    /// Events that unannounced gaps have swallowed.
    pub missing_events: u64,
    /// Messages of symbols that were new on the server, which were not checked.
    pub unchecked: u64,
    /// The first few breaches.
    pub first_breaches: Vec<Breach>,
    /// Connections that could not be made, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Connections that ended before the run, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Clients whose close at the end was not answered with its own code within a second.
    pub unanswered: u64,
    /// Greatest `behind_ms` of a heartbeat, ms.
    pub behind_ms_max: u64,
    /// The tester's own CPU time in the window, as a part of the processors its threads could have.
    pub generator_busy: f64,
    /// Longest time by which one of its threads was late for its own timer, ms.
    pub generator_late_ms: f64,
    /// Threads that ended badly.
    pub threads_lost: usize,
    /// The server's cost, if it was watched.
    pub server: Option<ServerCost>,
    /// The server's CPU time a delivered message, µs.
    pub server_us_per_message: Option<f64>,
    /// What follows from all this.
    pub verdict: Verdict,
}

impl Outcome {
    pub(crate) fn new(
        plan: &Plan,
        started: SystemTime,
        connect_s: f64,
        threads_lost: usize,
        shared: &Shared,
        used: &Used,
        tally: Tally,
    ) -> Self {
        let machine = Machine::this();
        let cores = plan.threads.min(machine.cpus).max(1) as f64;
        let window_s = used.wall.as_secs_f64();
        let server = used.server.flatten();
        let cost = |server: ServerCost| server.cpu_s * 1e6 / tally.window.messages as f64;
        let mut outcome = Self {
            version: env!("CARGO_PKG_VERSION"),
            started_s: started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            settings: plan.settings(),
            machine,
            clients: plan.clients,
            connected: shared.ready.load(Ordering::Relaxed),
            connect_s,
            stuck: (plan.stuck, shared.stuck.load(Ordering::Relaxed)),
            window_s,
            traffic: tally.window,
            latency: Percentiles::of(&tally.latency),
            merged_latency: Percentiles::of(&tally.merged_latency),
            announced: tally.announced,
            breaches: BreachKind::ALL
                .into_iter()
                .map(|kind| (kind, tally.breaches.count(kind)))
                .collect(),
            missing_events: tally.breaches.missing_events,
            unchecked: tally.breaches.unchecked,
            first_breaches: tally.breaches.first().to_vec(),
            failed: tally.failed,
            ended: tally.ended,
            unanswered: tally.unanswered,
            behind_ms_max: tally.behind_ms_max,
            generator_busy: used.own_cpu.as_secs_f64() / window_s / cores,
            generator_late_ms: tally.late_us_max as f64 / 1e3,
            threads_lost,
            server,
            server_us_per_message: server.filter(|_| tally.window.messages > 0).map(cost),
            verdict: Verdict::Ok,
        };
        outcome.verdict = outcome.judge(used);
        outcome
    }

    /// How many breaches of a kind there were.
    #[must_use]
    pub fn count(&self, kind: BreachKind) -> u64 {
        self.breaches.get(&kind).copied().unwrap_or(0)
    }

    /// Whether the tester itself was so busy that its own queueing is in the latencies.
    #[must_use]
    pub fn generator_overloaded(&self) -> bool {
        self.generator_busy > GENERATOR_BUSY
    }

    fn judge(&self, used: &Used) -> Verdict {
        let broken: Vec<_> = BreachKind::ALL
            .into_iter()
            .map(|kind| (kind, self.count(kind)))
            .filter(|&(_, count)| count > 0)
            .map(|(kind, count)| format!("{}: {count}", kind.as_str()))
            .collect();
        if !broken.is_empty() {
            return Verdict::Broken(broken);
        }
        let mut invalid = Vec::new();
        let mut note = |wrong: bool, text: String| {
            if wrong {
                invalid.push(text);
            }
        };
        note(
            self.connected < self.clients,
            format!("only {} of {} clients were subscribed", self.connected, self.clients),
        );
        let (asked, subscribed) = self.stuck;
        note(subscribed < asked, format!("only {subscribed} of {asked} stuck clients were there"));
        let ended: u64 = self.ended.values().sum();
        note(ended > 0, format!("{ended} connections ended before the run did"));
        let negative = [&self.latency, &self.merged_latency].into_iter().flatten();
        let negative: u64 = negative.map(|latency| latency.negative).sum();
        note(
            negative > 0,
            format!(
                "{negative} events came before their `ts`: the clocks differ, or the server stamps the future"
            ),
        );
        note(self.traffic.messages == 0, "nothing came in the measured window".to_owned());
        note(self.threads_lost > 0, format!("{} threads ended badly", self.threads_lost));
        note(
            matches!(used.server, Some(None)),
            "the watched server went away while it was measured".to_owned(),
        );
        if invalid.is_empty() { Verdict::Ok } else { Verdict::Invalid(invalid) }
    }
}
