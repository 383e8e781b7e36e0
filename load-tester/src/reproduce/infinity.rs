//! theinfinity.dev 2026: bytes an event and latency, 1000 events of 117 bytes, each event on its own.

use std::time::Duration;

use super::bench::{Bench, Bytes, padding, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study, probe};
use crate::plan::Plan;
use crate::result::Lane;

const EVENT: f64 = 117.0;
/// Our trade is as long with this name, price and size, and numbers of four digits.
const SYMBOL: &str = "THEINFINITY.DEV/2026/117-BYTES.X";
const EVERY: Duration = Duration::from_millis(5);
const LATENCY_MS: f64 = 0.3;

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
    let bare = Bytes::of(&long);
    let theirs_head = 884.7 - EVENT;
    let padded = Plan { headers: padding(theirs_head - bare.headers), ..one };
    let padded_h2 = bench.lane(&shape, "long-poll/h2", "", &padded)?;
    let padded = bench.lane(&shape, "long-poll", "", &padded)?;
    let serving = bench.serve(&shape, window)?;
    let query = format!("symbols={SYMBOL}&channels=trades");
    let event = probe::event(&serving.target(silent), &query)?;
    let wrapper = "the body around the array (cursor, recovered, more)";
    let framing = |lane: &Lane| Bytes::of(lane).framing;
    // Two HEADERS, one DATA and a WINDOW_UPDATE now and then: taken to be in theirs too.
    let h2_frames = 36.0;
    let h2 = Bytes::of(&padded_h2);
    let rows = vec![
        Row::compared("WebSocket", "B", 119.7, an_event(&socket), 0.02),
        Row::compared("SSE", "B", 131.6, an_event(&sse), 0.02)
            .less(event.id as f64, "the `id:` line, so that a client can resume"),
        Row::compared("long poll, HTTP/1.1, heads of their size", "B", 884.7, an_event(&padded), 0.03)
            .less(framing(&padded), wrapper)
            .because("heads equal by construction"),
        Row::compared("long poll, HTTP/2, the same padding", "B", 182.5, an_event(&padded_h2), 0.25)
            .less((h2.framing - h2_frames).max(0.0), "the body around the array and HTTP/2's control frames")
            .because(&format!("{:.1} are header blocks: the path with its cursor, `etag` and `date` change, and HPACK cannot index what changes", h2.headers)),
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
