//! Appelqvist & Örnmyr 2017: overhead bytes a message. One event a message; polls with the headers that a browser of that year
//! sent. What their heads consisted of is not published: every part of ours is named with its size instead.

use std::time::Duration;

use super::bench::{Bench, Bytes, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study, heads, probe};
use crate::plan::Plan;

const POLL: f64 = 472.0;
const LONG_POLL: f64 = 464.0;
const SSE: f64 = 8.0;
const WEB_SOCKET: f64 = 2.0;
/// Heads are whatever browser and server make them: agreement is one of size, no more.
const HEADS_WITHIN: f64 = 0.25;
/// From one event to the next, and from one poll to the next.
const EVERY: Duration = Duration::from_millis(100);
const QUERY: &str = "symbols=BTH&channels=trades";

/// Measures it.
pub fn measure(bench: &mut Bench<'_>) -> Result<Reproduced, ReproduceError> {
    let shape = Shape {
        symbols: vec!["BTH".to_owned()],
        every: EVERY,
        spread: Duration::ZERO,
        length: Duration::ZERO,
        before: 100,
        price: "100.00",
        size: 100,
    };
    let window = bench.time(Duration::from_secs(4));
    let bare = plan(bench.clients(20), window);
    let silent = "heartbeat_ms=0";
    let socket = Bytes::of(&bench.lane(&shape, "ws-json", silent, &bare)?);
    let sse = Bytes::of(&bench.lane(&shape, "sse", silent, &bare)?);
    let long = Bytes::of(&bench.lane(&shape, "long-poll", "", &bare)?);
    let poll = Bytes::of(&bench.lane(&shape, "poll:100ms", "", &bare)?);
    let browser = Plan { headers: heads::chromium_2017(), ..bare };
    let long_browser = Bytes::of(&bench.lane(&shape, "long-poll", "", &browser)?);
    let poll_browser = Bytes::of(&bench.lane(&shape, "poll:100ms", "", &browser)?);
    let serving = bench.serve(&shape, window)?;
    let event = probe::event(&serving.target(silent), QUERY)?;
    let parts = probe::poll(&serving.target(""), "poll", QUERY)?;
    let wrapper = "the body around the array (cursor, recovered, more)";
    let rows = vec![
        Row::compared("WebSocket", "B", WEB_SOCKET, socket.overhead(), 0.05),
        Row::compared("SSE", "B", SSE, sse.overhead(), 0.05)
            .less(event.id as f64, "the `id:` line, so that a client can resume")
            .less(event.chunk as f64, "the chunk's length and line ends (HTTP/1.1)")
            .because(&format!("{:.1} are `data: ` and line ends", event.data)),
        Row::compared(
            "poll, headers of a browser",
            "B",
            POLL,
            poll_browser.overhead(),
            HEADS_WITHIN,
        )
        .less(poll_browser.framing, wrapper)
        .because("their server answered with other headers and their path was another"),
        Row::compared(
            "long poll, the same headers",
            "B",
            LONG_POLL,
            long_browser.overhead(),
            HEADS_WITHIN,
        )
        .less(long_browser.framing, wrapper),
        Row::ours(
            "long poll less poll",
            "B",
            long_browser.headers - poll_browser.headers,
            "theirs -8; here the path `/v1/long-poll` is 5 B longer than `/v1/poll`",
        ),
        Row::ours("poll, a bare client's headers", "B", poll.overhead(), ""),
        Row::ours("long poll, a bare client's headers", "B", long.overhead(), ""),
    ];
    let head: Vec<_> = parts.head.iter().map(|(name, bytes)| format!("{name} {bytes}")).collect();
    let head_bytes: usize = parts.head.iter().map(|(_, bytes)| bytes).sum();
    let request = poll.headers - head_bytes as f64;
    Ok(Reproduced {
        study: Study::Bth,
        source: "Appelqvist & Örnmyr 2017",
        claim: "their overhead a message: poll 472 B, long poll 464, SSE 8, WebSocket 2",
        simulated: "an event every 100 ms, a poll every 100 ms; framing and HTTP heads, both ways, by frame; payload, TCP and IP left out"
            .to_owned(),
        rows,
        notes: vec![
            format!("a bare poll of ours: request head {request:.1} (with the cursor in its query), answer head {head_bytes}: {}; around the array {}",
                head.join(", "), parts.wrapper),
            format!("seen byte by byte on a plain socket: SSE {} B, in the lane {:.1} B", event.id + event.chunk + event.data, sse.overhead()),
        ],
        invalid: Vec::new(),
    })
}
