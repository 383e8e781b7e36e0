//! `/v1/long-poll`: the answer of a poll, once there is something to answer; and pages of other origins.

mod server;

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use feed_protocol::{Format, SymbolTable, decode_frame};
use server::brief::brief;
use server::http::{Answer, ask, connect, get, read_head};
use server::http2::Http2;
use server::{PATIENCE, TestServer, halted, quote, trade, wait_for};

const SECOND: i64 = 1_000_000;

fn messages(answer: &Answer) -> Vec<String> {
    let frame = answer.json()["messages"].to_string();
    let messages = decode_frame(Format::Json, frame.as_bytes(), &mut SymbolTable::default());
    brief(&messages.unwrap())
}

/// Asks in a thread of its own, and waits until the server has it waiting.
fn waiting(server: &TestServer, query: &str, over_http2: bool) -> JoinHandle<Answer> {
    let before = waiters(server);
    let (address, path) = (server.address, format!("/v1/long-poll?{query}"));
    let asking = thread::spawn(move || {
        if over_http2 { Http2::connect(address).get(&path, &[]) } else { get(address, &path, &[]) }
    });
    wait_for("the question to wait", || waiters(server) > before || asking.is_finished());
    assert!(!asking.is_finished(), "it waits: {query}");
    asking
}

fn waiters(server: &TestServer) -> f64 {
    server.metric("tickcast_connections{transport=\"long_poll\"}")
}

#[test]
fn it_waits_for_what_was_asked_for_and_nothing_else() {
    for over_http2 in [false, true] {
        let mut server = TestServer::start();
        let start = server.publish(&[("AAPL", trade(1)), ("MSFT", trade(1))]);
        let query = format!("symbols=AAPL,BTC*&channels=trades&since={}", server.cursor(start));
        let asking = waiting(&server, &query, over_http2);
        server.publish(&[("MSFT", trade(2)), ("AAPL", quote(3)), ("AAPL", halted())]);
        assert!(!asking.is_finished(), "none of these is its business");
        let woken = Instant::now();
        server.publish(&[("BTC-EUR", trade(7)), ("AAPL", trade(8))]);
        let answer = asking.join().unwrap();
        assert!(woken.elapsed() < Duration::from_secs(2), "at once");
        assert_eq!(messages(&answer), ["BTC-EUR t1 @6", "AAPL t2 @7"]);
        let body = answer.json();
        assert_eq!((&body["recovered"], &body["more"]), (&true.into(), &false.into()));
        assert_eq!(body["cursor"], server.cursor(7));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(waiters(&server), 0.0);
    }
}

#[test]
fn what_is_there_already_is_answered_at_once() {
    let mut server = TestServer::start();
    server.trades("AAPL", 3);
    let since = |offset| format!("/v1/long-poll?symbols=AAPL&since={}", server.cursor(offset));
    assert_eq!(messages(&server.get(&since(1))), ["AAPL t2 @2", "AAPL t3 @3"]);
    assert_eq!(messages(&server.get("/v1/long-poll?symbols=AAPL")), ["AAPL t3 @3 snap"]);
    let other_epoch = server.get("/v1/long-poll?symbols=AAPL&since=old:1");
    assert_eq!(other_epoch.json()["recovered"], false);
    assert_eq!(messages(&other_epoch), ["AAPL t3 @3 snap"]);
    let page = server.get(&format!("{}&limit=1", since(1)));
    assert_eq!((messages(&page).len(), &page.json()["more"]), (1, &true.into()));
}

#[test]
fn it_gives_up_when_its_time_is_over() {
    let mut server = TestServer::start();
    let start = server.trade("AAPL", 1);
    let begin = Instant::now();
    let query = format!("symbols=AAPL&since={}&wait_ms=150", server.cursor(start));
    let answer = server.get(&format!("/v1/long-poll?{query}"));
    assert!(begin.elapsed() >= Duration::from_millis(150));
    assert!(messages(&answer).is_empty());
    assert_eq!(answer.json()["cursor"], server.cursor(start));
    for wrong in ["wait_ms=55001", "wait_ms=-1", "wait_ms=soon"] {
        let (code, detail) =
            server.get(&format!("/v1/long-poll?symbols=AAPL&{wrong}")).problem(400);
        assert_eq!(code, "bad_request");
        assert!(detail.contains("wait_ms"), "{detail}");
    }
}

