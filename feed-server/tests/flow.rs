//! What leaves by the clock: merged messages of `latest`, bars, heartbeats.

mod server;

use std::collections::BTreeMap;

use feed_protocol::{Control, Data, Format, Interval, ServerMessage};
use serde_json::json;
use server::TestServer;
use server::brief::brief;
use server::client::Client;
use server::{quote, trade, wall_us};

const SECOND: i64 = 1_000_000;

#[test]
fn latest_merges_by_symbol_and_second_and_flushes_all_symbols_together() {
    let mut server = TestServer::start();
    for format in Format::ALL {
        let mut client = server.client_as(format, "");
        let more = json!({"mode": "latest", "interval_ms": 300, "snapshot": false});
        client.subscribe("AAPL,MSFT", more);
        let start = server.market.head();
        let seconds = server.now_us / SECOND;
        for _ in 0..3 {
            let trades: Vec<_> =
                (0..100).map(|n| (["AAPL", "MSFT"][n % 2], trade(n as i64))).collect();
            server.publish(&trades);
            server.pass(SECOND);
        }
        let (mut volume, mut messages) = (BTreeMap::new(), 0);
        while volume.values().map(|(_, n)| *n).sum::<u64>() < server.market.head() {
            let batch = client.batch();
            messages += batch.len();
            let last: Vec<u64> = batch.iter().filter_map(offset_of_merged).collect();
            assert!(last.windows(2).all(|pair| pair[0] == pair[1]), "one position: {last:?}");
            for message in batch {
                let ServerMessage::Data(symbol, data) = message else { panic!("{message:?}") };
                let (n0, n, c, v) = match data {
                    Data::Merged { n0, n, c, v, ts0, ts, o, open, high, low, p, .. } => {
                        assert_eq!(ts0 / SECOND, ts / SECOND, "a merge never crosses a second");
                        assert!((seconds..seconds + 3).contains(&(ts / SECOND)));
                        assert!(o > start && low.units <= open.units && p.units <= high.units);
                        (n0, n, c, v)
                    }
                    Data::Trade { n, v, .. } => (n, n, 1, v),
                    other => panic!("{other:?}"),
                };
                let (sum, last) = volume.entry(symbol).or_insert((0, start / 2));
                assert_eq!((n0, c), (*last + 1, n + 1 - n0), "none left out, none twice");
                (*sum, *last) = (*sum + v, n);
            }
        }
        let sizes = |from: i64| (from..100).step_by(2).map(|n| 1 + n as u64 % 9).sum::<u64>() * 3;
        assert_eq!(volume["AAPL"].0, sizes(0));
        assert_eq!(volume["MSFT"].0, sizes(1));
        // Six at best; a flush may have fallen between two of the three batches, or into one.
        assert!(messages <= 24, "{messages} messages for 300 trades");
    }
}

fn offset_of_merged(message: &ServerMessage) -> Option<u64> {
    match message {
        ServerMessage::Data(_, Data::Merged { o, .. }) => Some(*o),
        _ => None,
    }
}

#[test]
fn what_waits_leaves_before_a_subscription_moves_and_is_discarded_when_it_ends() {
    let mut server = TestServer::start();
    let mut client = server.client("");
    let slowly = json!({"mode": "latest", "interval_ms": 60_000});
    client.subscribe("AAPL,MSFT", slowly);
    server.publish(&[("AAPL", trade(5)), ("MSFT", trade(5)), ("AAPL", trade(6))]);
    assert!(client.sync().is_empty(), "the minute is not over");
    let moved = client.subscribe("AAPL", json!({"channels": ["trades", "quotes"]}));
    assert_eq!(brief(&moved), ["AAPL m1-2 @3", "subscribed"], "and no second snapshot");
    server.publish(&[("AAPL", trade(7)), ("AAPL", quote(7)), ("MSFT", trade(8))]);
    assert_eq!(brief(&client.sync()), ["AAPL t3 @4", "AAPL q1 @5"], "in the new manner");
    client.ask(&json!({"op": "unsubscribe", "symbols": ["MSFT"]}));
    assert_eq!(brief(&client.sync()), ["unsubscribed"], "what waited is discarded");
    let again = client.subscribe("MSFT", json!({}));
    assert_eq!(brief(&again), ["subscribed", "MSFT t2 @6 snap"]);
}

#[test]
fn latest_without_an_interval_sends_at_once() {
    let mut server = TestServer::start();
    let mut client = server.client("?symbols=*&mode=latest&channels=trades,quotes");
    client.control();
    server.publish(&[("AAPL", trade(5)), ("AAPL", quote(6))]);
    assert_eq!(brief(&client.sync()), ["AAPL t1 @1", "AAPL q1 @2"], "single events as they are");
}

/// The next bars, as (start in s, count, final).
fn bars(client: &mut Client) -> Vec<(i64, u64, bool)> {
    let bar = |message| match message {
        ServerMessage::Data(_, Data::Bar { bar, is_final, .. }) => {
            (bar.start_us / SECOND, bar.count, is_final)
        }
        other => panic!("a bar, not {other:?}"),
    };
    client.batch().into_iter().map(bar).collect()
}

