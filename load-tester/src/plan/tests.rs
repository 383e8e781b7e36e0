//! What a plan refuses, and how it says so.

use super::*;

fn plan() -> Plan {
    Plan::new(Target::new("ws://127.0.0.1:1/v1/ws", false).unwrap())
}

#[test]
fn names_the_option_that_is_wrong() {
    let error = Plan { clients: 0, ..plan() }.checked().unwrap_err();
    assert_eq!(error.to_string(), "--clients is 0; it must be 1 to 1000000");
    let symbols = Symbols::Draw { per_client: 10, of: Some(5) };
    let error = Plan { symbols, ..plan() }.checked().unwrap_err();
    assert!(error.to_string().starts_with("--symbols-of is 5; it must be 10 to"));
    let mode = Mode::Latest { interval_ms: 60_001 };
    assert!(Plan { mode, ..plan() }.checked().is_err());
    let measure = Duration::ZERO;
    assert!(Plan { measure, ..plan() }.checked().is_err());
}

#[test]
fn knows_the_channels() {
    assert_eq!(channels("trades, quotes,trades").unwrap().len(), 2);
    assert_eq!(channels("bars:2m"), Err(PlanError::Channel("bars:2m".to_owned())));
}

#[test]
fn reads_times() {
    assert_eq!(read_duration("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(read_duration("1.5"), Ok(Duration::from_millis(1500)));
    assert_eq!(read_duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(read_duration("5m"), Ok(Duration::from_secs(300)));
    for wrong in ["", "s", "-1s", "5 min", "1d", "inf"] {
        assert!(read_duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn refuses_lanes_that_make_no_sense() {
    let lanes = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let refused = |plan: Plan| plan.checked().unwrap_err().to_string();
    let twice = refused(Plan { transports: lanes(&["sse", "sse"]), ..plan() });
    assert_eq!(twice, "--transport has sse twice: a run has one lane for each");
    let stuck = refused(Plan { transports: lanes(&["poll:1s"]), stuck: 1, ..plan() });
    assert!(stuck.starts_with("--stuck is for WebSocket only: poll:1s"), "{stuck}");
    let objectives = vec!["sse.p99<5ms".parse().unwrap()];
    let stray = refused(Plan { objectives, ..plan() });
    assert_eq!(stray, "--slo sse.p99<5ms: no lane sse in this run; there are ws-json");
}

#[test]
fn samples_about_a_thousand_connections() {
    assert_eq!(Plan { clients: 10_000, ..plan() }.sampling(), 10);
    assert_eq!(Plan { clients: 200, ..plan() }.sampling(), 1);
}
