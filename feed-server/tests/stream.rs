//! What a subscriber is sent and in which order: snapshot and events, both formats, subscriptions that change, and the
//! small talk of a connection.

mod server;

use feed_protocol::{Aggressor, Control, Data, Format, Mode, Price, RequestId, ServerMessage};
use serde_json::json;
use server::brief::brief;
use server::client::Client;
use server::frames::{CLOSE, FIN, PING, PONG, close_frame, masked};
use server::{TestServer, halted, quote, trade, wall_us};

const EVENTS: &str = "trades,quotes,status";

#[test]
fn welcome_then_subscribed_then_the_snapshot_then_events() {
    let mut server = TestServer::start();
    server.publish(&[("MSFT", trade(420_001)), ("AAPL", quote(18_722)), ("AAPL", trade(18_720))]);
    server.publish(&[("AAPL", trade(18_731)), ("BTC-EUR", halted()), ("MSFT", quote(420_000))]);
    for format in Format::ALL {
        let connect = || server::http::connect(server.address);
        let query = format!("?symbols=*&channels=bars:1m,{EVENTS},bars:1s");
        let mut client = Client::opening(connect(), format, &query);
        let snapshot = [
            "AAPL q1 @2 snap",
            "AAPL t2 @4 snap",
            "BTC-EUR s1 @5 snap",
            "MSFT q1 @6 snap",
            "AAPL b1s 2",
            "AAPL b1m 2",
            "MSFT b1s 1",
            "MSFT b1m 1",
        ];
        let (events, bars): (Vec<_>, Vec<_>) =
            brief(&client.sync()).into_iter().partition(|message| !message.contains(" b1"));
        assert_eq!(events[..3], ["welcome", "subscribed", "MSFT t1 @1 snap"], "{format:?}");
        assert_eq!(events[3..], snapshot[..4], "in increasing offsets");
        let mut sorted = bars.clone();
        sorted.sort();
        let mut expected = snapshot[4..].to_vec();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
    }
    let mut client = server.client(&format!("?symbols=AAPL&channels=bars:1m,{EVENTS}"));
    let first = brief(&client.sync());
    assert_eq!(first.last().unwrap(), "AAPL b1m 2", "forming bars come last: {first:?}");
    server.publish(&[("MSFT", trade(1)), ("AAPL", halted()), ("AAPL", trade(18_800))]);
    let events: Vec<_> =
        brief(&client.sync()).into_iter().filter(|m| !m.contains(" b1m")).collect();
    assert_eq!(events, ["AAPL s1 @8", "AAPL t3 @9"]);
}

#[test]
fn messages_say_what_happened() {
    let mut server = TestServer::start();
    for format in Format::ALL {
        let mut client = server.client_as(format, &format!("?symbols=*&channels={EVENTS}"));
        client.sync();
        let now = server.now_us;
        let head = server.publish(&[("BTC-EUR", trade(90_000)), ("MSFT", quote(-5))]);
        let Some(ServerMessage::Data(symbol, Data::Trade { o, ts, p, v, d, snap, .. })) =
            client.sync().into_iter().find(|m| matches!(m, ServerMessage::Data(..)))
        else {
            panic!("a trade")
        };
        assert_eq!((symbol.as_str(), o, ts), ("BTC-EUR", head - 1, now));
        assert_eq!(p, Price { units: 90_000, places: 0 });
        assert_eq!((v, d, snap), (1, Aggressor::Buyer, false));
        server.publish(&[("AAPL", halted())]);
        let (_, data) = client.data();
        assert!(matches!(data, Data::Status { ts, .. } if ts == now), "{data:?}");
        let places = Price { units: -5, places: 3 };
        let mut poll = server.client_as(format, "?symbols=MSFT&channels=quotes");
        poll.control();
        assert!(matches!(poll.data().1, Data::Quote { b, bid_size: 300, .. } if b == places));
    }
}

#[test]
fn without_a_snapshot_nothing_precedes_the_events() {
    let mut server = TestServer::start();
    server.publish(&[("AAPL", trade(1)), ("AAPL", quote(1))]);
    let mut client = server.client("");
    let channels = json!({"channels": ["trades", "quotes", "bars:1s"], "snapshot": false});
    assert_eq!(brief(&client.subscribe("AAPL", channels)), ["subscribed"]);
    server.trade("AAPL", 2);
    let events = brief(&client.sync());
    assert_eq!(events.first().map(String::as_str), Some("AAPL t2 @3"), "{events:?}");
}

#[test]
fn both_formats_carry_the_same_messages() {
    let mut server = TestServer::start();
    server.publish(&[("AAPL", trade(1)), ("BTC-USD", quote(7)), ("MSFT", halted())]);
    let query = format!("?symbols=AAPL,BTC*,MSFT&channels={EVENTS}");
    let mut json = server.client_as(Format::Json, &query);
    let mut msgpack = server.client_as(Format::Msgpack, &query);
    let (one, other) = (json.control(), msgpack.control());
    let Control::Subscribed { table: Some(table), .. } = &other else { panic!("{other:?}") };
    let row = |id, name: &str, places| (id, name.to_owned(), places);
    let rows = [row(0, "AAPL", 2), row(1, "MSFT", 3), row(2, "BTC-USD", 1), row(3, "BTC-EUR", 0)];
    assert_eq!(table[..], rows, "all symbols that the patterns match");
    let Control::Subscribed { table: None, .. } = &one else { panic!("{one:?}") };
    for number in 0..50 {
        server.now_us += 100_000;
        let price = 10_i64.pow(number % 15) + i64::from(number);
        server.publish(&[("AAPL", trade(price)), ("BTC-EUR", quote(-price)), ("MSFT", halted())]);
    }
    let (one, other) = (json.sync(), msgpack.sync());
    assert_eq!(one.len(), 3 + 150);
    assert_eq!(one, other);
}

