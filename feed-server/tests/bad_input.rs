//! What clients must not send, and what becomes of it: a bad request is answered with an error and the connection stays,
//! a broken frame ends it with the code that the contract gives.

mod server;

use feed_protocol::{Control, ErrorCode, Format, Limits, RequestId, ServerMessage};
use serde_json::{Value, json};
use server::client::Client;
use server::frames::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, close_frame, head, masked,
};
use server::{LIMITS, TestServer};

/// The error that comes next.
fn error(client: &mut Client) -> (Option<RequestId>, ErrorCode, String) {
    match client.control() {
        Control::Error { id, code, msg } => (id, code, msg),
        other => panic!("an error, not {other:?}"),
    }
}

/// What the connection is subscribed to, as `list` tells it.
fn listed(client: &mut Client) -> Vec<String> {
    client.ask(&json!({"op": "list"}));
    let Control::Subscriptions { subscriptions, .. } = client.control() else { panic!("a list") };
    subscriptions.into_iter().flat_map(|subscription| subscription.symbols).collect()
}

fn a_list_of(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("NO-{number}")).collect()
}

/// Requests that are well-formed in either format: (request, code, what the message must name).
fn bad_requests() -> Vec<(Value, ErrorCode, &'static str)> {
    use ErrorCode::{BadRequest, UnknownChannel, UnknownOp, UnknownSymbol};
    let subscribe = |key: &str, value: Value| {
        let mut request = json!({"op": "subscribe", "symbols": ["AAPL"]});
        request[key] = value;
        request
    };
    vec![
        (json!([]), BadRequest, "object"),
        (json!("subscribe"), BadRequest, "object"),
        (json!(5), BadRequest, "object"),
        (json!(null), BadRequest, "object"),
        (json!({}), BadRequest, "op"),
        (json!({"op": 5}), BadRequest, "op"),
        (json!({"op": "subscirbe"}), UnknownOp, "subscirbe"),
        (json!({"op": "Subscribe", "symbols": ["AAPL"]}), UnknownOp, "Subscribe"),
        (json!({"op": "subscribe"}), BadRequest, "symbols"),
        (subscribe("symbols", json!([])), BadRequest, "symbols"),
        (subscribe("symbols", json!("AAPL")), BadRequest, "symbols"),
        (subscribe("symbols", json!(["AAPL", 1])), BadRequest, "symbols"),
        (subscribe("symbols", json!(["AAPL", "ZZZZ", "YYYY"])), UnknownSymbol, "ZZZZ, YYYY"),
        (subscribe("symbols", json!(["aapl"])), UnknownSymbol, "aapl"),
        (subscribe("symbols", json!([""])), UnknownSymbol, "symbol"),
        (subscribe("symbols", json!(["A*L"])), UnknownSymbol, "A*L"),
        (subscribe("symbols", json!(["**"])), UnknownSymbol, "**"),
        (subscribe("symbols", json!(a_list_of(100))), UnknownSymbol, "and 90 more"),
        (subscribe("channels", json!([])), BadRequest, "channels"),
        (subscribe("channels", json!("trades")), BadRequest, "channels"),
        (subscribe("channels", json!(["trades", "tardes"])), UnknownChannel, "tardes"),
        (subscribe("channels", json!(["bars"])), UnknownChannel, "bars"),
        (subscribe("mode", json!("all")), BadRequest, "mode"),
        (subscribe("mode", json!(1)), BadRequest, "mode"),
        (subscribe("interval_ms", json!(60_001)), BadRequest, "interval_ms"),
        (subscribe("interval_ms", json!(-1)), BadRequest, "interval_ms"),
        (subscribe("interval_ms", json!(2.5)), BadRequest, "interval_ms"),
        (subscribe("interval_ms", json!("250")), BadRequest, "interval_ms"),
        (subscribe("snapshot", json!("yes")), BadRequest, "snapshot"),
        (subscribe("on_slow", json!("drop")), BadRequest, "on_slow"),
        (subscribe("since", json!("nonsense")), BadRequest, "since"),
        (subscribe("since", json!("9f2c:")), BadRequest, "since"),
        (subscribe("since", json!("9f2c:-1")), BadRequest, "since"),
        (subscribe("since", json!("9f2c:18446744073709551616")), BadRequest, "since"),
        (subscribe("since", json!(5)), BadRequest, "since"),
        (json!({"op": "unsubscribe"}), BadRequest, "symbols"),
        (json!({"op": "unsubscribe", "symbols": ["AAPL"], "channels": 1}), BadRequest, "channels"),
        (json!({"op": "auth"}), BadRequest, "token"),
        (json!({"op": "auth", "token": 1}), BadRequest, "token"),
    ]
}

