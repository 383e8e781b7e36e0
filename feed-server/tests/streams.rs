//! `/v1/sse` and `/v1/stream`: the same messages as on a socket, in an endless answer.

mod server;

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use feed_protocol::{Control, Data, ServerMessage};
use feed_server::market::{Market, Retention};
use feed_server::shard::outbox::Sink;
use feed_server::shard::wire::{Transfer, Wire};
use feed_server::shard::{Now, Shard};
use server::brief::brief;
use server::http::{connect, get, read_head};
use server::streams::{Frame, StreamClient};
use server::{EPOCH, LIMITS, PATIENCE, TestServer, quote, trade, wait_for};
use socket2::{Domain, Socket, Type};

type Open = fn(&TestServer, &str) -> StreamClient;

/// Every way to have a stream.
const WAYS: [(&str, Open); 4] = [
    ("sse", |server, query| StreamClient::http1(server.address, &format!("/v1/sse?{query}"), &[])),
    ("stream", |server, query| {
        StreamClient::http1(server.address, &format!("/v1/stream?{query}"), &[])
    }),
    ("sse over HTTP/2", |server, query| {
        StreamClient::http2(server.address, &format!("/v1/sse?{query}"), &[])
    }),
    ("stream over HTTP/2", |server, query| {
        StreamClient::http2(server.address, &format!("/v1/stream?{query}"), &[])
    }),
];

fn open(server: &TestServer, transport: &str) -> f64 {
    server.metric(&format!("tickcast_connections{{transport=\"{transport}\"}}"))
}

#[test]
fn they_begin_like_a_socket_and_ids_are_cursors() {
    let mut server = TestServer::start();
    server.publish(&[("AAPL", trade(18_720)), ("MSFT", trade(1)), ("AAPL", quote(18_720))]);
    for (way, open) in WAYS {
        let at = server.market.head();
        let mut client = open(&server, "symbols=AAPL,BTC*&channels=trades,quotes");
        assert_eq!(client.head.header("x-accel-buffering"), Some("no"), "{way}");
        assert_eq!(client.head.header("cache-control"), Some("no-store"), "{way}");
        assert_eq!(client.head.header("access-control-allow-origin"), Some("*"), "{way}");
        assert!(client.head.header("date").is_some(), "{way}");
        let is_sse = way.starts_with("sse");
        let media_type = if is_sse { "text/event-stream" } else { "application/x-ndjson" };
        assert_eq!(client.head.header("content-type"), Some(media_type), "{way}");
        let [welcome, subscribed, snapshot] = [client.frame(), client.frame(), client.frame()];
        assert_eq!(brief(&welcome.messages), ["welcome"], "{way}");
        assert_eq!(brief(&subscribed.messages), ["subscribed"], "{way}");
        let newest = brief(&snapshot.messages);
        assert_eq!(newest[..2], ["AAPL t1 @1 snap", "AAPL q1 @3 snap"], "{way}");
        assert_eq!((welcome.id, subscribed.id), (None, None), "{way}: nothing was sent yet");
        let id = |offset| is_sse.then(|| format!("{EPOCH}:{offset}"));
        assert_eq!(snapshot.id, id(at), "{way}: all up to the splice point");
        server.publish(&[("MSFT", trade(2)), ("BTC-EUR", trade(5)), ("MSFT", trade(3))]);
        let events = client.frame();
        assert_eq!(events.messages.len(), 1, "{way}");
        // MSFT, which is not its business, may be behind it already.
        let ids = [id(at + 2), id(at + 3)];
        assert!(ids.contains(&events.id), "{way}: {:?}", events.id);
    }
}

#[test]
fn without_a_snapshot_the_answer_to_the_subscription_is_a_cursor() {
    let mut server = TestServer::start();
    server.trade("AAPL", 1);
    let mut client =
        StreamClient::http1(server.address, "/v1/sse?symbols=AAPL&snapshot=false", &[]);
    client.frame();
    assert_eq!(client.frame().id, Some(server.cursor(1)));
}

