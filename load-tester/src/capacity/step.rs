//! One step of the search: a short run of one transport with so many clients, and what it says about them. What the tester
//! itself could not do is told apart from what the server could not do, and comes first: a tester out of breath measures
//! itself.

use std::time::Duration;

use serde::Serialize;

use crate::plan::Plan;
use crate::result::{Check, Lane, Order, RunResult, Verdict};
use crate::transport::Transport;

/// Clients started a second, at least.
const CONNECT_RATE_MIN: u32 = 200;
/// How long a client of a step may take to be connected.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Below this part of its processors a server is not why its source is late.
const SERVER_BUSY: f64 = 0.7;
/// Checks that speak of the tester.
const TESTER_CHECKS: [&str; 5] = ["generator", "threads", "window", "bytes down", "bytes up"];

/// Who would not go further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// An SLO was broken.
    Slo,
    /// The server did not do what was asked: clients not connected or lost, source late, no answer.
    Server,
    /// The tester had not the CPU time for more: nothing is known of the server.
    Tester,
    /// The machine: the source was late although the server was not busy. Somebody else uses it, or the tester crowds it out.
    Machine,
    /// No more clients were to be tried: open files of the tester, or `--clients-max`.
    Most,
    /// Time was up.
    Time,
}

/// A step and what it showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Clients asked for.
    pub clients: u32,
    /// Clients that were subscribed.
    pub connected: u32,
    /// Whether all objectives were met and the figures are valid.
    pub holds: bool,
    /// Whether it was the repetition at the end.
    pub confirms: bool,
    /// Who would not go further; `None` where it holds.
    pub limit: Option<Limit>,
    /// With the figure.
    pub why: Option<String>,
    /// Median latency, ms.
    pub p50_ms: f64,
    /// 99th percentile, ms.
    pub p99_ms: f64,
    /// CPU time of the tester as a part of what it may have.
    pub generator_busy: f64,
    /// CPU time of the server, in processors.
    pub server_cores: Option<f64>,
    /// The same for a client and second, µs.
    pub server_us_per_client_s: Option<f64>,
    /// Events delivered a second, over all clients.
    pub events_per_s: f64,
    /// Bytes of all layers for a client and second, both ways.
    pub bytes_per_client_s: f64,
}

/// The plan of a step that takes about `time` in all: a quarter to connect, an eighth to settle, the rest to measure.
#[must_use]
pub fn plan(base: &Plan, transport: Transport, clients: u32, time: Duration) -> Plan {
    let ramp_s = (time / 4).as_secs_f64();
    let rate = (f64::from(clients) / ramp_s).ceil() as u32;
    Plan {
        transports: vec![transport],
        order: Order::OneByOne,
        clients,
        connect_rate: rate.max(CONNECT_RATE_MIN),
        connect_timeout: CONNECT_WITHIN,
        warmup: time / 8,
        measure: time * 5 / 8,
        objectives: objectives(base, transport),
        ..base.clone()
    }
}

/// What is promised of `transport`. A promise to every transport leaves a poller its interval: within it nobody can know.
fn objectives(base: &Plan, transport: Transport) -> Vec<crate::slo::Objective> {
    let name = transport.to_string();
    let mine = base.objectives.iter().filter(|objective| objective.concerns(&name));
    let interval = transport.poll_every().unwrap_or_default();
    mine.map(|objective| match objective.lane {
        None => objective.with_interval(interval),
        Some(_) => objective.clone(),
    })
    .collect()
}

/// What a run of [`plan`] showed.
#[must_use]
pub fn judge(result: &RunResult, lane: &Lane) -> Step {
    let limit = limit(result, lane);
    let window_s = lane.window_s.max(f64::MIN_POSITIVE);
    let client_s = window_s * f64::from(lane.connected.max(1));
    let cpu_s = lane.server_use.map(|server| server.cpu_s);
    Step {
        clients: lane.clients,
        connected: lane.connected,
        holds: limit.is_none(),
        confirms: false,
        limit: limit.as_ref().map(|(limit, _)| *limit),
        why: limit.map(|(_, why)| why),
        p50_ms: lane.all_latency.p50_us as f64 / 1e3,
        p99_ms: lane.all_latency.p99_us as f64 / 1e3,
        generator_busy: lane.generator.busy,
        server_cores: cpu_s.map(|cpu_s| cpu_s / window_s),
        server_us_per_client_s: cpu_s.map(|cpu_s| cpu_s * 1e6 / client_s),
        events_per_s: lane.events.delivered as f64 / window_s,
        bytes_per_client_s: (lane.bytes.down.total() + lane.bytes.up.total()) as f64 / client_s,
    }
}

fn limit(result: &RunResult, lane: &Lane) -> Option<(Limit, String)> {
    let failed = |tester: bool| {
        let mut failed = result.checks.iter().filter(|check| !check.ok);
        failed.find(|check| TESTER_CHECKS.contains(&check.name.as_str()) == tester)
    };
    let told = |limit, check: &Check| Some((limit, check.detail.clone()));
    if let Some(check) = failed(true) {
        return told(Limit::Tester, check);
    }
    if let Some(check) = failed(false) {
        let by_machine = check.name == "source" && !server_is_busy(result, lane);
        return told(if by_machine { Limit::Machine } else { Limit::Server }, check);
    }
    if let Some(slo) = result.slos.iter().find(|slo| !slo.ok) {
        let measured = slo.measured.map_or("nothing".to_owned(), |value| format!("{value:.1}"));
        let why = format!("{} is not kept: {measured} {}", slo.expression, slo.unit);
        return Some((Limit::Slo, why));
    }
    match result.verdict {
        Verdict::Ok | Verdict::SloBroken => None,
        _ => {
            let why = lane.incomplete_why.clone().or(result.incomplete_why.clone());
            Some((Limit::Server, why.unwrap_or_else(|| "the run is not complete".to_owned())))
        }
    }
}

/// Whether a late source is the server's own doing, as far as is known.
fn server_is_busy(result: &RunResult, lane: &Lane) -> bool {
    let Some(server) = lane.server_use else { return true };
    // The tester has its share of the processors; what is left is the server's.
    let cpus = result.machine.cpus.max(1) as f64;
    let threads = lane.generator.threads.max(1) as f64;
    let left = (cpus - lane.generator.busy * threads).max(0.1);
    server.cpu_s / lane.window_s.max(f64::MIN_POSITIVE) > left * SERVER_BUSY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Format;
    use crate::target::Target;

    #[test]
    fn a_step_takes_its_time_and_leaves_a_poller_its_interval() {
        let base = Plan {
            objectives: vec!["p99<100ms".parse().unwrap(), "poll:1s.p50<1s".parse().unwrap()],
            ..Plan::new(Target::new("http://127.0.0.1:1/", false).unwrap())
        };
        let time = Duration::from_secs(8);
        let push = plan(&base, Transport::web_socket(Format::Json), 4000, time);
        let connecting = f64::from(push.clients) / f64::from(push.connect_rate);
        let all = push.warmup + push.measure + Duration::from_secs_f64(connecting);
        assert_eq!((all, push.connect_rate), (time, 2000));
        assert_eq!(push.objectives, base.objectives[..1]);
        let poll = plan(&base, "poll:1s".parse().unwrap(), 1, time);
        let expressions: Vec<_> =
            poll.objectives.iter().map(|slo| slo.expression.as_str()).collect();
        assert_eq!(expressions, ["p99<1100ms", "poll:1s.p50<1s"]);
    }
}