#[test]
fn a_bad_request_gets_its_error_and_leaves_no_trace() {
    let mut server = TestServer::start();
    server.trade("AAPL", 1);
    for format in Format::ALL {
        let mut client = server.client_as(format, "?symbols=MSFT&snapshot=false");
        client.control();
        for (mut request, code, names) in bad_requests() {
            let id = request.is_object().then(|| RequestId::Text("ä-1".into()));
            if request.is_object() {
                request["id"] = json!("ä-1");
            }
            client.ask(&request);
            let (echoed, given, message) = error(&mut client);
            assert_eq!((echoed, given), (id, code), "{format:?} {request}: {message}");
            assert!(message.contains(names), "{format:?} {request}: {message}");
        }
        assert_eq!(listed(&mut client), ["MSFT"], "none of a bad request's symbols is taken");
        server.trade("AAPL", 2);
        assert!(client.is_usable(), "nor are its events");
        server.trade("MSFT", 2);
        assert_eq!(client.sync().len(), 1, "and the connection is as it was");
    }
}

#[test]
fn text_that_is_no_json_is_answered() {
    let server = TestServer::start();
    let mut client = server.client("");
    let deep = "[".repeat(4000);
    let huge = format!("{{\"op\":\"ping\",\"id\":1{}}}", "0".repeat(400));
    for text in ["", "{", "{\"op\":", "nonsense", "{\"op\":\"list\"}{}", "\u{0}", &deep, &huge] {
        client.send(&masked(FIN | TEXT, text.as_bytes()));
        let (id, code, message) = error(&mut client);
        assert_eq!((id, code), (None, ErrorCode::BadRequest), "{text}: {message}");
    }
    assert!(client.is_usable());
}

#[test]
fn bytes_that_are_no_messagepack_are_answered() {
    let server = TestServer::start();
    let mut client = server.client_as(Format::Msgpack, "");
    let list = rmp_serde::to_vec_named(&json!({"op": "list"})).unwrap();
    let two = [list.clone(), list.clone()].concat();
    let deep = vec![0x91; 4000];
    for bytes in [
        &b""[..],
        &[0xc1],
        &list[..list.len() - 1],
        &two,
        b"{\"op\":\"list\"}",
        // A map and an array that claim 2^32 - 1 members, a key that is no string, a string that is not UTF-8.
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdb, 0xff, 0xff, 0xff, 0xff, b'a'],
        &[0x81, 0x01, 0x01],
        &[0x81, 0xa2, b'o', b'p', 0xa1, 0xff],
        &deep,
    ] {
        client.send(&masked(FIN | BINARY, bytes));
        let (id, code, message) = error(&mut client);
        assert_eq!((id, code), (None, ErrorCode::BadRequest), "{bytes:x?}: {message}");
    }
    assert!(client.is_usable());
}

#[test]
fn ids_are_echoed_as_they_came_and_only_if_they_may_be_ids() {
    let server = TestServer::start();
    let (longest, too_long) = ("ä".repeat(64), "a".repeat(65));
    for format in Format::ALL {
        let mut client = server.client_as(format, "");
        for id in [
            json!(0),
            json!(-7),
            json!(i64::MIN),
            json!(u64::MAX),
            json!(""),
            json!("12"),
            json!(&longest),
        ] {
            client.ask(&json!({"op": "ping", "id": id}));
            let Control::Pong { id: echoed, .. } = client.control() else { panic!("a pong") };
            assert_eq!(json!(echoed), id);
            client.ask(&json!({"op": "?", "id": id}));
            assert_eq!(json!(error(&mut client).0), id, "an error echoes it too");
        }
        for id in [json!(1.5), json!(&too_long), json!([1]), json!({}), json!(true)] {
            client.ask(&json!({"op": "ping", "id": id}));
            let (echoed, code, message) = error(&mut client);
            assert_eq!((echoed, code), (None, ErrorCode::BadRequest), "{id}");
            assert!(message.contains("id"), "{message}");
        }
        client.ask(&json!({"op": "ping"}));
        assert!(matches!(client.control(), Control::Pong { id: None, .. }));
        client.ask(&json!({"op": "ping", "id": 1, "colour": "blue", "x": [{}]}));
        assert!(matches!(client.control(), Control::Pong { .. }), "unknown keys are ignored");
    }
}

#[test]
fn a_pattern_that_matches_nothing_and_a_name_that_is_not_held_are_no_errors() {
    let server = TestServer::start();
    for format in Format::ALL {
        let mut client = server.client_as(format, "");
        let answers = client.subscribe("ZZ*", json!({"id": 1}));
        assert!(
            matches!(
                &answers[..],
                [ServerMessage::Control(Control::Subscribed { symbols, .. })] if *symbols == ["ZZ*"]
            ),
            "{answers:?}"
        );
        client.ask(&json!({"op": "unsubscribe", "id": 2, "symbols": ["MSFT", "NOSUCH", "Q*"]}));
        let Control::Unsubscribed { id, symbols, channels } = client.control() else {
            panic!("unsubscribed")
        };
        assert_eq!(id, Some(RequestId::Integer(2)));
        assert_eq!(symbols, ["MSFT", "NOSUCH", "Q*"]);
        assert_eq!(channels.len(), 10, "all of them: {channels:?}");
        assert_eq!(listed(&mut client), ["ZZ*"]);
    }
}

