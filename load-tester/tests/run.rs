//! Whole runs against a server that makes mistakes on purpose: each must be found, and a good server must pass.

mod stub;

use std::time::Duration;

use load_tester::result::{Lane, RunResult, Verdict};
use load_tester::{BreachKind, Format, Plan, RunError, Symbols, Target, Transport, run, text};
use stub::{Script, Step, Stub};

fn plan(stub: &Stub) -> Plan {
    Plan {
        clients: 3,
        threads: 2,
        measure: Duration::from_millis(200),
        warmup: Duration::ZERO,
        connect_timeout: Duration::from_secs(5),
        // Tests share their processors with other tests.
        busy_max: 1.0,
        ..Plan::new(Target::new(&stub.url(), false).unwrap())
    }
}

fn outcome(script: Script) -> RunResult {
    let stub = Stub::start(script);
    run(&plan(&stub).checked().unwrap(), &mut |_| {}).unwrap()
}

/// The only lane of a result.
fn lane(result: &RunResult) -> &Lane {
    assert_eq!(result.lanes.len(), 1);
    &result.lanes[0]
}

/// The checks that failed.
fn failed(result: &RunResult) -> Vec<&str> {
    result.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect()
}

/// The outcome of a script whose only breaches are `count` of `kind` on each of the three clients.
fn breach(kind: BreachKind, frames: &[&str]) -> RunResult {
    let outcome = outcome(Script::of(frames));
    for each in BreachKind::ALL {
        let expected = if each == kind { 3 } else { 0 };
        let lane = lane(&outcome);
        assert_eq!(lane.breaches[&each], expected, "{each:?}: {:?}", lane.first_breaches);
    }
    assert_eq!(outcome.verdict, Verdict::Broken);
    outcome
}

const FIRST: &str =
    r#"[{"T":"t","S":"AAPL","n":41,"o":100,"ts":NOW,"p":187.20,"v":1,"d":0,"snap":1}]"#;

#[test]
fn a_good_server_passes() {
    let outcome = outcome(Script::of(&[
        FIRST,
        r#"[{"T":"t","S":"AAPL","n":42,"o":101,"ts":NOW,"p":187.20,"v":1,"d":0},{"T":"heartbeat","ts":NOW,"o":101,"sent":101,"behind_ms":0,"merged":0,"source_age_ms":3}]"#,
        r#"[{"T":"m","S":"AAPL","n0":43,"n":45,"o":110,"ts0":1763700000130000,"ts":1763700000190000,"O":187.2,"H":187.3,"L":187.1,"p":187.3,"v":30,"c":3},{"T":"t","S":"MSFT","n":1,"o":105,"ts":NOW,"p":1.20,"v":1,"d":0}]"#,
    ]));
    assert_eq!(outcome.verdict, Verdict::Ok, "{:?}", lane(&outcome).first_breaches);
    assert_eq!((lane(&outcome).connected, lane(&outcome).unanswered), (3, 0));
    assert!(lane(&outcome).events.messages > 10 && lane(&outcome).events.delivered > 10);
    let latency = &lane(&outcome).latency;
    assert!(latency.p50_us < 100_000 && latency.p50_us <= latency.p99_us);
    assert_eq!(failed(&outcome), [""; 0]);
    let report = text::report(&outcome);
    assert!(report.contains("3 of 3 subscribed") && report.contains("verdict      ok"), "{report}");
}

