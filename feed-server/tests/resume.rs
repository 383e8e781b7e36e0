//! Coming back with a cursor: what `recovered` says, what follows, and that a cursor means the same on the socket and for
//! a poll.

mod server;

use feed_protocol::{Control, Format, ServerMessage};
use serde_json::{Value, json};
use server::brief::brief;
use server::{TestServer, halted, quote, trade};

const CHANNELS: &str = "trades,quotes,status";

/// What a subscription of all symbols with this cursor is sent, and its `cursor`.
fn resumed(server: &TestServer, format: Format, since: &str) -> (Vec<String>, String) {
    let query = format!("?symbols=*&channels={CHANNELS}&since={since}");
    let messages = server.client_as(format, &query).sync();
    let Some(ServerMessage::Control(Control::Subscribed { cursor, .. })) = messages.first() else {
        panic!("{messages:?}")
    };
    (brief(&messages), cursor.to_string())
}

/// What a poll with the same query gives: `recovered`, its messages, its cursor.
fn polled(server: &TestServer, since: &str) -> (Value, Vec<String>, String) {
    let path = format!("/v1/poll?symbols=*&channels={CHANNELS}&since={since}");
    let body = server.get(&path).json();
    let frame = body["messages"].to_string();
    let mut table = feed_protocol::SymbolTable::default();
    let messages = feed_protocol::decode_frame(Format::Json, frame.as_bytes(), &mut table);
    assert_eq!(body["more"], false);
    (body["recovered"].clone(), brief(&messages.unwrap()), body["cursor"].as_str().unwrap().into())
}

fn happenings(server: &mut TestServer) {
    server.publish(&[("AAPL", trade(1)), ("AAPL", quote(1)), ("MSFT", halted())]);
    server.publish(&[("AAPL", trade(2)), ("BTC-EUR", trade(3)), ("AAPL", quote(2))]);
}

#[test]
fn a_good_cursor_is_followed_by_everything_after_it() {
    let mut server = TestServer::start();
    happenings(&mut server);
    let all =
        ["AAPL t1 @1", "AAPL q1 @2", "MSFT s1 @3", "AAPL t2 @4", "BTC-EUR t1 @5", "AAPL q2 @6"];
    for format in Format::ALL {
        for offset in 0..=6 {
            let since = server.cursor(offset);
            let (messages, cursor) = resumed(&server, format, &since);
            assert_eq!(messages[0], "subscribed recovered");
            assert_eq!(messages[1..], all[offset as usize..], "after {since}, and no snapshot");
            assert_eq!(cursor, since, "the cursor repeats the since");
            let (recovered, messages, cursor) = polled(&server, &since);
            assert_eq!(recovered, json!(true));
            assert_eq!(messages, all[offset as usize..], "the same for a poll");
            assert_eq!(cursor, server.cursor(6));
        }
    }
}

#[test]
fn events_follow_a_replay_without_gap_or_repeat() {
    let mut server = TestServer::start();
    happenings(&mut server);
    let since = server.cursor(4);
    let mut client = server.client(&format!("?symbols=AAPL,BTC*&since={since}"));
    server.trades("AAPL", 5);
    let numbers: Vec<_> = brief(&client.sync());
    let expected = ["BTC-EUR t1 @5", "AAPL t3 @7", "AAPL t4 @8", "AAPL t5 @9", "AAPL t6 @10"];
    assert_eq!(numbers[0], "subscribed recovered");
    assert_eq!(numbers[1..6], expected);
    // Only trades of these symbols: the cursor of one subscription serves another one as well.
    let mut other = server.client("");
    let more = json!({"channels": ["quotes"], "since": server.cursor(1), "snapshot": false});
    let replayed = brief(&other.subscribe("AAPL", more));
    assert_eq!(replayed, ["subscribed recovered", "AAPL q1 @2", "AAPL q2 @6"]);
}

#[test]
fn a_cursor_of_which_nothing_is_known_gets_a_snapshot() {
    let mut server = TestServer::start();
    happenings(&mut server);
    let snapshot = ["MSFT s1 @3 snap", "AAPL t2 @4 snap", "BTC-EUR t1 @5 snap", "AAPL q2 @6 snap"];
    for since in ["another:3", "9f2c:7", "9f2c:18446744073709551615", "9F2C:3"] {
        for format in Format::ALL {
            let (messages, cursor) = resumed(&server, format, since);
            assert_eq!(messages[0], "subscribed lost", "{since}");
            assert_eq!(messages[1..], snapshot, "no gaps, but a snapshot");
            assert_eq!(cursor, server.cursor(6), "the splice point");
        }
        let (recovered, messages, cursor) = polled(&server, since);
        assert_eq!((recovered, &messages[..]), (json!(false), &snapshot.map(String::from)[..]));
        assert_eq!(cursor, server.cursor(6));
    }
    let query = "?symbols=AAPL&since=another:3&snapshot=false";
    let messages = brief(&server.client(query).sync());
    assert_eq!(messages, ["subscribed lost", "AAPL t2 @4 snap"], "whatever snapshot says");
    let without = brief(&server.client("?symbols=AAPL").sync());
    assert_eq!(without, ["subscribed", "AAPL t2 @4 snap"], "no since, no recovered");
}

