//! The admin listener: metrics that parse and move, and whether the server wants clients.

mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use feed_protocol::Format;
use serde_json::json;
use server::client::Client;
use server::{EPOCH, TestServer, wall_us};

/// Counters without labels, with what they stand at once the test has done what it does.
const COUNTERS: [&str; 7] = [
    "market_events",
    "shard_events",
    "recovered_events",
    "writes",
    "merged_events",
    "fell_behind",
    "publish_to_write_seconds_count",
];

const TRANSPORTS: [&str; 5] = ["websocket", "sse", "stream", "long_poll", "poll"];

/// Samples by name and labels, after a check of the OpenMetrics text format's rules.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "the format's end");
    let (mut found, mut types) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(about) = line.strip_prefix("# ") {
            let words: Vec<_> = about.splitn(3, ' ').collect();
            assert!(["HELP", "TYPE", "UNIT"].contains(&words[0]) && words.len() == 3, "{line}");
            if words[0] == "TYPE" {
                assert!(types.insert(words[1], words[2]).is_none(), "described once: {line}");
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        assert!(name.starts_with("tickcast_"), "{line}");
        let is_of = |metric: &&str, kind: &&str| match *kind {
            "counter" => name.strip_suffix("_total") == Some(metric),
            "gauge" => name == *metric,
            _ => ["_bucket", "_count", "_sum"].iter().any(|s| name.strip_suffix(s) == Some(metric)),
        };
        assert!(types.iter().any(|(metric, kind)| is_of(metric, kind)), "its type is told: {line}");
        let value: f64 = value.parse().unwrap();
        assert!(value >= 0.0, "{line}");
        assert!(found.insert(sample.to_owned(), value).is_none(), "once: {line}");
    }
    found
}

