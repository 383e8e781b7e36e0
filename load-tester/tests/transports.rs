//! Whole runs against a real server, over each transport: nothing is lost, every byte has its layer, polling is as stale
//! as theory says, a stall of the server is seen in full, and a tester that is too busy says so.

mod server;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use load_tester::result::{Lane, Order, RunResult, Verdict};
use load_tester::{Phase, Plan, Symbols, Target, Transport, run};
use rustix::process::Signal;
use server::FeedServer;

/// Symbols that all change many times a second, and fewer events a second than a poll's answer holds.
const BUSY: [&str; 8] =
    ["--seed", "7", "--symbols", "10", "--rate", "600", "--trades-only", "--popularity=uniform"];

/// These tests measure times: one of them at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plan(server: &FeedServer, transports: &[&str]) -> Plan {
    Plan {
        transports: transports.iter().map(|name| name.parse().unwrap()).collect(),
        clients: 8,
        symbols: Symbols::Draw { per_client: 5, of: None },
        warmup: Duration::from_millis(200),
        measure: Duration::from_secs(2),
        server_pid: Some(server.pid()),
        // Tests share their processors with other tests.
        busy_max: 1.0,
        ..Plan::new(Target::new(&server.url, false).unwrap())
    }
    .checked()
    .unwrap()
}

fn failed(result: &RunResult) -> Vec<String> {
    let failed = result.checks.iter().filter(|check| !check.ok);
    failed.map(|check| format!("{:?} {}: {}", check.lane, check.name, check.detail)).collect()
}

fn lane<'a>(result: &'a RunResult, name: &str) -> &'a Lane {
    result.lanes.iter().find(|lane| lane.transport == name).unwrap()
}

#[test]
fn every_transport_loses_and_repeats_nothing() {
    let _alone = alone();
    let server = FeedServer::start(&BUSY);
    let mut transports = Transport::all();
    for name in ["sse/h2", "stream/h2", "long-poll/h2", "poll:100ms/h2", "poll:100ms"] {
        transports.push(name.parse().unwrap());
    }
    let plan = Plan { transports, order: Order::Together, ..plan(&server, &["ws-json"]) };
    let result = run(&plan, &mut |_| {}).unwrap();
    assert_eq!(failed(&result), [""; 0]);
    assert_eq!((result.verdict, result.complete), (Verdict::Ok, true));
    assert_eq!(result.lanes.len(), 11);
    for lane in &result.lanes {
        let name = &lane.transport;
        assert_eq!(lane.connected, 8, "{name}");
        // Five of ten symbols, 600 events a second, two seconds, eight clients: 4800, by the seed's draw.
        assert!(lane.events.delivered > 2_400, "{name}: {:?}", lane.events);
        let Lane { bytes, events, .. } = lane;
        let per_event = bytes.down.payload as f64 / events.delivered as f64;
        let expected = if name == "ws-msgpack" { 20.0..32.0 } else { 75.0..110.0 };
        assert!(expected.contains(&per_event), "{name}: {per_event} bytes an event");
        assert!(bytes.down.tcp_ip > 0 && bytes.up.tcp_ip > 0, "{name}: {bytes:?}");
        let polls = name.contains("poll");
        assert_eq!(lane.requests > 0, polls, "{name}");
        assert_eq!(lane.responses.get("200").copied().unwrap_or(0), lane.requests, "{name}");
        assert_eq!(bytes.up.http_headers > 0, polls, "{name}: {bytes:?}");
        assert_eq!(lane.http.as_deref() == Some("2"), name.ends_with("/h2"));
        let seconds: u64 = lane.intervals.iter().map(|interval| interval.events).sum();
        assert_eq!(seconds, events.delivered, "{name}");
        assert!((2..=3).contains(&lane.intervals.len()), "{name}: {}", lane.intervals.len());
    }
    // HPACK: what is said again costs next to nothing.
    let heads = |name| lane(&result, name).bytes.up.http_headers / lane(&result, name).requests;
    assert!(heads("poll:100ms/h2") < heads("poll:100ms"));
}

#[test]
fn polling_is_as_stale_as_theory_says() {
    let _alone = alone();
    let server = FeedServer::start(&BUSY);
    let plan = Plan {
        clients: 50,
        symbols: Symbols::All,
        measure: Duration::from_secs(4),
        order: Order::Together,
        ..plan(&server, &["poll:1s", "ws-json"])
    };
    let result = run(&plan, &mut |_| {}).unwrap();
    assert_eq!(failed(&result), [""; 0]);
    let staleness = &lane(&result, "poll:1s").staleness;
    // What was pushed meanwhile shows what the machine adds, which is next to nothing on one that is not busy otherwise.
    let machine_us = lane(&result, "ws-json").all_latency.p999_us;
    // U(0, T) and a round trip; the first event after an answer comes 2 ms later.
    for (us, theory) in
        [(staleness.p50_us, 500_000), (staleness.p90_us, 900_000), (staleness.p99_us, 990_000)]
    {
        let off = us.abs_diff(theory);
        // A poll may be sent late, answered late, and read late.
        assert!(off < 25_000 + 3 * machine_us, "{us} µs, theory {theory}, machine {machine_us}");
    }
    // Four seconds of fifty clients.
    assert!(staleness.count.abs_diff(200_000_000) < 10_000_000, "{}", staleness.count);
}