#[test]
fn what_history_has_dropped_becomes_a_gap() {
    let mut server = TestServer::with(|options| options.retention.events = 64);
    server.trade("MSFT", 1);
    server.trade("BTC-USD", 1);
    server.trade("BTC-USD", 2);
    let old = server.cursor(server.market.head() - 1);
    server.trades("AAPL", 500);
    server.trade("BTC-EUR", 1);
    for format in Format::ALL {
        let (messages, cursor) = resumed(&server, format, &server.cursor(1));
        assert_eq!(messages[0], "subscribed lost");
        let mut gaps: Vec<_> = messages.iter().filter(|m| m.starts_with("gap")).collect();
        gaps.sort();
        assert_eq!(gaps, ["gap AAPL trades 1-499 history", "gap BTC-USD trades 1-1 history"]);
        let rest: Vec<_> = messages[1..].iter().filter(|m| !m.starts_with("gap")).collect();
        assert_eq!(rest, ["BTC-USD t2 @3 snap", "AAPL t500 @503 snap", "BTC-EUR t1 @504"]);
        assert_eq!(cursor, server.cursor(504));
        let (recovered, of_poll, cursor) = polled(&server, &server.cursor(1));
        assert_eq!((recovered, cursor), (json!(false), server.cursor(504)));
        assert_eq!(of_poll, messages[1..], "the same for a poll");
        // Only AAPL lacks something here; the newest of BTC-USD is no longer kept, but it is the only one that is missing.
        let (messages, _) = resumed(&server, format, &old);
        let expected = [
            "subscribed lost",
            "gap AAPL trades 1-499 history",
            "BTC-USD t2 @3",
            "AAPL t500 @503 snap",
            "BTC-EUR t1 @504",
        ];
        assert_eq!(messages, expected);
    }
    assert!(server.metric("tickcast_gaps_total{why=\"history\"}") >= 4.0);
    let near = server.cursor(server.market.head() - 20);
    let (messages, _) = resumed(&server, Format::Json, &near);
    assert_eq!((messages[0].as_str(), messages.len()), ("subscribed recovered", 21));
}

#[test]
fn latest_resumes_merged_and_its_positions_are_cursors() {
    let mut server = TestServer::start();
    server.trades("AAPL", 10);
    server.pass(1_000_000);
    server.publish(&[("MSFT", trade(1)), ("AAPL", trade(1)), ("AAPL", trade(2))]);
    let query = format!("?symbols=*&mode=latest&since={}", server.cursor(4));
    let messages = brief(&server.client(&query).sync());
    let expected = ["subscribed recovered", "AAPL m5-10 @10", "AAPL m11-12 @13", "MSFT t1 @11"];
    assert_eq!((messages[0].as_str(), &messages[1]), (expected[0], &expected[1].to_owned()));
    let mut second = messages[2..].to_vec();
    second.sort();
    assert_eq!(second, expected[2..], "in a frame of merged records order is promised a symbol");
    let (messages, _) = resumed(&server, Format::Json, &server.cursor(10));
    assert_eq!(messages[1..], ["MSFT t1 @11", "AAPL t11 @12", "AAPL t12 @13"]);
}

#[test]
fn whoever_leaves_at_any_point_can_come_back_there() {
    let mut server = TestServer::start();
    let mut first = server.client("?symbols=AAPL,MSFT&channels=trades,quotes&snapshot=false");
    first.control();
    for number in 0..30 {
        server.publish(&[("AAPL", trade(number)), ("BTC-EUR", trade(1)), ("MSFT", quote(number))]);
    }
    let all = brief(&first.sync());
    assert_eq!(all.len(), 60);
    for taken in [1, 2, 31, 59, 60] {
        let offset: u64 = all[taken - 1].rsplit('@').next().unwrap().parse().unwrap();
        let since = server.cursor(offset);
        let query = format!("?symbols=AAPL,MSFT&channels=trades,quotes&since={since}");
        let rest = brief(&server.client(&query).sync());
        assert_eq!(rest[0], "subscribed recovered");
        assert_eq!(rest[1..], all[taken..]);
    }
}