#[test]
fn the_last_event_id_beats_the_parameters() {
    let mut server = TestServer::start();
    server.trades("AAPL", 10);
    let cursors: Vec<_> = (0..10).map(|offset| server.cursor(offset)).collect();
    let path = |more: &str| format!("/v1/sse?symbols=AAPL{more}");
    let both = format!("&lastEventId={}&since={}", cursors[5], cursors[2]);
    let asks = [
        (path(&both), vec![("Last-Event-ID", cursors[7].as_str())], 3),
        (path(&both), vec![("Last-Event-ID", "")], 5),
        (path(&both), vec![], 5),
        (path(&format!("&since={}", cursors[2])), vec![], 8),
    ];
    for (path, headers, missed) in asks {
        let mut client = StreamClient::http1(server.address, &path, &headers);
        client.frame();
        assert_eq!(brief(&client.frame().messages), ["subscribed recovered"]);
        let messages = client.messages(missed);
        assert_eq!(messages.len(), missed, "{path}");
        assert_eq!(brief(&messages).last().unwrap(), "AAPL t10 @10");
    }
}

#[test]
fn a_cursor_of_another_epoch_gets_a_snapshot() {
    let mut server = TestServer::start();
    server.trades("AAPL", 3);
    let mut client = StreamClient::http1(server.address, "/v1/sse?symbols=AAPL&since=old:7", &[]);
    let frames: Vec<Frame> = (0..3).map(|_| client.frame()).collect();
    assert_eq!(brief(&frames[1].messages), ["subscribed lost"]);
    assert_eq!(brief(&frames[2].messages), ["AAPL t3 @3 snap"]);
    assert_eq!(frames[2].id, Some(server.cursor(3)));
}

/// Numbers of the trades that messages stand for, in order and without a hole.
fn trades(messages: &[ServerMessage], last: &mut u64) {
    for message in messages {
        let (first, n) = match message {
            ServerMessage::Data(_, Data::Trade { n, .. }) => (*n, *n),
            ServerMessage::Data(_, Data::Merged { n0, n, .. }) => (*n0, *n),
            other => panic!("trades, not {other:?}"),
        };
        assert_eq!(first, *last + 1);
        *last = n;
    }
}

#[test]
fn a_slow_client_gets_merged_trades_and_catches_up() {
    const BATCHES: u64 = 60;
    for (way, open) in WAYS {
        let mut server = TestServer::with(|options| options.settings.merge_after_ms = 0);
        let mut client = if way.contains("HTTP/2") {
            open(&server, "symbols=AAPL")
        } else {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_recv_buffer_size(2048).unwrap();
            socket.connect(&server.address.into()).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            StreamClient::over(socket.into(), &format!("/v1/{way}?symbols=AAPL"), &[])
        };
        client.messages(2);
        for _ in 0..BATCHES {
            server.trades("AAPL", 1000);
            server.pass(300_000);
        }
        let (mut last, mut messages) = (0, 0);
        while last < BATCHES * 1000 {
            let batch = client.batch().messages;
            messages += batch.len();
            trades(&batch, &mut last);
        }
        let merged = server.metric("tickcast_merged_events_total");
        assert!(merged > 1000.0, "{way}: {merged} were merged away");
        assert_eq!(messages as f64, 60_000.0 - merged, "{way}: nothing else is missing");
        server.trade("AAPL", 7);
        assert_eq!(brief(&client.batch().messages), ["AAPL t60001 @60001"], "{way}");
    }
}

