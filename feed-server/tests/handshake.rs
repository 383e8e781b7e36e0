//! The opening handshake: which format a connection gets, what is refused before the upgrade and how, and that nothing
//! that a client sends right behind its request is lost.

mod server;

use feed_protocol::{Control, Format, Limits, ServerMessage};
use serde_json::json;
use server::client::{Client, KEY, handshake, shake_hands};
use server::frames::{BINARY, FIN, TEXT, masked};
use server::http::{Answer, ask, connect};
use server::{LIMITS, TestServer};

/// Shakes hands with these header lines; returns the answer and, if it is 101, the opcode of the first frame.
fn open(server: &TestServer, path: &str, headers: &[&str]) -> (Answer, Option<u8>) {
    let mut stream = connect(server.address);
    let (answer, early) = shake_hands(&mut stream, handshake(path, headers).as_bytes());
    if answer.status != 101 {
        return (answer, None);
    }
    let opcode = Client::after_handshake(stream, early, Format::Json).frame().opcode;
    (answer, Some(opcode))
}

/// Sends a request for an upgrade as it is.
fn raw(server: &TestServer, request: &str) -> Answer {
    shake_hands(&mut connect(server.address), request.as_bytes()).0
}

#[test]
fn the_format_is_the_clients_first_choice_that_the_server_knows() {
    let server = TestServer::start();
    let (json, msgpack) = (Some("feed.v1.json"), Some("feed.v1.msgpack"));
    let offer = "Sec-WebSocket-Protocol: ";
    for (path, offered, chosen, opcode) in [
        ("/v1/ws", "", None, TEXT),
        ("/v1/ws?format=json", "", None, TEXT),
        ("/v1/ws?format=msgpack", "", None, BINARY),
        ("/v1/ws", "feed.v1.json", json, TEXT),
        ("/v1/ws", "feed.v1.msgpack", msgpack, BINARY),
        ("/v1/ws", "feed.v1.msgpack, feed.v1.json", msgpack, BINARY),
        ("/v1/ws", "feed.v1.json, feed.v1.msgpack", json, TEXT),
        ("/v1/ws", "feed.v9.json,chat , feed.v1.msgpack,feed.v1.json", msgpack, BINARY),
        ("/v1/ws?format=msgpack", "feed.v1.json", json, TEXT),
        ("/v1/ws?format=json", "feed.v1.msgpack", msgpack, BINARY),
    ] {
        let line = format!("{offer}{offered}");
        let headers: &[&str] = if offered.is_empty() { &[] } else { &[&line] };
        let (answer, first) = open(&server, path, headers);
        assert_eq!(answer.status, 101, "{path} {offered}");
        assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{path} {offered}");
        assert_eq!(first, Some(opcode), "{path} {offered}");
    }
    let two_lines = [format!("{offer}chat"), format!("{offer}feed.v1.msgpack")];
    let (answer, first) = open(&server, "/v1/ws", &[&two_lines[0], &two_lines[1]]);
    assert_eq!((answer.header("sec-websocket-protocol"), first), (msgpack, Some(BINARY)));
}

#[test]
fn only_unknown_subprotocols_are_refused() {
    let server = TestServer::start();
    for (path, offered) in [
        ("/v1/ws", "chat"),
        ("/v1/ws", "feed.v2.json, mqtt"),
        ("/v1/ws?format=json", "Feed.V1.Json"),
    ] {
        let (answer, _) = open(&server, path, &[&format!("Sec-WebSocket-Protocol: {offered}")]);
        let (code, detail) = answer.problem(400);
        assert_eq!(code, "bad_request");
        assert!(detail.contains("feed.v1.json") && detail.contains("feed.v1.msgpack"), "{detail}");
    }
}