#[test]
fn a_change_of_a_bar_and_its_end_are_news() {
    let mut server = TestServer::start();
    let start = server.trade("AAPL", 1000);
    let query = |offset| format!("symbols=AAPL&channels=bars:1s&since={}", server_cursor(offset));
    let asking = waiting(&server, &query(start), false);
    server.trade("MSFT", 1);
    assert!(!asking.is_finished(), "another symbol's bar");
    let traded = server.trade("AAPL", 1001);
    assert_eq!(messages(&asking.join().unwrap()), ["AAPL b1s 2"]);
    let asking = waiting(&server, &query(traded), false);
    server.pass(2 * SECOND);
    assert_eq!(messages(&asking.join().unwrap()), ["AAPL b1s 2 final"]);
}

fn server_cursor(offset: u64) -> String {
    format!("{}:{offset}", server::EPOCH)
}

#[test]
fn a_client_that_leaves_is_forgotten() {
    use std::io::Write;
    let mut server = TestServer::start();
    let start = server.trade("AAPL", 1);
    let mut stream = connect(server.address);
    let path = format!("/v1/long-poll?symbols=*&since={}", server.cursor(start));
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    wait_for("it to wait", || waiters(&server) == 1.0);
    drop(stream);
    wait_for("its end to be noticed", || waiters(&server) == 0.0);
    assert_eq!(server.metric("tickcast_audiences"), 0.0);
}

#[test]
fn those_who_wait_are_answered_when_the_server_stops() {
    let mut server = TestServer::start();
    let start = server.trade("AAPL", 1);
    let query = format!("symbols=AAPL&since={}", server.cursor(start));
    let asking = [false, true].map(|over_http2| waiting(&server, &query, over_http2));
    let running = server.server.take().unwrap();
    let draining = thread::spawn(move || running.drain(500..501, PATIENCE));
    for asking in asking {
        assert!(messages(&asking.join().unwrap()).is_empty());
    }
    assert!(draining.join().unwrap());
}

#[test]
fn pages_of_other_origins_may_read_the_data() {
    let server = TestServer::start();
    let origin = [("Origin", "https://charts.example")];
    for path in
        ["/v1/poll?symbols=*", "/v1/symbols", "/v1/bars?symbol=AAPL&interval=1s", "/v1/poll"]
    {
        let answer = get(server.address, path, &origin);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("access-control-expose-headers"), Some("etag"), "{path}");
    }
    assert_eq!(get(server.address, "/", &origin).header("access-control-allow-origin"), None);
    let asked = [origin[0], ("Access-Control-Request-Headers", "last-event-id")];
    let preflight = ask(server.address, "OPTIONS", "/v1/sse", &asked);
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("last-event-id"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD"));
}

#[test]
fn a_connection_outlives_a_long_silence_between_two_questions() {
    use std::io::Write;
    let server = TestServer::start();
    let mut stream = connect(server.address);
    let request = "GET /v1/poll?symbols=AAPL HTTP/1.1\r\nHost: a\r\n\r\n";
    for pause_s in [0, 11] {
        // Longer than the patience with a client that says nothing at all.
        thread::park_timeout(Duration::from_secs(pause_s));
        stream.write_all(request.as_bytes()).unwrap();
        let (head, _) = read_head(&mut stream);
        assert_eq!(head.status, 200);
    }
}

#[test]
fn a_cursor_that_recovers_nothing_is_told_at_once_even_of_quiet_symbols() {
    let mut server = TestServer::start();
    server.publish(&[("MSFT", trade(1))]);
    for since in ["other:1", "9f2c:99"] {
        let asked = Instant::now();
        let answer = server.get(&format!("/v1/long-poll?symbols=AAPL&wait_ms=20000&since={since}"));
        assert!(asked.elapsed() < Duration::from_secs(10), "{since} waited");
        let body = answer.json();
        assert_eq!((&body["recovered"], messages(&answer)), (&false.into(), vec![]), "{since}");
        assert_eq!(body["cursor"], server.cursor(1), "from which it can go on");
    }
}