#[test]
fn a_goodbye_ends_them_as_http_wants() {
    for (way, open) in WAYS {
        let mut server = TestServer::start();
        server.trade("AAPL", 1);
        let mut client = open(&server, "symbols=AAPL");
        assert_eq!(client.messages(3).len(), 3);
        let running = server.server.take().unwrap();
        let draining = std::thread::spawn(move || running.drain(500..501, PATIENCE));
        let bye = client.frame();
        let [ServerMessage::Control(Control::Bye { code: 1012, retry_ms: 500, cursor })] =
            &bye.messages[..]
        else {
            panic!("{way}: {bye:?}")
        };
        assert_eq!(cursor.to_string(), server.cursor(1), "{way}");
        if way.starts_with("sse") {
            assert_eq!((bye.id, bye.retry_ms), (Some(server.cursor(1)), Some(500)), "{way}");
        }
        client.ends();
        drop(client);
        assert!(draining.join().unwrap(), "{way}: all are gone in time");
    }
}

#[test]
fn clients_that_vanish_are_noticed() {
    let server = TestServer::start();
    let clients: Vec<_> = WAYS.map(|(_, open)| open(&server, "symbols=*")).into();
    assert_eq!((open(&server, "sse"), open(&server, "stream")), (2.0, 2.0));
    drop(clients);
    wait_for("their ends", || open(&server, "sse") + open(&server, "stream") == 0.0);
    wait_for("their sockets", || server.metric("tickcast_sockets") == 0.0);
}

#[test]
fn one_too_many_is_told_when_to_come_back() {
    let server = TestServer::with(|options| options.settings.connections_max = 1);
    let _first = StreamClient::http1(server.address, "/v1/sse?symbols=*", &[]);
    let cursor = server.cursor(0);
    for path in ["sse?", "stream?", &format!("long-poll?since={cursor}&")] {
        let answer = server.get(&format!("/v1/{path}symbols=*"));
        assert_eq!(answer.problem(503).0, "rate_limited");
        assert_eq!(answer.header("retry-after"), Some("5"));
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, Some("etag, retry-after"), "a page may read when to come back");
    }
}

#[test]
fn nonsense_is_refused_before_the_stream_begins() {
    let server = TestServer::start();
    for path in ["sse", "stream", "long-poll", "poll"] {
        for (query, code) in [
            ("", "bad_request"),
            ("symbols=*&since=nonsense", "bad_request"),
            ("symbols=*&since=9f2c:-1", "bad_request"),
            ("symbols=*&since=", "bad_request"),
            ("symbols=*&format=msgpack", "bad_request"),
            ("symbols=*&heartbeat_ms=1", "bad_request"),
            ("symbols=*&interval_ms=60001", "bad_request"),
            ("symbols=ZZZZ", "unknown_symbol"),
            ("symbols=*&channels=tardes", "unknown_channel"),
        ] {
            let answer = server.get(&format!("/v1/{path}?{query}"));
            assert_eq!(answer.problem(400).0, code, "{path}?{query}");
        }
    }
    let header = [("Last-Event-ID", "nonsense")];
    let answer = get(server.address, "/v1/sse?symbols=*", &header);
    let (code, detail) = answer.problem(400);
    assert_eq!(code, "bad_request");
    assert!(detail.contains("Last-Event-ID"), "{detail}");
    for path in ["sse", "stream"] {
        let many = server.get(&format!("/v1/{path}?symbols=AAPL,MSFT,BTC-USD,BTC-EUR,A*,B*"));
        assert_eq!(many.problem(400).0, "too_many_symbols");
    }
}

