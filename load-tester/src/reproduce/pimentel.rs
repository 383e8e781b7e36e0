//! Pimentel & Nickerson 2012: a sensor at 4 Hz, polled with a pause of 150 ms after each answer, against WebSocket. The network
//! is simulated in the client. Theory, with a one-way delay d and a pause P: a WebSocket message takes d; an event waits for
//! the next request to come by, uniformly in a cycle of 2d + P, and then takes d: 2d + P/2 on average.

use std::time::Duration;

use super::bench::{Bench, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study};
use crate::plan::Plan;
use crate::result::Lane;

const SAMPLES: u32 = 1200;
const PAUSE_MS: f64 = 150.0;
/// Their one-way delay to Edmonton is what their WebSocket took.
const EDMONTON_MS: f64 = 40.3;
/// A way longer than half the interval between two samples.
const FAR_MS: f64 = 150.0;
const POLLING_MS: f64 = 151.3;
const RATIOS: (f64, f64) = (2.31, 4.48);

/// Measures it.
pub fn measure(bench: &mut Bench<'_>) -> Result<Reproduced, ReproduceError> {
    let every = Duration::from_millis(250);
    let shape = Shape {
        symbols: vec!["SENSOR".to_owned()],
        every,
        spread: Duration::ZERO,
        length: Duration::ZERO,
        before: 10,
        price: "21.50",
        size: 1,
    };
    let window = bench.time(Duration::from_secs(8));
    let samples_each = (window.as_secs_f64() / every.as_secs_f64()).max(1.0);
    let clients = (f64::from(bench.clients(SAMPLES)) / samples_each).ceil() as u32;
    let mut rows = Vec::new();
    let mut counts = Vec::new();
    for (place, delay_ms) in [("Edmonton", EDMONTON_MS), ("a far way", FAR_MS)] {
        let delay = Duration::from_secs_f64(delay_ms / 1e3);
        // Spread over more than a cycle, so that no two ask at the same time.
        let plan =
            Plan { delay, poll_pause: true, connect_rate: clients.max(2), ..plan(clients, window) };
        let socket = bench.lane(&shape, "ws-json", "heartbeat_ms=0", &plan)?;
        let poll = bench.lane(&shape, "poll:150ms", "", &plan)?;
        let [push_ms, poll_ms] = [&socket, &poll].map(mean_ms);
        let theory = 2.0 * delay_ms + PAUSE_MS / 2.0;
        let ratio = poll_ms / push_ms;
        let (low, high) = RATIOS;
        let in_range = Some((low..=high).contains(&ratio));
        if place == "Edmonton" {
            let theory = format!("theory 2d + P/2 = {theory:.1}");
            rows.push(
                Row::compared("polling, mean", "ms", POLLING_MS, poll_ms, 0.1).because(&theory),
            );
            rows.push(
                Row::compared("WebSocket, mean", "ms", EDMONTON_MS, push_ms, 0.1)
                    .because("the delay is theirs; the rest is server and client"),
            );
        } else {
            let name = format!("polling over {delay_ms} ms, mean");
            let theory = format!("theory {theory:.1}; theirs not given");
            rows.push(Row::ours(name, "ms", poll_ms, &theory));
        }
        rows.push(Row {
            agrees: in_range,
            within: Some(0.0),
            ..Row::ours(format!("ratio, {place}"), "", ratio, "theirs 2.31 to 4.48 over all paths")
        });
        let each = poll.events.delivered as f64 / poll.requests.max(1) as f64;
        counts.push(format!(
            "{place}: {} samples pushed, {} polled, {each:.2} a poll",
            socket.all_latency.count, poll.all_latency.count
        ));
    }
    Ok(Reproduced {
        study: Study::Pimentel,
        source: "Pimentel & Nickerson 2012",
        claim: "their 4 Hz sensor, 150 ms poll pause, N=1200, Edmonton: 151.3 ms polling, 40.3 ms WebSocket on average; ratio 2.31 to 4.48",
        simulated: format!("one symbol at 4 Hz, {clients} clients, each byte {EDMONTON_MS} ms (then {FAR_MS} ms) late each way in the client; the pause begins with the answer (closed loop, as theirs)"),
        rows,
        notes: vec![
            counts.join("; "),
            "their rule that only push keeps up once the one-way delay exceeds half the interval holds for a poll that brings the newest sample only; ours brings all since its cursor, later, and loses none".to_owned(),
        ],
        invalid: Vec::new(),
    })
}

fn mean_ms(lane: &Lane) -> f64 {
    lane.all_latency.mean_us / 1e3
}