fn metrics(server: &TestServer) -> BTreeMap<String, f64> {
    let answer = server.admin("/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    samples(&answer.text())
}

#[test]
fn metrics_are_all_there_and_move() {
    let mut server = TestServer::start();
    let before = metrics(&server);
    for name in COUNTERS {
        let sample = name.ends_with("_count").then(|| name.to_owned());
        let sample = format!("tickcast_{}", sample.unwrap_or_else(|| format!("{name}_total")));
        assert_eq!(before.get(&sample), Some(&0.0), "{sample}");
    }
    for (name, label, values) in [
        ("queue_overwrites_total", "shard", &["0", "1"][..]),
        ("queue_depth", "shard", &["0", "1"]),
        ("gaps_total", "why", &["history", "slow", "overflow"]),
        ("requests_total", "result", &["done", "refused"]),
        ("sent_bytes_total", "transport", &TRANSPORTS),
        ("messages_sent_total", "transport", &TRANSPORTS),
        ("connections_opened_total", "transport", &TRANSPORTS),
        ("connections", "transport", &TRANSPORTS),
        (
            "connections_closed_total",
            "code",
            &[
                "1000", "1002", "1003", "1007", "1008", "1009", "1011", "1012", "4100", "4101",
                "4102", "4103", "other",
            ],
        ),
    ] {
        for value in values {
            let sample = format!("tickcast_{name}{{{label}=\"{value}\"}}");
            assert_eq!(before.get(&sample), Some(&0.0), "{sample}");
        }
    }
    assert_eq!(before["tickcast_symbols"], 4.0);
    assert_eq!(before["tickcast_ready"], 0.0);

    let mut client = server.client("?symbols=AAPL&snapshot=false");
    client.control();
    client.subscribe("MSFT", json!({"mode": "latest", "interval_ms": 50}));
    client.ask(&json!({"op": "?"}));
    client.control();
    let mut other = server.client_as(Format::Msgpack, "?symbols=AAPL&snapshot=false");
    other.control();
    server.trades("AAPL", 10);
    server.trades("MSFT", 10);
    server.source_heard_before(0);
    assert!(other.sync().len() == 10);
    server::wait_for("the merged ones", || server.metric("tickcast_merged_events_total") >= 1.0);
    let now = metrics(&server);
    let exactly = [
        ("market_events_total", 20.0),
        ("shard_events_total", 40.0),
        ("connections_opened_total{transport=\"websocket\"}", 2.0),
        ("connections{transport=\"websocket\"}", 2.0),
        ("requests_total{result=\"refused\"}", 1.0),
        ("publish_to_write_seconds_count", 40.0),
        ("queue_depth{shard=\"0\"}", 0.0),
        ("slow_connections", 0.0),
        ("ready", 1.0),
    ];
    for (name, value) in exactly {
        assert_eq!(now[&format!("tickcast_{name}")], value, "{name}");
    }
    // Two clients' ten trades of AAPL, and what MSFT's were merged into; a handful of answers.
    let messages = "messages_sent_total{transport=\"websocket\"}";
    let sent = "sent_bytes_total{transport=\"websocket\"}";
    for (name, least) in [(messages, 21.0), (sent, 1500.0), ("writes_total", 8.0)] {
        assert!(now[&format!("tickcast_{name}")] >= least, "{name}: {now:?}");
    }
    assert_eq!(now["tickcast_publish_to_write_seconds_bucket{le=\"+Inf\"}"], 40.0);
    assert!(now["tickcast_requests_total{result=\"done\"}"] >= 4.0);
    assert!(now["tickcast_audiences"] >= 2.0);
    assert!(now["tickcast_source_age_seconds"] < 10.0);
    for (name, value) in &before {
        if name.contains("_total") {
            assert!(now[name] >= *value, "counters only grow: {name}");
        }
    }
    drop((client, other));
    server::wait_for("the connections to be gone", || {
        server.metric("tickcast_connections{transport=\"websocket\"}") == 0.0
    });
    server::wait_for("their sockets too", || server.metric("tickcast_sockets") == 0.0);
}

#[test]
fn whether_it_is_ready_depends_on_its_source() {
    let mut server = TestServer::start();
    let ready = |server: &TestServer| {
        let answer = server.admin("/readyz");
        assert_eq!(server.admin("/livez").status, 200, "alive in any case");
        assert_eq!(server.metric("tickcast_ready"), f64::from(answer.status == 200));
        (answer.status, answer.text())
    };
    let (status, text) = ready(&server);
    assert_eq!(status, 503);
    assert!(text.contains("not started"), "{text}");
    server.source_heard_before(0);
    assert_eq!(ready(&server).0, 200);
    server.source_heard_before(6_000_000);
    let (status, text) = ready(&server);
    assert_eq!(status, 503);
    assert!(text.contains("silent"), "{text}");
    assert!(server.metric("tickcast_source_age_seconds") >= 6.0);
    server.source_heard_before(0);
    assert_eq!(ready(&server).0, 200);
}

#[test]
fn while_it_drains_it_is_alive_and_not_ready() {
    let mut server = TestServer::start();
    server.now_us = wall_us();
    server.pass(0);
    assert_eq!(server.admin("/readyz").status, 200);
    let (address, admin_address) = (server.address, server.admin_address);
    // A client that does not answer the close holds the drain up.
    let mut client = server.client("");
    let drains = server.server.take().unwrap();
    let draining = std::thread::spawn(move || drains.drain(500..5000, Duration::from_secs(5)));
    assert_eq!(client.frame().opcode, server::frames::TEXT, "bye");
    let answer = server::http::get(admin_address, "/readyz", &[]);
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("draining"), "{}", answer.text());
    assert_eq!(server::http::get(admin_address, "/livez", &[]).status, 200);
    let is_shut = |address| std::net::TcpStream::connect(address).is_err();
    server::wait_for("every shard to let nobody new in", || is_shut(address));
    client.closed_with(1012);
    drop(client);
    assert!(draining.join().unwrap(), "all went in time");
    server::wait_for("the admin listener's end", || is_shut(admin_address));
}

#[test]
fn version_tells_what_runs() {
    let server = TestServer::start();
    let mut found = server.admin("/version").json();
    let commit = found["commit"].take();
    let expected = json!({
        "name": "tickcast", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "epoch": EPOCH, "commit": null,
    });
    assert_eq!(found, expected);
    // Outside of a repository there is nothing to name; inside, it is a commit of this one.
    let git = |arguments: &[&str]| std::process::Command::new("git").args(arguments).output();
    if git(&["rev-parse", "HEAD"]).is_ok_and(|output| output.status.success()) {
        let commit = commit.as_str().expect("built in a repository");
        let object = format!("{}^{{commit}}", commit.trim_end_matches("-dirty"));
        let known = git(&["cat-file", "-e", &object]).unwrap();
        assert!(known.status.success(), "no commit {commit}");
    }
    let welcome =
        Client::opening(server::http::connect(server.address), Format::Json, "").control();
    assert!(matches!(welcome, feed_protocol::Control::Welcome { epoch, .. } if epoch == EPOCH));
}

#[test]
fn many_admin_connections_at_once_are_served() {
    let server = TestServer::start();
    let idle: Vec<_> = (0..40).map(|_| server::http::connect(server.admin_address)).collect();
    assert_eq!(server.admin("/livez").status, 200);
    drop(idle);
}