#[test]
fn a_bar_is_sent_while_it_forms_and_once_when_it_is_final() {
    for format in Format::ALL {
        let mut server = TestServer::start();
        let start = server.now_us / SECOND;
        server.publish(&[("AAPL", trade(1010)), ("MSFT", trade(1))]);
        let mut client = server.client_as(format, "?symbols=AAPL&channels=bars:1s");
        assert!(matches!(client.control(), Control::Subscribed { .. }));
        assert_eq!(bars(&mut client), [(start, 1, false)], "the forming bar is the snapshot");
        server.publish(&[("AAPL", trade(1025)), ("AAPL", trade(990)), ("AAPL", trade(1001))]);
        let (symbol, data) = client.data();
        let Data::Bar { interval: Interval::S1, places: 2, bar, is_final: false } = data else {
            panic!("{data:?}")
        };
        assert_eq!((symbol.as_str(), bar.start_us), ("AAPL", start * SECOND));
        assert_eq!((bar.open, bar.high, bar.low, bar.close), (1010, 1025, 990, 1001));
        let sizes = [1010, 1025, 990, 1001].map(|price| 1 + price % 9).iter().sum::<i64>();
        assert_eq!((bar.volume, bar.count), (sizes as u64, 4));
        server.pass(SECOND);
        assert_eq!(bars(&mut client), [(start, 4, true)], "time alone ends it");
        server.pass(SECOND);
        server.trade("AAPL", 1000);
        assert_eq!(bars(&mut client), [(start + 2, 1, false)], "no bar without a trade");
        server.now_us += SECOND;
        server.trade("AAPL", 1000);
        let mut ended = Vec::new();
        while !ended.contains(&(start + 3, 1, false)) {
            ended.extend(bars(&mut client));
        }
        assert_eq!(ended, [(start + 2, 1, true), (start + 3, 1, false)], "a newer one ends it too");
    }
}

#[test]
fn bars_are_merged_from_all_trades_whatever_the_interval() {
    let mut server = TestServer::start();
    let mut client = server.client("?symbols=AAPL&channels=bars:5s,bars:1m&snapshot=false");
    client.control();
    for _ in 0..7 {
        server.trades("AAPL", 10);
        server.pass(SECOND);
    }
    let mut last = BTreeMap::new();
    while last.get("5s final") != Some(&50)
        || last.get("1m") != Some(&70)
        || last.get("5s") != Some(&20)
    {
        let (_, data) = client.data();
        let Data::Bar { interval, bar, is_final, .. } = data else { panic!("{data:?}") };
        let end = if is_final { " final" } else { "" };
        last.insert(format!("{}{end}", interval.as_str()), bar.count);
    }
}

#[test]
fn bars_that_move_to_another_subscription_go_on_where_they_were() {
    let mut server = TestServer::start();
    for _ in 0..5 {
        server.trades("AAPL", 10);
        server.pass(SECOND);
    }
    let mut client = server.client("?symbols=AAPL&channels=bars:1s");
    client.control();
    let newest = server.now_us / SECOND - 1;
    assert_eq!(bars(&mut client), [(newest, 10, true)]);
    let slower = json!({"channels": ["bars:1s"], "mode": "latest", "interval_ms": 400});
    assert_eq!(brief(&client.subscribe("AAPL", slower)), ["subscribed"], "no second snapshot");
    for _ in 0..3 {
        server.trades("AAPL", 10);
        server.pass(SECOND);
    }
    let mut finals = Vec::new();
    while finals.last() != Some(&(newest + 3, 10)) {
        finals.extend(bars(&mut client).iter().filter(|bar| bar.2).map(|bar| (bar.0, bar.1)));
    }
    assert_eq!(finals, [(newest + 1, 10), (newest + 2, 10), (newest + 3, 10)]);
}

#[test]
fn heartbeats_tell_a_quiet_market_from_a_broken_feed() {
    let mut server = TestServer::start();
    for format in Format::ALL {
        let head = server.trades("AAPL", 3);
        server.source_heard_before(0);
        let mut client = server.client_as(format, "?heartbeat_ms=250&symbols=MSFT");
        let mut without = server.client_as(format, "?heartbeat_ms=0&symbols=MSFT");
        client.control();
        without.control();
        let mut times = Vec::new();
        for _ in 0..3 {
            let before = wall_us();
            let beat = client.control();
            let Control::Heartbeat { ts, o, sent, behind_ms, merged, source_age_ms } = beat else {
                panic!("{beat:?}")
            };
            assert_eq!(
                (o, sent, behind_ms, merged),
                (head, head, 0, 0),
                "sent moves on regardless"
            );
            assert!(ts <= wall_us() && ts > before - 5 * SECOND, "the wall clock's time");
            assert!(source_age_ms < 5000, "{source_age_ms}");
            times.push(ts);
        }
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        server.source_heard_before(7 * SECOND);
        server::wait_for("the source's silence to be told", || {
            let Control::Heartbeat { source_age_ms, .. } = client.control() else { panic!() };
            source_age_ms >= 7000
        });
        assert!(without.sync().is_empty(), "0 is for none");
    }
}

#[test]
fn heartbeats_count_what_was_merged_away() {
    let mut server = TestServer::start();
    server.now_us = wall_us();
    let query = "?heartbeat_ms=250&symbols=AAPL&mode=latest&interval_ms=100";
    let mut client = server.client(query);
    client.control();
    let head = server.trades("AAPL", 40);
    let (mut messages, mut merged) = (0, 0);
    while merged + messages < 40 {
        match client.message() {
            ServerMessage::Data(..) => messages += 1,
            ServerMessage::Control(Control::Heartbeat { merged: more, o, sent, .. }) => {
                assert!(o <= head && sent <= o);
                merged += more;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(merged + messages, 40, "what is not a message of its own was merged away");
    assert!(merged >= 30, "{merged}");
}