#[test]
fn an_event_that_comes_late_is_given_the_last_time() {
    let mut server = TestServer::start();
    let mut client = server.client("?symbols=*");
    client.control();
    let now = server.now_us;
    server.trade("AAPL", 1);
    server.now_us -= 700_000;
    server.trade("MSFT", 1);
    for _ in 0..2 {
        let (_, data) = client.data();
        assert!(matches!(data, Data::Trade { ts, .. } if ts == now), "{data:?}");
    }
}

#[test]
fn unsubscribing_ends_what_it_names_and_no_more() {
    let mut server = TestServer::start();
    for format in Format::ALL {
        let mut client = server.client_as(format, "?snapshot=false");
        let more = json!({"channels": ["trades", "quotes"], "snapshot": false});
        client.subscribe("AAPL,MSFT", more);
        client.ask(
            &json!({"op": "unsubscribe", "id": 9, "symbols": ["AAPL"], "channels": ["trades"]}),
        );
        let Control::Unsubscribed { id, symbols, channels } = client.control() else { panic!() };
        assert_eq!(id, Some(RequestId::Integer(9)));
        assert_eq!((symbols, channels), (vec!["AAPL".into()], vec!["trades".into()]));
        let all = [("AAPL", trade(1)), ("AAPL", quote(1)), ("MSFT", trade(1)), ("MSFT", quote(1))];
        server.publish(&all);
        let kinds = |client: &mut Client| -> Vec<String> {
            brief(&client.sync()).iter().map(|m| m[..6].trim().to_owned()).collect()
        };
        assert_eq!(kinds(&mut client), ["AAPL q", "MSFT t", "MSFT q"]);
        client.ask(&json!({"op": "unsubscribe", "symbols": ["AAPL"]}));
        client.control();
        server.publish(&all);
        assert_eq!(kinds(&mut client), ["MSFT t", "MSFT q"], "all channels");
        client.ask(&json!({"op": "unsubscribe", "symbols": ["*"]}));
        client.control();
        server.publish(&all);
        assert!(kinds(&mut client).is_empty());
    }
}

#[test]
fn a_name_can_be_taken_out_of_a_pattern_and_come_back() {
    let mut server = TestServer::start();
    let mut client = server.client("?symbols=BTC*&snapshot=false");
    client.control();
    client.ask(&json!({"op": "unsubscribe", "symbols": ["BTC-EUR"]}));
    client.control();
    let both = [("BTC-EUR", trade(1)), ("BTC-USD", trade(1)), ("AAPL", trade(1))];
    server.publish(&both);
    assert_eq!(brief(&client.sync()), ["BTC-USD t1 @2"]);
    let back = client.subscribe("BTC*", json!({}));
    assert_eq!(brief(&back), ["subscribed", "BTC-EUR t1 @1 snap"], "only what was not held");
    server.publish(&both);
    assert_eq!(brief(&client.sync()), ["BTC-EUR t2 @4", "BTC-USD t2 @5"]);
}

#[test]
fn list_repeats_what_was_asked_for() {
    let server = TestServer::start();
    let mut client = server.client("");
    client.subscribe("AAPL,BTC*", json!({"channels": ["trades", "bars:5m"]}));
    client.subscribe("MSFT", json!({"mode": "latest", "interval_ms": 250}));
    client.ask(&json!({"op": "list", "id": "l"}));
    let Control::Subscriptions { id, subscriptions } = client.control() else { panic!("a list") };
    assert_eq!(id, Some(RequestId::Text("l".into())));
    let told: Vec<_> = subscriptions
        .iter()
        .map(|s| (s.symbols.join(" "), s.channels.join(" "), s.mode, s.interval_ms))
        .collect();
    let expected = [
        ("AAPL BTC*".to_owned(), "trades bars:5m".to_owned(), Mode::Every, None),
        ("MSFT".into(), "trades".into(), Mode::Latest, Some(250)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn pings_and_tokens_are_answered() {
    let server = TestServer::start();
    for format in Format::ALL {
        let mut client = server.client_as(format, "");
        let before = wall_us();
        client.ask(&json!({"op": "ping", "id": 6}));
        let Control::Pong { id, ts } = client.control() else { panic!("a pong") };
        assert_eq!(id, Some(RequestId::Integer(6)));
        assert!((before..=wall_us()).contains(&ts), "{ts}");
        client.ask(&json!({"op": "auth", "id": "a", "token": "…"}));
        let Control::Authenticated { id, .. } = client.control() else { panic!("authenticated") };
        assert_eq!(id, Some(RequestId::Text("a".into())), "no authentication is configured");
        for payload in [&b""[..], b"are you there?", &[0xff; 125]] {
            client.send(&masked(FIN | PING, payload));
            let pong = client.frame();
            assert_eq!((pong.opcode, &pong.payload[..]), (PONG, payload));
        }
        client.send(&masked(FIN | PONG, b"nobody asked"));
        assert!(client.is_usable());
    }
}

#[test]
fn a_close_is_answered_with_its_own_code() {
    let server = TestServer::start();
    for code in [1000, 1001, 3000, 4321] {
        let mut client = server.client("?symbols=*");
        client.control();
        client.send(&close_frame(code, "enough"));
        assert_eq!(client.frame().close().0, Some(code));
        client.ends();
    }
    let mut client = server.client("");
    client.send(&masked(FIN | CLOSE, b""));
    assert_eq!(client.frame().close().0, None, "no code for no code");
    client.ends();
    server::wait_for("the connections to be gone", || {
        server.metric("tickcast_connections{transport=\"websocket\"}") == 0.0
    });
}
