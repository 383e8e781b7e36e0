//! Writes a made-up run with every part that a report can show, to look at pages without measuring anything:
//! `cargo run --example sample_run > run.json`, then `load-tester report run.json --html report.html`. Its settings say that
//! it is made up. `sample_run SEED US` makes another one whose pushed events take so many µs more, for `compare`.

use std::collections::BTreeMap;
use std::env;

use fastrand::Rng;
use hdrhistogram::Histogram;
use load_tester::result::{
    Bytes, Check, Events, GeneratorUse, Hist, Interval, Lane, LayerBytes, Machine, Order,
    RunResult, SCHEMA, ServerInfo, ServerUse, Slo, StuckClients, TcpSource, Tool, Verdict, encode,
};

/// What distinguishes a made-up transport.
struct Kind {
    transport: &'static str,
    http: Option<&'static str>,
    poll_interval_ms: Option<u64>,
    /// Median latency, µs, of those that are pushed to.
    median_us: f64,
    /// Bytes an event: payload, framing, HTTP headers, TCP and IP; and all of them up.
    bytes: [f64; 5],
    cpu_us: f64,
}

const KINDS: [Kind; 7] = [
    kind("ws-json", None, None, 310.0, [92.0, 1.9, 0.0, 41.0, 14.0], 5.1),
    kind("ws-msgpack", None, None, 290.0, [31.0, 1.9, 0.0, 40.0, 14.0], 4.9),
    kind("sse", Some("1.1"), None, 330.0, [92.0, 29.0, 0.1, 43.0, 14.0], 5.4),
    kind("sse/h2", Some("2"), None, 350.0, [92.0, 33.0, 0.1, 43.0, 15.0], 6.0),
    kind("stream", Some("1.1"), None, 325.0, [91.0, 7.0, 0.1, 42.0, 14.0], 5.3),
    kind("long-poll", Some("1.1"), None, 620.0, [93.0, 44.0, 121.0, 71.0, 310.0], 22.0),
    kind("poll:1s", Some("1.1"), Some(1000), 0.0, [91.0, 4.6, 14.0, 9.0, 31.0], 2.2),
];

const fn kind(
    transport: &'static str,
    http: Option<&'static str>,
    poll_interval_ms: Option<u64>,
    median_us: f64,
    bytes: [f64; 5],
    cpu_us: f64,
) -> Kind {
    Kind { transport, http, poll_interval_ms, median_us, bytes, cpu_us }
}

const EVENTS_A_SECOND: u64 = 9_000;
const STARTED_US: i64 = 1_795_258_929_000_000;

fn main() -> serde_json::Result<()> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<u32>().unwrap_or(0));
    let seed = u64::from(arguments.next().unwrap_or(7));
    let run = sample(seed, f64::from(arguments.next().unwrap_or(0)), 60);
    serde_json::to_writer(std::io::stdout().lock(), &run)
}

/// A run of so many seconds, whose pushed events take `slower_us` more than they would otherwise.
pub fn sample(seed: u64, slower_us: f64, seconds: u32) -> RunResult {
    let mut random = Rng::with_seed(seed);
    RunResult {
        schema: SCHEMA,
        tool: Tool { version: "0.1.0".to_owned(), commit: Some("6a61fb8".to_owned()) },
        started_us: STARTED_US,
        ended_us: STARTED_US + 7 * 68_000_000,
        complete: true,
        incomplete_why: None,
        command: "load-tester run --transport all --clients 1000 --for 60s --slo ws-json.p99<20ms"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        order: Order::OneByOne,
        seed: 1,
        settings: serde_json::json!({"made_up": true, "clients": 1000, "symbols_per_client": 10,
            "channels": ["trades"], "mode": "every", "measure_s": 60, "warmup_s": 2}),
        machine: Machine::this(),
        server: ServerInfo {
            version: Some("0.1.0".to_owned()),
            commit: Some("6a61fb8".to_owned()),
            command: Some(
                "feed-server --symbols 100 --rate 1000 --seed 7 --trades-only".to_owned(),
            ),
            spawned: true,
        },
        verdict: Verdict::Ok,
        checks: KINDS.iter().flat_map(checks).collect(),
        slos: vec![Slo {
            expression: "ws-json.p99<20ms".to_owned(),
            lane: "ws-json".to_owned(),
            measured: Some(2.9),
            limit: 20.0,
            unit: "ms".to_owned(),
            ok: true,
        }],
        generator: GeneratorUse { busy: 0.41, waited: 0.06, late_ms: 3.2, threads: 1 },
        lanes: KINDS.iter().map(|kind| lane(kind, slower_us, seconds, &mut random)).collect(),
    }
}

fn checks(kind: &Kind) -> Vec<Check> {
    let check = |name: &str, detail: &str| Check {
        name: name.to_owned(),
        lane: Some(kind.transport.to_owned()),
        ok: true,
        detail: detail.to_owned(),
    };
    vec![
        check("clients connected", "1000 of 1000"),
        check("tester's CPU", "41 % of its processors, limit 70 %"),
        check("layers add up", "312,441,020 bytes counted, 312,441,020 on sockets"),
    ]
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("constant bounds are in range")
}