#[test]
fn a_version_other_than_13_is_told_which_one_there_is() {
    let server = TestServer::start();
    let good = handshake("/v1/ws", &[]);
    for version in ["8", "0", "14", "thirteen"] {
        let request = good.replace("Version: 13", &format!("Version: {version}"));
        let answer = raw(&server, &request);
        assert_eq!(answer.problem(426).0, "bad_request", "{version}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
    let without = raw(&server, &good.replace("Sec-WebSocket-Version: 13\r\n", ""));
    without.problem(426);
    assert_eq!(without.header("sec-websocket-version"), Some("13"));
}

#[test]
fn a_request_that_lacks_what_makes_a_handshake_is_refused() {
    let server = TestServer::start();
    let good = handshake("/v1/ws", &[]);
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    for (lacks, request) in [
        ("key", good.replace(&key, "")),
        ("a short key", good.replace(KEY, "dGhlIHNhbXBsZQ==")),
        ("a key that is no base64", good.replace(KEY, "dGhlIHNhbXBsZSBub25j!!==")),
        ("connection", good.replace("Connection: Upgrade", "Connection: keep-alive")),
        ("the version of HTTP", good.replace("HTTP/1.1", "HTTP/1.0")),
    ] {
        assert_eq!(raw(&server, &request).problem(400).0, "bad_request", "{lacks}");
    }
    let plain = server.get("/v1/ws");
    assert_eq!(plain.problem(426).0, "bad_request");
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    let post = good.replace("GET", "POST");
    assert_eq!(raw(&server, &post).problem(405).0, "bad_request");
    let head = ask(server.address, "HEAD", "/v1/ws", &[]);
    assert_eq!(head.status, 426);
    let upgrade_by_head = raw(&server, &good.replace("GET", "HEAD"));
    assert_eq!(upgrade_by_head.status, 400, "a handshake is a GET (RFC 6455, 4.1)");
    assert!(server.client("").is_usable(), "the server goes on");
}

#[test]
fn header_names_and_tokens_are_taken_in_any_case_and_among_others() {
    let server = TestServer::start();
    let request = handshake("/v1/ws", &[])
        .replace("Connection: Upgrade", "CONNECTION: keep-alive, UPGRADE")
        .replace("Upgrade: websocket", "upgrade: WebSocket");
    assert_eq!(raw(&server, &request).status, 101);
}

#[test]
fn a_bad_query_is_refused_before_the_upgrade() {
    let server = TestServer::start();
    let bad = "bad_request";
    for (query, code, names) in [
        ("symbols=", bad, "symbols"),
        ("symbols=AAPL,ZZZZ,YYYY", "unknown_symbol", "ZZZZ, YYYY"),
        ("symbols=AA%20PL", "unknown_symbol", "AA PL"),
        ("symbols=AAPL&channels=tardes", "unknown_channel", "tardes"),
        ("symbols=AAPL&channels=bars:2s", "unknown_channel", "bars:2s"),
        ("symbols=AAPL&channels=", bad, "channels"),
        ("symbols=AAPL&mode=all", bad, "mode"),
        ("symbols=AAPL&mode=latest&interval_ms=60001", bad, "interval_ms"),
        ("symbols=AAPL&mode=latest&interval_ms=-1", bad, "interval_ms"),
        ("symbols=AAPL&since=nonsense", bad, "since"),
        ("symbols=AAPL&since=", bad, "since"),
        ("symbols=AAPL&snapshot=maybe", bad, "snapshot"),
        ("heartbeat_ms=249", bad, "heartbeat_ms"),
        ("heartbeat_ms=60001", bad, "heartbeat_ms"),
        ("format=xml", bad, "format"),
        ("symbols=%ff", bad, "UTF-8"),
    ] {
        let (answer, _) = open(&server, &format!("/v1/ws?{query}"), &[]);
        let (given, detail) = answer.problem(400);
        assert_eq!(given, code, "{query}: {detail}");
        assert!(detail.contains(names), "{query}: {detail}");
    }
}

#[test]
fn more_symbols_than_a_connection_may_have_are_refused_before_the_upgrade() {
    let server = TestServer::with(|o| o.settings.limits = Limits { symbols: 2, ..LIMITS });
    let (answer, _) = open(&server, "/v1/ws?symbols=AAPL,MSFT,BTC-USD", &[]);
    assert_eq!(answer.problem(400).0, "too_many_symbols");
    assert_eq!(open(&server, "/v1/ws?symbols=AAPL,BTC*", &[]).0.status, 101);
}

#[test]
fn symbols_in_the_query_are_subscribed_at_once() {
    let mut server = TestServer::start();
    let offset = server.trade("BTC-USD", 5);
    let mut client = server.client("?symbols=AAPL,BTC%2A&channels=trades,quotes&mode=latest");
    let subscribed = client.control();
    let Control::Subscribed { id, symbols, channels, cursor, recovered, table, .. } = subscribed
    else {
        panic!("subscribed, not {subscribed:?}")
    };
    assert_eq!((id, recovered, table), (None, None, None));
    assert_eq!(symbols, ["AAPL", "BTC*"], "patterns as patterns");
    assert_eq!(channels, ["trades", "quotes"]);
    assert_eq!(cursor.to_string(), server.cursor(offset));
    assert!(matches!(client.message(), ServerMessage::Data(name, _) if name == "BTC-USD"));
    client.ask(&json!({"op": "list"}));
    let Control::Subscriptions { subscriptions, .. } = client.control() else { panic!("a list") };
    assert_eq!(subscriptions[0].interval_ms, Some(0));
}

#[test]
fn a_subscribe_in_the_same_segment_as_the_handshake_is_carried_out() {
    let mut server = TestServer::start();
    server.trade("AAPL", 18_720);
    let mut request = handshake("/v1/ws", &[]).into_bytes();
    let subscribe = json!({"op": "subscribe", "id": "early", "symbols": ["AAPL"]}).to_string();
    request.extend(masked(FIN | TEXT, subscribe.as_bytes()));
    // And the beginning of a frame that goes on later.
    let list = masked(FIN | TEXT, json!({"op": "list", "id": 7}).to_string().as_bytes());
    request.extend(&list[..9]);
    let mut stream = connect(server.address);
    let (answer, early) = shake_hands(&mut stream, &request);
    assert_eq!(answer.status, 101);
    let mut client = Client::after_handshake(stream, early, Format::Json);
    assert!(matches!(client.control(), Control::Welcome { heartbeat_ms: 5000, .. }));
    assert!(matches!(client.control(), Control::Subscribed { .. }));
    client.data();
    client.send(&list[9..]);
    assert!(matches!(client.control(), Control::Subscriptions { .. }));
}

#[test]
fn an_origin_is_no_hindrance_and_compression_is_declined() {
    let server = TestServer::start();
    let headers = [
        "Origin: https://charts.example",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "Cookie: a=b",
    ];
    let (answer, first) = open(&server, "/v1/ws", &headers);
    assert_eq!((answer.status, first), (101, Some(TEXT)));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    assert_eq!(answer.header("sec-websocket-protocol"), None, "none was offered");
}

#[test]
fn welcome_says_where_the_stream_is_and_what_the_limits_are() {
    let mut server = TestServer::start();
    let head = server.trades("AAPL", 3);
    let mut client =
        Client::opening(connect(server.address), Format::Msgpack, "?heartbeat_ms=60000");
    let Control::Welcome { epoch, offset, heartbeat_ms, limits } = client.control() else {
        panic!("welcome comes first")
    };
    assert_eq!((epoch.as_str(), offset, heartbeat_ms), (server::EPOCH, head, 60_000));
    assert_eq!(limits, LIMITS);
}

#[test]
fn a_connection_too_many_is_told_to_come_back_later() {
    let server = TestServer::with(|o| o.settings.connections_max = 1);
    let mut first = server.client("");
    let (_, reason) = server.client("").closed_with(4103);
    assert!(!reason.is_empty());
    assert!(first.is_usable(), "those who are in stay");
    drop(first);
    server::wait_for("room for another", || {
        server.metric("tickcast_connections{transport=\"websocket\"}") == 0.0
    });
    assert!(server.client("").is_usable());
}
