//! Van de Vyvere et al. 2020: 5.2 kB every 5 s, polled or pushed over SSE. The server's CPU time for a client, less what it uses
//! without clients, says how many a processor carries and at which interval polling costs as little.

use std::time::Duration;

use super::bench::{Bench, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study};
use crate::capacity::PollCost;
use crate::plan::{Mode, Plan};
use crate::result::Lane;

const EVERY: Duration = Duration::from_secs(5);
const POLL_CLIENTS: f64 = 5_000.0;
const SSE_CLIENTS: f64 = 25_000.0;
/// Trades of 85 bytes or so that make 5.2 kB.
const SYMBOLS: usize = 61;
const CLIENTS: u32 = 3000;

/// Measures it.
pub fn measure(bench: &mut Bench<'_>) -> Result<Reproduced, ReproduceError> {
    let shape = Shape {
        symbols: (100..100 + SYMBOLS).map(|number| format!("VDV{number}")).collect(),
        every: EVERY,
        spread: Duration::ZERO,
        length: Duration::ZERO,
        before: 10,
        price: "100.00",
        size: 100,
    };
    let window = bench.time(2 * EVERY).max(EVERY);
    let mode = Mode::Latest { interval_ms: 5000 };
    let clients = bench.clients(CLIENTS);
    let many = Plan { mode, warmup: EVERY, ..plan(clients, window) };
    let nobody =
        Plan { clients: 1, warmup: Duration::from_secs(1), measure: 2 * EVERY, ..many.clone() };
    let idle = bench.lane(&shape, "sse", "heartbeat_ms=0", &nobody)?;
    let sse = bench.lane(&shape, "sse", "heartbeat_ms=0", &many)?;
    let poll = bench.lane(&shape, "poll:5s", "", &many)?;
    let idle_cores = cores(&idle);
    let [sse_us, poll_us] = [&sse, &poll]
        .map(|lane| (cores(lane) - idle_cores).max(0.0) * 1e6 / f64::from(lane.connected.max(1)));
    let ratio = if sse_us > 0.0 { poll_us / sse_us } else { f64::NAN };
    let cost = PollCost { request: poll_us * EVERY.as_secs_f64(), events: 0.0 };
    let even = cost.interval_of(sse_us).unwrap_or(f64::INFINITY);
    let elsewhere = "other machine and server";
    let carried = |us: f64| if us > 0.0 { 1e6 / us } else { f64::INFINITY };
    let bytes = |lane: &Lane| {
        let total = lane.bytes.down.total() + lane.bytes.up.total();
        total as f64 / lane.window_s / f64::from(lane.connected.max(1))
    };
    // A flush may come as several frames, cut at seconds of `ts`.
    let payload = |lane: &Lane| {
        let updates = lane.window_s / EVERY.as_secs_f64() * f64::from(lane.connected.max(1));
        lane.bytes.down.payload as f64 / updates.max(f64::MIN_POSITIVE)
    };
    let extrapolated = |theirs: f64| {
        format!(
            "1 s / CPU time a client and second: extrapolated; theirs {theirs} in all: {elsewhere}"
        )
    };
    let rows = vec![
        Row::ours("SSE, clients a processor", "", carried(sse_us), &extrapolated(SSE_CLIENTS)),
        Row::ours("poll, clients a processor", "", carried(poll_us), &extrapolated(POLL_CLIENTS)),
        Row::compared("SSE carries so many times as many", "×", SSE_CLIENTS / POLL_CLIENTS, ratio, 0.5)
            .because("here a push is encoded once for all clients and written once each, a poll is read, looked up and answered for each"),
        Row::compared("polling carries more beyond", "s", 10.0, even, 0.5)
            .because("by clients of theirs, 5 s × 25,000 / 5,000 = 25 s, if they polled each 5 s"),
        Row::ours("SSE, payload in 5 s", "B", payload(&sse), "theirs 5.2 kB"),
        Row::ours("poll, payload in 5 s", "B", payload(&poll), "theirs 5.2 kB"),
        Row::ours("SSE, bytes a client and second", "B/s", bytes(&sse), "all layers"),
        Row::ours("poll, bytes a client and second", "B/s", bytes(&poll), "all layers"),
    ];
    Ok(Reproduced {
        study: Study::VanDeVyvere,
        source: "Van de Vyvere et al. 2020",
        claim: "their 5.2 kB every 5 s: 5,000 clients polling (8,000 behind a cache), 25,000 over SSE; polling serves more only if 10 s of staleness are acceptable",
        simulated: format!(
            "{SYMBOLS} symbols that all trade every 5 s, mode=latest&interval_ms=5000, {clients} clients; CPU time of the server less that of a server with one client ({:.4} processors)",
            idle_cores
        ),
        rows,
        notes: vec![format!(
            "break-even T* = T · c_poll / c_sse = 5 s × {poll_us:.2} / {sse_us:.2} µs a client and second = {even:.1} s: poll only if you accept staleness over {even:.1} s ({:.1} s on average)",
            even / 2.0
        )],
        invalid: Vec::new(),
    })
}

/// Processors that the server used.
fn cores(lane: &Lane) -> f64 {
    let cpu_s = lane.server_use.map_or(0.0, |server| server.cpu_s);
    cpu_s / lane.window_s.max(f64::MIN_POSITIVE)
}
