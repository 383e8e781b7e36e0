//! A stored result reads back as what was written, and its names are those that readers rely on.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use proptest::prelude::*;

use super::*;

fn hist(values: &[u64]) -> Hist {
    let mut histogram = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
    for &value in values {
        histogram.record(value).unwrap();
    }
    Hist::new(&histogram, 2, -7, 1)
}

fn lane() -> Lane {
    let latency = hist(&[120, 450, 9_000]);
    Lane {
        transport: "poll:1s/h2".to_owned(),
        http: Some("2".to_owned()),
        poll_interval_ms: Some(1000),
        complete: true,
        incomplete_why: None,
        clients: 3,
        connected: 3,
        stuck: StuckClients::default(),
        connect_s: 0.1,
        window_s: 2.0,
        window_start_us: 1_763_700_000_000_000,
        merged_latency: None,
        all_latency: latency.clone(),
        age: hist(&[1]),
        staleness: hist(&[]),
        events: Events { delivered: 3, messages: 4, ..Events::default() },
        requests: 6,
        responses: BTreeMap::from([("200".to_owned(), 5), ("304".to_owned(), 1)]),
        empty_responses: 1,
        missed_slots: 0,
        reconnects: 0,
        bytes: Bytes {
            down: LayerBytes { payload: 100, framing: 20, http_headers: 300, tcp_ip: 520 },
            tcp_source: TcpSource::TcpInfoSampled,
            ..Bytes::default()
        },
        server_use: Some(ServerUse { cpu_s: 0.5, ..ServerUse::default() }),
        generator: GeneratorUse { busy: 0.1, waited: 0.05, late_ms: 1.5, threads: 1 },
        breaches: BTreeMap::from([(BreachKind::Gap, 1)]),
        first_breaches: vec![Breach {
            kind: BreachKind::Gap,
            client: 1,
            subject: "AAPL trades".to_owned(),
            detail: "expected n 2, got 3".to_owned(),
        }],
        unchecked: 0,
        announced: BTreeMap::from([("slow".to_owned(), Announced { gaps: 1, events: 2 })]),
        failed: BTreeMap::new(),
        ended: BTreeMap::new(),
        unanswered: 0,
        behind_ms_max: 0,
        intervals: vec![Interval {
            t_s: 0,
            latency: latency.hdr.clone(),
            staleness: latency.hdr.clone(),
            staleness_p50_us: None,
            staleness_p99_us: None,
            age_p50_us: Some(5),
            age_p99_us: Some(9),
            events: 3,
            messages: 4,
            bytes_down: 900,
            bytes_up: 100,
            server_cpu_us: Some(1000),
        }],
        latency,
    }
}

fn run() -> RunResult {
    RunResult {
        schema: SCHEMA,
        tool: Tool { version: "0.1.0".to_owned(), commit: None },
        started_us: 1,
        ended_us: 2,
        complete: false,
        incomplete_why: Some("the server ended".to_owned()),
        command: vec!["load-tester".to_owned(), "run".to_owned()],
        order: Order::OneByOne,
        seed: 1,
        settings: serde_json::json!({"clients": 3}),
        machine: Machine::this(),
        server: ServerInfo { spawned: true, ..ServerInfo::default() },
        verdict: Verdict::SloBroken,
        checks: vec![Check {
            name: "connected".to_owned(),
            lane: Some("poll:1s/h2".to_owned()),
            ok: true,
            detail: "3 of 3".to_owned(),
        }],
        slos: vec![Slo {
            expression: "p99<1ms".to_owned(),
            lane: "poll:1s/h2".to_owned(),
            measured: Some(9.0),
            limit: 1.0,
            unit: "ms".to_owned(),
            ok: false,
        }],
        generator: GeneratorUse::default(),
        lanes: vec![lane()],
    }
}

#[test]
fn reads_back_what_was_written() {
    let run = run();
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<RunResult>(&text).unwrap(), run);
}

#[test]
fn has_the_names_that_readers_rely_on() {
    let json = serde_json::to_value(run()).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!((&json["order"], &json["verdict"]), (&"one-by-one".into(), &"slo_broken".into()));
    let lane = &json["lanes"][0];
    assert_eq!(lane["latency"]["p999_us"], 9_007);
    assert_eq!(lane["latency"]["lowest_us"], -7);
    assert_eq!(lane["breaches"]["gap"], 1);
    assert_eq!(lane["bytes"]["down"]["tcp_ip"], 520);
    assert_eq!(lane["bytes"]["tcp_source"], "tcp_info_sampled");
    assert_eq!(lane["responses"]["304"], 1);
}

#[test]
fn refuses_what_is_no_histogram() {
    assert!(matches!(decode("§"), Err(HistError::Base64(_))));
    assert!(matches!(decode("AAAA"), Err(HistError::Format(_))));
}

proptest! {
    #[test]
    fn a_histogram_survives_storage(values in proptest::collection::vec(0..600_000_000_u64, 0..200)) {
        let stored = hist(&values);
        let read = stored.histogram().unwrap();
        prop_assert_eq!(read.len(), values.len() as u64);
        for quantile in [0.5, 0.9, 0.99, 1.0] {
            let exact = { let mut sorted = values.clone(); sorted.sort_unstable();
                let rank = ((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
                sorted.get(rank - 1).copied().unwrap_or(0) };
            let got = read.value_at_quantile(quantile);
            prop_assert!(got.abs_diff(exact) <= exact / 1000 + 1, "{quantile}: {got} for {exact}");
        }
    }
}