#[test]
fn a_304_is_an_answer_without_messages() {
    let _alone = alone();
    let quiet = ["--seed", "7", "--symbols", "10", "--rate", "10", "--trades-only"];
    let server = FeedServer::start(&quiet);
    let plan = Plan { conditional: true, clients: 20, ..plan(&server, &["poll:50ms"]) };
    let result = run(&plan, &mut |_| {}).unwrap();
    assert_eq!((failed(&result), result.verdict), (vec![], Verdict::Ok));
    let lane = lane(&result, "poll:50ms");
    let [fresh, unchanged] = ["200", "304"].map(|status| lane.responses[status]);
    assert!(fresh > 0 && unchanged > fresh, "{:?}", lane.responses);
    assert!(lane.empty_responses >= unchanged);
}

/// The server does not run for two seconds of the window: all of it must be in the figures of every kind of transport.
#[test]
fn a_stall_of_the_server_is_seen_in_full() {
    let _alone = alone();
    let server = FeedServer::start(&BUSY);
    for name in ["ws-json", "sse", "long-poll", "poll:250ms"] {
        let plan = Plan {
            measure: Duration::from_secs(6),
            symbols: Symbols::All,
            clients: 4,
            ..plan(&server, &[name])
        };
        let (mut measuring, mut stopped) = (None, None);
        let stall = Duration::from_secs(2);
        let result = std::thread::scope(|scope| {
            run(&plan, &mut |progress| {
                let began = progress.phase == Phase::Measuring;
                measuring = measuring.or(began.then(Instant::now));
                if measuring.is_some() && stopped.is_none() {
                    stopped = Some(Instant::now());
                    server.halt();
                    scope.spawn(|| {
                        // Not a wait for something: the stall itself.
                        std::thread::sleep(stall);
                        server.signal(Signal::CONT);
                    });
                }
            })
            .unwrap()
        });
        assert!(stopped.is_some());
        assert_eq!(failed(&result), [""; 0], "{name}");
        let lane = lane(&result, name);
        let stall_us = 2_000_000;
        for (what, hist) in
            [("latency", &lane.all_latency), ("staleness", &lane.staleness), ("age", &lane.age)]
        {
            assert!(hist.max_us > stall_us - 20_000, "{name} {what}: max {} µs", hist.max_us);
            assert!(hist.p999_us > stall_us - 100_000, "{name} {what}: p99.9 {} µs", hist.p999_us);
        }
        // Two of six seconds: a view was up to two seconds old, the median of those one.
        let over_a_second = lane.staleness.histogram().unwrap();
        let share =
            over_a_second.count_between(1_000_000, u64::MAX) as f64 / over_a_second.len() as f64;
        assert!((0.12..0.25).contains(&share), "{name}: {share} of the time above 1 s");
        if name.starts_with("poll") {
            assert!(lane.missed_slots >= 4 * 6, "{name}: {} slots missed", lane.missed_slots);
        }
    }
}

#[test]
fn a_spawned_server_is_fresh_for_each_lane_and_gone_afterwards() {
    let _alone = alone();
    let program = server::program().display();
    let command = format!("{program} {}", BUSY.join(" "));
    let nowhere = Target::new("http://127.0.0.1:1/", false).unwrap();
    let plan = Plan {
        transports: vec!["ws-json".parse().unwrap(), "poll:200ms".parse().unwrap()],
        clients: 4,
        measure: Duration::from_secs(1),
        warmup: Duration::ZERO,
        busy_max: 1.0,
        spawn: Some(load_tester::Spawn::new(&command, Some("0")).unwrap()),
        ..Plan::new(nowhere)
    };
    let result = run(&plan.checked().unwrap(), &mut |_| {}).unwrap();
    // On a busy machine the source may be late; everything else must hold.
    let failed: Vec<_> =
        failed(&result).into_iter().filter(|text| !text.contains("source")).collect();
    assert_eq!(failed, [""; 0]);
    assert!(result.checks.iter().any(|check| check.name == "source"));
    assert!(result.complete && result.server.spawned);
    assert_eq!(result.server.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(result.server.command.as_deref(), Some(command.as_str()));
    let is_repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git").exists();
    let commits = [result.tool.commit.is_some(), result.server.commit.is_some()];
    assert_eq!(commits, [is_repository; 2], "of tester and server");
    for lane in &result.lanes {
        let server = lane.server_use.unwrap();
        assert!(server.cpu_s > 0.0 && server.cpu_us_per_event.unwrap() > 0.0, "{server:?}");
        assert!(server.rss_kib_before > 0 && server.rss_kib_after >= server.rss_kib_before);
    }
}