#[test]
fn finds_an_unannounced_gap() {
    let outcome = breach(
        BreachKind::Gap,
        &[FIRST, r#"[{"T":"t","S":"AAPL","n":44,"o":104,"ts":NOW,"p":187.20,"v":1,"d":0}]"#],
    );
    assert_eq!(lane(&outcome).events.missed_unannounced, 6);
    let first = lane(&outcome).first_breaches[0].to_string();
    assert!(first.ends_with("AAPL trades: expected n 42, got 44"), "{first}");
}

#[test]
fn finds_a_repeat() {
    breach(
        BreachKind::Repeat,
        &[FIRST, r#"[{"T":"t","S":"AAPL","n":41,"o":104,"ts":NOW,"p":187.20,"v":1,"d":0}]"#],
    );
}

#[test]
fn finds_disorder() {
    breach(
        BreachKind::Disorder,
        &[
            FIRST,
            r#"[{"T":"t","S":"AAPL","n":42,"o":110,"ts":NOW,"p":187.20,"v":1,"d":0}]"#,
            r#"[{"T":"t","S":"MSFT","n":1,"o":105,"ts":NOW,"p":187.20,"v":1,"d":0}]"#,
        ],
    );
}

#[test]
fn finds_a_merge_that_contradicts_itself() {
    breach(
        BreachKind::Merge,
        &[
            FIRST,
            r#"[{"T":"m","S":"AAPL","n0":42,"n":45,"o":110,"ts0":1763700000130000,"ts":1763700000190000,"O":187.2,"H":187.3,"L":187.1,"p":187.3,"v":30,"c":3}]"#,
        ],
    );
}

#[test]
fn finds_a_malformed_frame_and_a_missing_snapshot_and_a_stranger() {
    breach(BreachKind::Malformed, &["[{]"]);
    let middle = r#"[{"T":"t","S":"AAPL","n":7,"o":104,"ts":NOW,"p":187.20,"v":1,"d":0}]"#;
    breach(BreachKind::Snapshot, &[middle]);
    let quote = r#"[{"T":"q","S":"AAPL","n":1,"o":101,"ts":NOW,"b":1.0,"B":1,"a":1.1,"A":1}]"#;
    breach(BreachKind::Stranger, &[quote]);
}

#[test]
fn counts_an_announced_gap_and_does_not_mind_it() {
    let outcome = outcome(Script::of(&[
        FIRST,
        r#"[{"T":"gap","S":"AAPL","ch":"trades","from":42,"to":49,"why":"slow"}]"#,
        r#"[{"T":"t","S":"AAPL","n":50,"o":110,"ts":NOW,"p":187.20,"v":1,"d":0}]"#,
    ]));
    assert_eq!(outcome.verdict, Verdict::Ok, "{:?}", lane(&outcome).first_breaches);
    let announced = lane(&outcome).announced["slow"];
    assert_eq!((announced.gaps, announced.events), (3, 24));
}

#[test]
fn finds_an_announcement_that_does_not_fit() {
    breach(
        BreachKind::Announcement,
        &[FIRST, r#"[{"T":"gap","S":"AAPL","ch":"trades","from":44,"to":49,"why":"slow"}]"#],
    );
}

#[test]
fn shows_who_was_disconnected_and_why() {
    for (step, reason) in [
        (Step::Close(4101), "closed with 4101 why"),
        (Step::Drop, "connection lost: end of stream without a close"),
    ] {
        let outcome = outcome(Script { steps: vec![step], ..Script::default() });
        assert_eq!(lane(&outcome).ended.get(reason), Some(&3), "{:?}", lane(&outcome).ended);
        assert_eq!(outcome.verdict, Verdict::Incomplete);
        let why = outcome.incomplete_why.as_deref().unwrap_or_default();
        assert!(why.contains("every connection had ended"), "{why}");
    }
}

#[test]
fn refused_clients_make_the_run_invalid_and_nobody_is_no_run() {
    let refused = Script { refusal: Some("too_many_symbols"), ..Script::default() };
    let no_upgrade = Script { status: Some(503), ..Script::default() };
    for (script, reason) in [
        (refused, "subscribe refused: too_many_symbols: no"),
        (no_upgrade, r#"refused with 503 Service Unavailable {"code":"bad_request"}"#),
    ] {
        let stub = Stub::start(script);
        let error = run(&plan(&stub), &mut |_| {}).unwrap_err();
        assert!(matches!(&error, RunError::Nobody { why, .. } if why == reason), "{error}");
    }
    let outcome = outcome(Script { status: Some(503), accepts: 2, ..Script::default() });
    assert_eq!((lane(&outcome).connected, lane(&outcome).failed.values().sum::<u64>()), (2, 1));
    assert_eq!(outcome.verdict, Verdict::Invalid);
}

#[test]
fn a_clock_that_is_ahead_makes_the_run_invalid() {
    let outcome = outcome(Script { ahead_us: 5_000_000, ..Script::default() });
    assert!(lane(&outcome).latency.negative > 10);
    assert_eq!(outcome.verdict, Verdict::Invalid);
}

#[test]
fn puts_a_fragmented_frame_together() {
    let long: Vec<_> = (42..3000)
        .map(|n| {
            let o = n + 100;
            format!(r#"{{"T":"t","S":"AAPL","n":{n},"o":{o},"ts":NOW,"p":187.20,"v":1,"d":0}}"#)
        })
        .collect();
    let steps = vec![
        Step::Text(FIRST.to_owned()),
        Step::Pieces(format!("[{}]", long.join(",")), 65_536),
        Step::Text(
            r#"[{"T":"t","S":"AAPL","n":3000,"o":9999,"ts":NOW,"p":187.20,"v":1,"d":0}]"#
                .to_owned(),
        ),
    ];
    let outcome = outcome(Script { steps, ..Script::default() });
    assert_eq!(outcome.verdict, Verdict::Ok, "{:?}", lane(&outcome).first_breaches);
}

#[test]
fn checks_messagepack_as_well() {
    let trade = |n: u64, o: u64| rmp_serde::to_vec(&[(1, 0, n, o, 1, 18720, 1, 0)]).unwrap();
    let stub = Stub::start(Script {
        steps: vec![Step::Binary(trade(1, 101)), Step::Binary(trade(3, 102))],
        ..Script::default()
    });
    let plan = Plan { transports: vec![Transport::web_socket(Format::Msgpack)], ..plan(&stub) };
    let outcome = run(&plan, &mut |_| {}).unwrap();
    assert_eq!(lane(&outcome).breaches[&BreachKind::Gap], 3, "{:?}", lane(&outcome).first_breaches);
    assert_eq!(lane(&outcome).connected, 3);
    assert!(lane(&outcome).events.messages > 10);
}

#[test]
fn clients_that_never_read_are_there_but_not_measured() {
    let stub = Stub::start(Script::default());
    let outcome = run(&Plan { stuck: 2, ..plan(&stub) }, &mut |_| {}).unwrap();
    let stuck = lane(&outcome).stuck;
    assert_eq!((outcome.verdict, lane(&outcome).connected), (Verdict::Ok, 3));
    assert_eq!((stuck.asked, stuck.connected), (2, 2));
}

#[test]
fn does_not_begin_what_cannot_be_done() {
    let stub = Stub::start(Script::default());
    let refused = |symbols| run(&Plan { symbols, ..plan(&stub) }, &mut |_| {}).unwrap_err();
    let unknown = refused(Symbols::Named(vec!["NOPE".to_owned()])).to_string();
    assert_eq!(unknown, "the server has no symbol NOPE; GET /v1/symbols lists its 3");
    let few = refused(Symbols::Draw { per_client: 4, of: None }).to_string();
    assert!(few.starts_with("4 symbols a client cannot be drawn from 3"), "{few}");
    let files = run(&Plan { clients: 1_000_000, ..plan(&stub) }, &mut |_| {}).unwrap_err();
    assert!(matches!(files, RunError::Files { needed: 1_000_256, .. }), "{files}");
    let nobody = Target::new("ws://127.0.0.1:1/v1/ws", false).unwrap();
    let nobody = run(&Plan { target: nobody, ..plan(&stub) }, &mut |_| {}).unwrap_err();
    assert!(nobody.to_string().starts_with("cannot reach the server at 127.0.0.1:1"), "{nobody}");
}

/// A server that sends as fast as it is read keeps one thread busy with reading, whatever the machine.
#[test]
fn a_tester_that_is_too_busy_says_that_its_figures_are_invalid() {
    // A symbol that the catalog did not have is not checked under `*`: the same numbers may come again and again.
    let message =
        |n| format!(r#"{{"T":"t","S":"NEW","n":{n},"o":{n},"ts":1,"p":187.20,"v":1,"d":0}}"#);
    let frame: Vec<_> = (101..1000).map(message).collect();
    let steps = vec![Step::Flood(format!("[{}]", frame.join(",")))];
    let stub = Stub::start(Script { steps, ..Script::default() });
    let plan = Plan { threads: 1, measure: Duration::from_secs(1), busy_max: 0.7, ..plan(&stub) };
    let result = run(&plan, &mut |_| {}).unwrap();
    assert_eq!((failed(&result), result.verdict), (vec!["generator"], Verdict::Invalid));
    let generator = result.checks.iter().find(|check| check.name == "generator").unwrap();
    assert!(generator.detail.contains("at most 70 %"), "{generator:?}");
    assert!(text::report(&result).contains("INVALID      ws-json: generator: the tester used"));
}

/// A run of one client that polls, and gets these answers one after another. The hundreds of a cursor are its place.
fn polled(answers: &[&str]) -> RunResult {
    let answers = answers.iter().map(|&answer| answer.to_owned()).collect();
    let stub = Stub::start(Script { answers, ..Script::default() });
    let transports = vec!["poll:20ms".parse().unwrap()];
    let symbols = Symbols::Named(vec!["AAPL".to_owned()]);
    run(&Plan { transports, clients: 1, symbols, ..plan(&stub) }, &mut |_| {}).unwrap()
}

const SNAPSHOT: &str = r#"{"cursor":"e:100","messages":[{"T":"t","S":"AAPL","n":41,"o":90,"ts":NOW,"p":187.20,"v":1,"d":0,"snap":1}],"more":false}"#;
const NOTHING: &str = r#"{"cursor":"e:200","recovered":true,"messages":[],"more":false}"#;

#[test]
fn a_good_poll_server_passes() {
    // An event each, so that some are in the window; then nothing more.
    let answer = |place: u64| {
        let (n, o, cursor) = (40 + place, place * 100 + 90, place * 100 + 100);
        let event =
            format!(r#"{{"T":"t","S":"AAPL","n":{n},"o":{o},"ts":NOW,"p":187.20,"v":1,"d":0}}"#);
        format!(
            r#"{{"cursor":"e:{cursor}","recovered":true,"messages":[{event}],"more":{}}}"#,
            place == 2
        )
    };
    let mut answers = vec![SNAPSHOT.replace("\"n\":41", "\"n\":40")];
    answers.extend((1..9).map(answer));
    answers.push(r#"{"cursor":"e:1000","recovered":true,"messages":[],"more":false}"#.to_owned());
    let answers: Vec<_> = answers.iter().map(String::as_str).collect();
    let result = polled(&answers);
    assert_eq!((failed(&result), result.verdict), (vec![], Verdict::Ok));
    let lane = lane(&result);
    assert!(lane.requests > 3 && lane.empty_responses > 0 && lane.staleness.count > 0, "{lane:?}");
}

#[test]
fn finds_what_is_wrong_in_answers() {
    let with = |kind: BreachKind, answers: &[&'static str]| {
        let result = polled(answers);
        let lane = lane(&result);
        assert!(lane.breaches[&kind] > 0, "{kind:?}: {:?}", lane.first_breaches);
        assert_eq!(result.verdict, Verdict::Broken);
    };
    let hole = r#"{"cursor":"e:200","recovered":true,"messages":[{"T":"t","S":"AAPL","n":44,"o":190,"ts":NOW,"p":187.20,"v":1,"d":0}],"more":false}"#;
    with(BreachKind::Gap, &[SNAPSHOT, hole, NOTHING]);
    let again = r#"{"cursor":"e:200","recovered":true,"messages":[{"T":"t","S":"AAPL","n":41,"o":190,"ts":NOW,"p":187.20,"v":1,"d":0}],"more":false}"#;
    with(BreachKind::Repeat, &[SNAPSHOT, again, NOTHING]);
    let beyond = r#"{"cursor":"e:200","recovered":true,"messages":[{"T":"t","S":"AAPL","n":42,"o":250,"ts":NOW,"p":187.20,"v":1,"d":0}],"more":false}"#;
    with(BreachKind::Disorder, &[SNAPSHOT, beyond, NOTHING]);
    with(BreachKind::Disorder, &[SNAPSHOT, r#"{"cursor":"e:200","messages":[],"more":false}"#]);
    with(
        BreachKind::Malformed,
        &[SNAPSHOT, r#"{"cursor":"e:200","recovered":true,"messages":[{]],"more":false}"#],
    );
}

#[test]
fn an_answer_that_is_none_ends_the_client() {
    let result = polled(&[SNAPSHOT, r#"{"cursor":"nonsense","messages":[],"more":false}"#]);
    assert_eq!(result.verdict, Verdict::Incomplete);
    let reasons: Vec<_> = lane(&result).ended.keys().collect();
    assert!(
        reasons[0].starts_with("protocol error: an answer is none of the contract's"),
        "{reasons:?}"
    );
}
