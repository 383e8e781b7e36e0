//! Lubbers & Greco 2010, a stock ticker: what headers alone cost in Mbps (of 2^20 bits), 871 bytes a poll against 2 a WebSocket
//! message, once a second. Theirs is arithmetic; the first thousand is measured here, and what is scaled is said to be.

use std::time::Duration;

use super::bench::{Bench, plan};
use super::market::Shape;
use super::{ReproduceError, Reproduced, Row, Study, heads, probe};
use crate::plan::Plan;
use crate::result::Lane;

/// Line ends of the two heads that they print, empty lines included; their 871 B are without.
const LINE_ENDS: f64 = 2.0 * 19.0;
/// The answer's head that they print, with line ends.
const ANSWER_HEAD: f64 = 179.0 + 2.0 * 7.0;
/// All that they print, with line ends.
const HEADS: f64 = 871.0 + LINE_ENDS;
const CLIENTS: u32 = 1000;
const MBPS: f64 = (1 << 20) as f64;

/// Measures it.
pub fn measure(bench: &mut Bench<'_>) -> Result<Reproduced, ReproduceError> {
    let shape = Shape {
        symbols: vec!["TICK".to_owned()],
        every: Duration::from_secs(1),
        spread: Duration::ZERO,
        length: Duration::ZERO,
        before: 100,
        price: "100.00",
        size: 100,
    };
    let clients = bench.clients(CLIENTS);
    let bare = plan(clients, bench.time(Duration::from_secs(5)).max(Duration::from_secs(1)));
    let socket = bench.lane(&shape, "ws-json", "heartbeat_ms=0", &bare)?;
    let poll = bench.lane(&shape, "poll:1s", "", &bare)?;
    let browser = Plan { headers: heads::firefox_2009(), ..bare };
    let browser = bench.lane(&shape, "poll:1s", "", &browser)?;
    let [own_heads, browser_heads] =
        [&poll, &browser].map(|lane| heads_of(lane) / lane.requests.max(1) as f64);
    let serving = bench.serve(&shape, Duration::from_secs(1))?;
    let parts = probe::poll(&serving.target(""), "poll", "symbols=TICK&channels=trades")?;
    let answer_more = parts.head.iter().map(|(_, bytes)| *bytes as f64).sum::<f64>() - ANSWER_HEAD;
    let more = format!(
        "a poll of ours has {:.0} B more than theirs: {answer_more:.0} in the answer's head (etag, cache-control, CORS), {:.0} in the request's (the cursor in its path)",
        browser_heads - HEADS,
        browser_heads - HEADS - answer_more
    );
    let [own, theirs] = [&poll, &browser].map(|lane| a_client(lane, heads_of(lane)));
    let framing = (socket.bytes.down.framing + socket.bytes.up.framing) as f64;
    let frames = a_client(&socket, framing);
    let all = [&poll, &socket]
        .map(|lane| a_client(lane, (lane.bytes.down.total() + lane.bytes.up.total()) as f64));
    let mbps = |bits_a_client: f64, clients: u32| bits_a_client * f64::from(clients) / MBPS;
    let mut rows = Vec::new();
    let published = [(1_000, 6.6, 0.015), (10_000, 66.0, 0.153), (100_000, 665.0, 1.526)];
    for (count, poll_mbps, socket_mbps) in published {
        let how = match count == clients {
            true => "measured on as many clients".to_owned(),
            false => format!("arithmetic: measured on {clients}, scaled"),
        };
        let name = |what: &str| format!("{what}, {count} clients");
        let poll = mbps(theirs, count);
        rows.push(
            Row::compared(
                name("poll, request headers as they print them"),
                "Mbps",
                poll_mbps,
                poll,
                0.05,
            )
            .less(poll * LINE_ENDS / browser_heads, "line ends, which they left out")
            .because(&how),
        );
        let socket = mbps(frames, count);
        let row = Row::compared(name("WebSocket headers"), "Mbps", socket_mbps, socket, 0.05);
        rows.push(row.because(&how));
        rows.push(Row::ours(name("poll, our own heads"), "Mbps", mbps(own, count), &how));
    }
    rows.push(Row::ours(
        "poll, all layers, 1000 clients",
        "Mbps",
        mbps(all[0], 1000),
        "payload, TCP and IP included",
    ));
    rows.push(Row::ours(
        "WebSocket, all layers, 1000 clients",
        "Mbps",
        mbps(all[1], 1000),
        "payload, TCP and IP included",
    ));
    Ok(Reproduced {
        study: Study::Lubbers,
        source: "Lubbers & Greco 2010",
        claim: "their headers: 871 B a poll, 2 B a WebSocket message, 1/s: 1k/10k/100k clients 6.6/66/665 Mbps against 0.015/0.153/1.526",
        simulated: format!(
            "one event a second, {clients} clients polling each second with {own_heads:.0} B of heads, then with the request headers that they print (Firefox 3.5.5) and our answer's: {browser_heads:.0} B; Mbps is 2^20 bits"
        ),
        rows,
        notes: vec![
            format!("the ratio of header traffic is {:.0} here with their heads, {:.0} with ours; with payload, TCP and IP it is {:.1}", theirs / frames, own / frames, all[0] / all[1]),
            more,
            "their 871 B are the characters of the request and the answer that they print, without line ends".to_owned(),
            "2 B is right up to 125 B of payload; a client's TCP acknowledgements are in neither of their figures".to_owned(),
        ],
        invalid: Vec::new(),
    })
}

fn heads_of(lane: &Lane) -> f64 {
    (lane.bytes.down.http_headers + lane.bytes.up.http_headers) as f64
}

/// Bits a second for each client.
fn a_client(lane: &Lane, bytes: f64) -> f64 {
    bytes * 8.0 / lane.window_s.max(f64::MIN_POSITIVE) / f64::from(lane.connected.max(1))
}