/// A client after it has sent `bytes`, which the server is to answer with a close.
fn closed_after(server: &TestServer, format: Format, bytes: &[u8], code: u16) {
    let mut client = server.client_as(format, "?symbols=AAPL&snapshot=false");
    client.control();
    client.send_regardless(bytes);
    let (before, reason) = client.closed_with(code);
    assert!(before.is_empty(), "{before:?} before {code} {reason}");
}

#[test]
fn the_wrong_kind_of_frame_is_1003() {
    let server = TestServer::start();
    let list = json!({"op": "list"});
    let packed = rmp_serde::to_vec_named(&list).unwrap();
    closed_after(&server, Format::Json, &masked(FIN | BINARY, &packed), 1003);
    closed_after(&server, Format::Json, &masked(FIN | BINARY, list.to_string().as_bytes()), 1003);
    closed_after(&server, Format::Msgpack, &masked(FIN | TEXT, list.to_string().as_bytes()), 1003);
}

#[test]
#[allow(clippy::print_stdout, reason = "names the row at fault, and is shown only then")]
fn broken_frames_are_1002() {
    let server = TestServer::start();
    let mut unmasked = vec![FIN | TEXT, 13];
    unmasked.extend(b"{\"op\":\"list\"}");
    let begun = masked(TEXT, b"{");
    let mut rows: Vec<(&str, Vec<u8>)> = vec![
        ("unmasked text", unmasked),
        ("unmasked ping", vec![FIN | PING, 0]),
        ("stray continuation", masked(FIN | CONTINUATION, b"{}")),
        ("a message within a message", [&begun[..], &masked(FIN | TEXT, b"{}")].concat()),
        ("a fragmented ping", masked(PING, b"")),
        ("a long ping", masked(FIN | PING, &[b'a'; 126])),
        ("a close of one byte", masked(FIN | CLOSE, &[3])),
        ("a close with 1005", close_frame(1005, "")),
        ("a close with 1006", close_frame(1006, "")),
        ("a close with 999", close_frame(999, "")),
        ("a close with 5000", close_frame(5000, "")),
        ("a length that is not the shortest", vec![FIN | TEXT, 0xfe, 0, 5, 0, 0, 0, 0]),
        ("a length of 2^63", vec![FIN | TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for bit in [0x10, 0x20, 0x40] {
        rows.push(("a reserved bit", masked(FIN | bit | TEXT, b"{}")));
    }
    for opcode in [3, 7, 0xb, 0xf] {
        rows.push(("a reserved opcode", masked(FIN | opcode, b"")));
    }
    for (what, bytes) in rows {
        println!("{what}");
        closed_after(&server, Format::Json, &bytes, 1002);
    }
    assert!(server.metric("tickcast_connections_closed_total{code=\"1002\"}") >= 20.0);
}

#[test]
fn text_that_is_not_utf8_is_1007() {
    let server = TestServer::start();
    let good = "{\"op\":\"ping\",\"id\":\"\u{10348}\"}".as_bytes();
    let mut halves = masked(TEXT, &good[..20]);
    halves.extend(masked(FIN | CONTINUATION, &good[20..]));
    let mut client = server.client("");
    client.send(&halves);
    assert!(matches!(client.control(), Control::Pong { .. }), "a character over two fragments");
    let mut surrogate = good.to_vec();
    surrogate.splice(19..23, [0xed, 0xa0, 0x80]);
    let bytes = masked(FIN | TEXT, &surrogate);
    closed_after(&server, Format::Json, &bytes, 1007);
    closed_after(&server, Format::Json, &masked(FIN | TEXT, b"\"\xff\""), 1007);
    closed_after(&server, Format::Msgpack, &masked(FIN | TEXT, b"\xff"), 1007);
    let cut_short = [masked(TEXT, b"\"\xe2\x82"), masked(FIN | CONTINUATION, b"")].concat();
    closed_after(&server, Format::Json, &cut_short, 1007);
    let reason = [&1000u16.to_be_bytes()[..], b"\xff"].concat();
    closed_after(&server, Format::Json, &masked(FIN | CLOSE, &reason), 1007);
}

#[test]
fn a_message_too_big_is_1009_as_soon_as_its_header_says_so() {
    let server = TestServer::start();
    let most = u64::from(LIMITS.message_bytes);
    for length in [most + 1, 1 << 16, 1 << 40, (1 << 63) - 1] {
        // Not a byte of the payload is sent.
        closed_after(&server, Format::Json, &head(FIN | TEXT, length), 1009);
        closed_after(&server, Format::Msgpack, &head(BINARY, length), 1009);
    }
    let half = most / 2;
    let mut parts = masked(TEXT, &vec![b' '; half as usize]);
    parts.extend(masked(CONTINUATION, &vec![b' '; half as usize]));
    parts.extend(head(FIN | CONTINUATION, 1));
    closed_after(&server, Format::Json, &parts, 1009);

    let mut client = server.client("");
    let mut longest = json!({"op": "ping", "id": 1}).to_string();
    longest += &" ".repeat(most as usize - longest.len());
    client.send(&masked(FIN | TEXT, longest.as_bytes()));
    assert!(matches!(client.control(), Control::Pong { .. }), "the limit itself is allowed");
}

#[test]
fn fragments_without_end_are_cut_off() {
    let server = TestServer::start();
    let mut client = server.client("");
    let request = json!({"op": "ping", "id": 1}).to_string();
    let bytes = request.as_bytes();
    client.send(&masked(TEXT, &bytes[..1]));
    for byte in &bytes[1..] {
        client.send(&masked(CONTINUATION, &[*byte]));
        client.send(&masked(FIN | PING, &[*byte]));
        let pong = client.frame();
        assert_eq!((pong.opcode, pong.payload), (PONG, vec![*byte]), "pings pass in between");
    }
    client.send(&masked(FIN | CONTINUATION, b""));
    assert!(matches!(client.control(), Control::Pong { .. }), "many fragments are fine");
    client.send(&masked(TEXT, b""));
    client.send_regardless(&masked(CONTINUATION, b"").repeat(5000));
    client.closed_with(1008);
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = TestServer::start();
    let mut client = server.client("");
    for byte in client.encode(&json!({"op": "list", "id": 1})) {
        client.send(&[byte]);
    }
    assert!(matches!(client.control(), Control::Subscriptions { .. }));
}

#[test]
fn names_beyond_the_limit_are_refused_and_those_held_stay() {
    let server =
        TestServer::with(|options| options.settings.limits = Limits { symbols: 2, ..LIMITS });
    for format in Format::ALL {
        let mut client = server.client_as(format, "");
        client.ask(&json!({"op": "subscribe", "id": 1, "symbols": ["AAPL", "MSFT", "BTC*"]}));
        let (id, code, message) = error(&mut client);
        assert_eq!((id, code), (Some(RequestId::Integer(1)), ErrorCode::TooManySymbols));
        assert!(message.contains('3') && message.contains('2'), "{message}");
        assert!(listed(&mut client).is_empty());
        client.subscribe("AAPL", json!({}));
        client.subscribe("*", json!({}));
        assert_eq!(listed(&mut client), ["*"], "the newest that names a symbol has it");
        let quotes = json!(["quotes"]);
        client.ask(&json!({"op": "subscribe", "symbols": ["BTC*", "MSFT"], "channels": quotes}));
        assert_eq!(error(&mut client).1, ErrorCode::TooManySymbols);
        assert_eq!(listed(&mut client), ["*"]);
        client.subscribe("AAPL,AAPL,AAPL", json!({"channels": ["status"]}));
        assert!(client.is_usable());
    }
}

#[test]
fn too_many_requests_are_refused_and_then_closed() {
    let limits = Limits { messages_per_s: 20, ..LIMITS };
    let server = TestServer::with(|options| options.settings.limits = limits);
    let mut client = server.client("?symbols=AAPL");
    client.control();
    let many: Vec<u8> =
        (0..80).flat_map(|id| client.encode(&json!({"op": "list", "id": id}))).collect();
    client.send(&many);
    let mut refused = 0;
    for id in 0..80 {
        match client.control() {
            Control::Subscriptions { .. } => {}
            Control::Error { id: echoed, code: ErrorCode::RateLimited, msg } => {
                assert_eq!(echoed, Some(RequestId::Integer(id)));
                assert!(msg.contains("20"), "{msg}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((20..=60).contains(&refused), "{refused} of 80 refused at 20 a second");
    // Whoever waits is served again; whoever goes on is closed.
    server::wait_for("a request to be carried out again", || {
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        client.ask(&json!({"op": "list"}));
        matches!(client.control(), Control::Subscriptions { .. })
    });
    let frame = client.encode(&json!({"op": "list"}));
    client.send_regardless(&frame.repeat(400));
    let (before, _) = client.closed_with(4100);
    let is_error = |message: &&ServerMessage| {
        matches!(
            message,
            ServerMessage::Control(Control::Error { code: ErrorCode::RateLimited, .. })
        )
    };
    assert!(before.iter().filter(is_error).count() >= 10, "errors come first");
}