#[test]
fn what_was_asked_before_is_answered_before() {
    let mut server = TestServer::start();
    server.trade("AAPL", 18_720);
    let mut stream = connect(server.address);
    let first = "GET /v1/symbols HTTP/1.1\r\nHost: a\r\n\r\n";
    let second = "GET /v1/stream?symbols=AAPL&heartbeat_ms=0 HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all([first, second].concat().as_bytes()).unwrap();
    let (symbols, mut rest) = read_head(&mut stream);
    let length: usize = symbols.header("content-length").unwrap().parse().unwrap();
    let wanted = ["\r\ntransfer-encoding: chunked\r\n", "\"snap\":1}]\n"];
    loop {
        let text = String::from_utf8_lossy(&rest).into_owned();
        if text.len() > length && wanted.iter().all(|wanted| text.contains(wanted)) {
            assert!(text.starts_with("[{") && text[length..].starts_with("HTTP/1.1 200 OK\r\n"));
            return;
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("both answers in time");
        assert!(count > 0, "both answers, not {text}");
        rest.extend(&buffer[..count]);
    }
}

#[test]
fn http_1_0_gets_a_plain_body() {
    let mut server = TestServer::start();
    server.trade("AAPL", 18_720);
    let mut stream = connect(server.address);
    stream.write_all(b"GET /v1/stream?symbols=AAPL HTTP/1.0\r\n\r\n").unwrap();
    let (head, mut body) = read_head(&mut stream);
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    while !String::from_utf8_lossy(&body).ends_with("\"snap\":1}]\n") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("the snapshot in time");
        assert!(count > 0);
        body.extend(&buffer[..count]);
    }
    assert!(body.starts_with(b"[{\"T\":\"welcome\""));
}

/// Takes everything, or nothing.
#[derive(Clone, Default)]
struct Memory(Arc<std::sync::Mutex<(Vec<u8>, bool)>>);

impl Sink for Memory {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        if state.1 {
            return Ok(0);
        }
        state.0.extend(bytes);
        Ok(bytes.len())
    }

    fn want_writable(&mut self) {}
}

#[test]
fn a_quiet_stream_gives_a_sign_of_life_at_least_every_15_seconds() {
    const SECOND_US: u64 = 1_000_000;
    let at = |s: u64| Now { wall_us: (s * SECOND_US) as i64, clock_us: s * SECOND_US };
    for (wire, sign) in [
        (Wire::Sse(Transfer::Plain), ":\n\n"),
        (Wire::Sse(Transfer::Chunked), "3\r\n:\n\n\r\n"),
        (Wire::Lines(Transfer::Plain), "[]\n"),
        (Wire::Lines(Transfer::Chunked), "3\r\n[]\n\r\n"),
    ] {
        let market =
            Market::new(server::universe(), "e", Retention { events: 10, bar_bytes: 1 << 20 });
        let mut shard = Shard::new(market, LIMITS, Arc::default(), 1);
        let sink = Memory::default();
        shard.connect(sink.clone(), wire, 0, at(1));
        let mut seen_at = vec![1];
        sink.0.lock().unwrap().0.clear();
        for second in 2..=100 {
            shard.tick(at(second));
            let mut state = sink.0.lock().unwrap();
            if !state.0.is_empty() {
                assert_eq!(std::str::from_utf8(&state.0).unwrap(), sign);
                state.0.clear();
                seen_at.push(second);
            }
        }
        assert!(100 - seen_at.last().unwrap() <= 15, "{seen_at:?}");
        assert!(seen_at.windows(2).all(|pair| pair[1] - pair[0] <= 15), "{seen_at:?}");
        // One that takes nothing is not heaped with signs.
        let id = shard.connect(sink.clone(), wire, 1000, at(100));
        sink.0.lock().unwrap().1 = true;
        (101..200).for_each(|second| shard.tick(at(second)));
        assert!(shard.is_blocked(id));
        sink.0.lock().unwrap().1 = false;
        sink.0.lock().unwrap().0.clear();
        shard.writable(id, at(200));
        let bytes = sink.0.lock().unwrap().0.len();
        assert!(bytes < 600, "{bytes} bytes: one heartbeat, not a hundred");
    }
}

#[test]
fn the_head_alone_can_be_asked_for() {
    let server = TestServer::start();
    let mut stream = connect(server.address);
    let request = "HEAD /v1/sse?symbols=* HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let (head, rest) = read_head(&mut stream);
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert!(rest.is_empty());
    let mut end = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    match stream.read_to_end(&mut end) {
        Ok(_) => assert!(end.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}
