//! theinfinity.dev 2026: bytes an event and latency, 1000 events of 117 bytes, each event on its own.

use std::time::Duration;

use super::bench::{Bench, Bytes, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study, heads, probe};
use crate::plan::Plan;
use crate::result::Lane;

/// Our trade is as long with this name, price and size, and numbers of four digits.
const SYMBOL: &str = "THEINFINITY.DEV/2026/117-BYTES.X";
const EVERY: Duration = Duration::from_millis(5);
const LATENCY_MS: f64 = 0.3;
/// Heads are whatever browser and server make them: agreement is one of size, no more.
const HEADS_WITHIN: f64 = 0.25;

/// Measures it.
pub fn measure(bench: &mut Bench<'_>) -> Result<Reproduced, ReproduceError> {
    let shape = Shape {
        symbols: vec![SYMBOL.to_owned()],
        every: EVERY,
        spread: Duration::ZERO,
        length: Duration::ZERO,
        before: 1000,
        price: "10000.00",
        size: 100,
    };
    let window = bench.time(Duration::from_secs(5));
    let one = plan(1, window);
    let silent = "heartbeat_ms=0";
    let socket = bench.lane(&shape, "ws-json", silent, &one)?;
    let sse = bench.lane(&shape, "sse", silent, &one)?;
    let long = bench.lane(&shape, "long-poll", "", &one)?;
    let long_h2 = bench.lane(&shape, "long-poll/h2", "", &one)?;
    let browser = Plan { headers: heads::chromium(), ..one };
    let browser_h2 = bench.lane(&shape, "long-poll/h2", "", &browser)?;
    let browser = bench.lane(&shape, "long-poll", "", &browser)?;
    let serving = bench.serve(&shape, window)?;
    let query = format!("symbols={SYMBOL}&channels=trades");
    let event = probe::event(&serving.target(silent), &query)?;
    let parts = probe::poll(&serving.target(""), "poll", &query)?;
    let around = (parts.wrapper as f64, "the body around the array (cursor, recovered, more)");
    let [h1, h2] = [&browser, &browser_h2].map(Bytes::of);
    let rows = vec![
        Row::compared("WebSocket", "B", 119.7, an_event(&socket), 0.02),
        Row::compared("SSE", "B", 131.6, an_event(&sse), 0.02)
            .less(event.id as f64, "the `id:` line, so that a client can resume"),
        Row::compared("long poll, HTTP/1.1, headers of a browser", "B", 884.7, an_event(&browser), HEADS_WITHIN)
            .less(around.0, around.1)
            .because(&format!("{:.1} are heads, both ways; how long theirs were is not published", h1.headers)),
        Row::compared("long poll, HTTP/2, the same headers", "B", 182.5, an_event(&browser_h2), HEADS_WITHIN)
            .less(around.0, around.1)
            .because(&format!("{:.1} are header blocks (HPACK cannot index what changes: the cursor in the path, `etag`, `date`), {:.1} frames' heads and control frames", h2.headers, h2.framing - around.0)),
        Row::ours("long poll, HTTP/1.1, a bare client", "B", an_event(&long), ""),
        Row::ours("long poll, HTTP/2, a bare client", "B", an_event(&long_h2), ""),
        latency("SSE less WebSocket, p50", &sse, &socket),
        latency("long poll (HTTP/1.1) less WebSocket, p50", &long, &socket),
    ];
    let p50 =
        [("WebSocket", &socket), ("SSE", &sse), ("long poll", &long), ("long poll/h2", &long_h2)]
            .map(|(name, lane)| format!("{name} {:.3}", lane.all_latency.p50_us as f64 / 1e3));
    Ok(Reproduced {
        study: Study::Infinity,
        source: "theinfinity.dev 2026",
        claim: "their 1000 events of 117 B: bytes an event WebSocket 119.7 (with deflate 30.4), SSE 131.6, long poll over HTTP/2 182.5, over HTTP/1.1 884.7; latency equal within 0.3 ms",
        simulated: format!("200 events a second of {:.1} B, one client; bytes of the socket, both ways, without the opening handshake", Bytes::of(&socket).payload),
        rows,
        notes: vec![
            "WebSocket with deflate is not offered by this server, so their 30.4 B have no row; ws-msgpack is the smaller format here".to_owned(),
            format!(
                "events a frame: WebSocket {:.2}, SSE {:.2}, long poll {:.2}; above 1 the machine was too busy to send each alone",
                a_frame(&socket), a_frame(&sse), a_frame(&long)
            ),
            format!("latency p50, ms: {}", p50.join(", ")),
        ],
        invalid: Vec::new(),
    })
}

/// Bytes of the socket an event, both ways.
fn an_event(lane: &Lane) -> f64 {
    let bytes = lane.bytes.wire_total_down + lane.bytes.wire_total_up;
    bytes as f64 / lane.events.delivered.max(1) as f64
}

fn a_frame(lane: &Lane) -> f64 {
    lane.events.delivered as f64 / lane.events.frames.max(1) as f64
}

fn latency(what: &str, lane: &Lane, than: &Lane) -> Row {
    let p50 = |lane: &Lane| lane.all_latency.p50_us as f64 / 1e3;
    let difference = p50(lane) - p50(than);
    let agrees = difference.abs() <= LATENCY_MS;
    let why = "theirs: equal within 0.3 ms";
    Row { agrees: Some(agrees), within: Some(0.0), ..Row::ours(what, "ms", difference, why) }
}