fn normal(random: &mut Rng) -> f64 {
    let (u, v) = (1.0 - random.f64(), random.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A latency: log-normal, and one of 500 waits behind something for some ms.
fn latency_us(kind: &Kind, random: &mut Rng) -> f64 {
    let slow = if random.u32(..500) == 0 { -4_000.0 * random.f64().ln() } else { 0.0 };
    match kind.poll_interval_ms {
        Some(interval_ms) => random.f64() * interval_ms as f64 * 1e3 + 500.0 + slow,
        None => kind.median_us * (0.45 * normal(random)).exp() + slow,
    }
}

fn lane(kind: &Kind, slower_us: f64, seconds: u32, random: &mut Rng) -> Lane {
    let (mut latency, mut staleness, mut age) = (empty(), empty(), empty());
    let mut intervals = Vec::new();
    for second in 0..seconds {
        let (mut late, mut stale, mut old) = (empty(), empty(), empty());
        for _ in 0..EVENTS_A_SECOND / 20 {
            let slower_us = if kind.poll_interval_ms.is_some() { 0.0 } else { slower_us };
            let us = latency_us(kind, random) + slower_us;
            late.record_n(us as u64, 20).expect("in range");
            let behind = if kind.poll_interval_ms.is_some() { us } else { us * 0.9 };
            let share = if kind.poll_interval_ms.is_some() { 1.0 } else { 0.09 };
            stale.record_n((behind * random.f64().max(1.0 - share)) as u64, 400).expect("in range");
            stale.record_n(0, ((1.0 - share) * 4_000.0) as u64).expect("in range");
            old.record_n((us - 80_000.0 * random.f64().ln()) as u64, 400).expect("in range");
        }
        intervals.push(Interval {
            t_s: second,
            latency: encode(&late),
            staleness: encode(&stale),
            staleness_p50_us: Some(stale.value_at_quantile(0.5)),
            staleness_p99_us: Some(stale.value_at_quantile(0.99)),
            age_p50_us: Some(old.value_at_quantile(0.5)),
            age_p99_us: Some(old.value_at_quantile(0.99)),
            events: EVENTS_A_SECOND + random.u64(..300),
            messages: EVENTS_A_SECOND,
            bytes_down: (kind.bytes[..3].iter().sum::<f64>() * EVENTS_A_SECOND as f64) as u64,
            bytes_up: (kind.bytes[4] * EVENTS_A_SECOND as f64) as u64,
            server_cpu_us: Some((kind.cpu_us * EVENTS_A_SECOND as f64) as u64),
        });
        for (all, part) in [(&mut latency, late), (&mut staleness, stale), (&mut age, old)] {
            all.add(part).expect("the same bounds");
        }
    }
    let delivered: u64 = intervals.iter().map(|second| second.events).sum();
    let of = |each: f64| (each * delivered as f64) as u64;
    let stored = |histogram: &Histogram<u64>| Hist::new(histogram, 0, 0, 0);
    let [payload, framing, http_headers, tcp_ip, up] = kind.bytes.map(of);
    let requests = if kind.poll_interval_ms.is_some() { 60_000 } else { 1_000 };
    Lane {
        transport: kind.transport.to_owned(),
        http: kind.http.map(str::to_owned),
        poll_interval_ms: kind.poll_interval_ms,
        complete: true,
        incomplete_why: None,
        clients: 1_000,
        connected: 1_000,
        stuck: StuckClients::default(),
        connect_s: 0.61,
        window_s: f64::from(seconds),
        window_start_us: STARTED_US + 4_000_000,
        latency: stored(&latency),
        merged_latency: None,
        all_latency: stored(&latency),
        age: stored(&age),
        staleness: stored(&staleness),
        events: Events { delivered, messages: delivered, frames: delivered, ..Events::default() },
        requests: if kind.http.is_some() { requests } else { 0 },
        responses: BTreeMap::from([("200".to_owned(), requests)]),
        empty_responses: 0,
        missed_slots: 0,
        reconnects: 0,
        bytes: Bytes {
            down: LayerBytes { payload, framing, http_headers, tcp_ip },
            up: LayerBytes { tcp_ip: up, ..LayerBytes::default() },
            wire_total_down: payload + framing + http_headers,
            wire_total_up: 0,
            tcp_source: TcpSource::TcpInfoSampled,
        },
        server_use: Some(ServerUse {
            cpu_s: kind.cpu_us * delivered as f64 / 1e6,
            cpu_us_per_event: Some(kind.cpu_us),
            cpu_us_per_message: Some(kind.cpu_us),
            rss_kib_before: 60_000,
            rss_kib_after: 64_000,
            rss_kib_per_client: Some(4.1),
        }),
        generator: GeneratorUse { busy: 0.41, waited: 0.06, late_ms: 3.2, threads: 1 },
        breaches: BTreeMap::new(),
        first_breaches: Vec::new(),
        unchecked: 0,
        announced: BTreeMap::new(),
        failed: BTreeMap::new(),
        ended: BTreeMap::new(),
        unanswered: 0,
        behind_ms_max: 0,
        intervals,
    }
}
