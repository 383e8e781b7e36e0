//! Polls, symbols, bars, pages and the admin listener, as HTTP clients see them.

mod server;

use std::collections::BTreeMap;

use feed_protocol::{Data, Format, ServerMessage, SymbolTable, decode_frame};
use serde_json::{Value, json};
use server::brief::brief;
use server::http::{Answer, ask, get};
use server::{PATIENCE, TestServer, halted, quote, trade};

const SECOND: i64 = 1_000_000;

/// The messages of a poll in brief.
fn messages(body: &Value) -> Vec<String> {
    let frame = body["messages"].to_string();
    let messages = decode_frame(Format::Json, frame.as_bytes(), &mut SymbolTable::default());
    brief(&messages.unwrap())
}

fn poll(server: &TestServer, query: &str) -> Value {
    server.get(&format!("/v1/poll?{query}")).json()
}

#[test]
fn a_poll_without_a_cursor_gives_the_newest_of_each_symbol() {
    let mut server = TestServer::start();
    let nothing = poll(&server, "symbols=*");
    assert_eq!(nothing, json!({"cursor": "9f2c:0", "messages": [], "more": false}));
    server.publish(&[("AAPL", trade(18_720)), ("MSFT", trade(1)), ("AAPL", quote(18_720))]);
    server.publish(&[("AAPL", trade(18_730)), ("BTC-EUR", halted())]);
    let answer = server.get("/v1/poll?symbols=AAPL,BTC*&channels=trades,status,bars:1s");
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let body = answer.json();
    assert_eq!(body["cursor"], "9f2c:5");
    assert_eq!(body.get("recovered"), None);
    assert_eq!(messages(&body), ["AAPL t2 @4 snap", "BTC-EUR s1 @5 snap", "AAPL b1s 2"]);
    assert!(answer.text().contains("\"p\":187.30,"), "prices with their places: {}", answer.text());
    assert_eq!(messages(&poll(&server, "symbols=*&limit=1")).len(), 2, "a snapshot ignores limit");
    assert!(messages(&poll(&server, "symbols=*&snapshot=false")).is_empty());
}

#[test]
fn pages_of_a_poll_join_without_hole_or_repeat() {
    let mut server = TestServer::start();
    let start = server.trade("AAPL", 1);
    for number in 0..40 {
        server.publish(&[("AAPL", trade(number)), ("MSFT", quote(1)), ("BTC-EUR", trade(1))]);
    }
    let (mut since, mut seen) = (server.cursor(start), Vec::new());
    loop {
        let body = poll(&server, &format!("symbols=AAPL,BTC-EUR&limit=7&since={since}"));
        assert_eq!(body["recovered"], true);
        let page = messages(&body);
        assert!(page.len() <= 7);
        since = body["cursor"].as_str().unwrap().to_owned();
        if body["more"] == false {
            seen.extend(page);
            assert_eq!(
                since,
                server.cursor(server.market.head()),
                "otherwise the present position"
            );
            break;
        }
        assert!(page.last().unwrap().ends_with(&format!("@{}", &since[5..])), "the last one's o");
        seen.extend(page);
    }
    let expected: Vec<_> = (0..40)
        .flat_map(|n| {
            [
                format!("AAPL t{} @{}", n + 2, 3 * n + 2),
                format!("BTC-EUR t{} @{}", n + 1, 3 * n + 4),
            ]
        })
        .collect();
    assert_eq!(seen, expected);
    let whole =
        poll(&server, &format!("symbols=AAPL,BTC-EUR&limit=80&since={}", server.cursor(start)));
    assert_eq!((messages(&whole).len(), &whole["more"]), (80, &json!(false)));
}

#[test]
fn a_poll_of_latest_merges_by_symbol_and_second() {
    let mut server = TestServer::start();
    for _ in 0..4 {
        server.trades("AAPL", 5);
        server.trade("MSFT", 3);
        server.pass(SECOND);
    }
    let all = poll(&server, "symbols=*&mode=latest&since=9f2c:0");
    let mut found = messages(&all);
    found[..2].sort();
    assert_eq!(found[..2], ["AAPL m1-5 @6", "MSFT t1 @6"]);
    assert_eq!((found.len(), &all["more"]), (8, &json!(false)));
    // A page ends with a whole second, and its cursor leads on from there.
    let first = poll(&server, "symbols=*&mode=latest&since=9f2c:0&limit=3");
    assert_eq!((messages(&first).len(), &first["more"]), (4, &json!(true)));
    let since = first["cursor"].as_str().unwrap();
    let second = poll(&server, &format!("symbols=*&mode=latest&since={since}"));
    assert_eq!(messages(&second), messages(&all)[4..]);
}

#[test]
fn an_entity_tag_is_the_cursor_and_saves_an_empty_answer() {
    let mut server = TestServer::start();
    server.trade("AAPL", 1);
    let answer = server.get("/v1/poll?symbols=AAPL");
    let tag = answer.header("etag").unwrap().to_owned();
    assert_eq!(tag, "\"9f2c:1\"");
    let path = "/v1/poll?symbols=AAPL&since=9f2c:1";
    let known = |tag: &str| get(server.address, path, &[("If-None-Match", tag)]);
    let unchanged = known(&tag);
    assert_eq!((unchanged.status, &unchanged.body[..]), (304, &b""[..]));
    assert_eq!(unchanged.header("etag"), Some(tag.as_str()), "the same tag");
    assert_eq!(known("\"other:1\"").status, 200, "of another epoch");
    assert_eq!(known("\"9f2c:9\"").status, 200, "from the future");
    assert_eq!(known("nonsense").status, 200);
    assert_eq!(known("\"other:1\", W/\"9f2c:1\"").status, 304, "one of several");
    server.trade("MSFT", 1);
    let known = |tag: &str| get(server.address, path, &[("If-None-Match", tag)]);
    let still = known(&tag);
    assert_eq!(
        (still.status, still.header("etag")),
        (304, Some(tag.as_str())),
        "MSFT is not asked"
    );
    server.trade("AAPL", 2);
    let changed = get(server.address, path, &[("If-None-Match", &tag)]);
    assert_eq!(messages(&changed.json()), ["AAPL t2 @3"]);
    assert_eq!(changed.header("etag"), Some("\"9f2c:3\""));
}

#[test]
fn a_poll_of_bars_has_no_entity_tag_because_bars_change_without_an_offset() {
    let mut server = TestServer::start();
    server.trade("AAPL", 1);
    for channels in ["bars:1s", "status,bars:1s"] {
        let path = format!("/v1/poll?symbols=AAPL&channels={channels}");
        let known = || get(server.address, &path, &[("If-None-Match", "\"9f2c:1\"")]);
        let forming = known();
        assert_eq!((forming.status, forming.header("etag")), (200, None), "{channels}");
        assert_eq!(messages(&forming.json()), ["AAPL b1s 1"]);
    }
    server.trade("AAPL", 2);
    let path = "/v1/poll?symbols=AAPL&channels=bars:1s";
    let changed = get(server.address, path, &[("If-None-Match", "\"9f2c:1\"")]);
    assert_eq!((changed.status, messages(&changed.json())), (200, vec!["AAPL b1s 2".to_owned()]));
    let waited = server.get("/v1/long-poll?symbols=AAPL&channels=bars:1s");
    assert_eq!((waited.status, waited.header("etag")), (200, None));
}

#[test]
fn a_list_given_several_times_is_one_list() {
    let mut server = TestServer::start();
    server.publish(&[("AAPL", trade(1)), ("MSFT", quote(1)), ("BTC-EUR", trade(1))]);
    let query = "symbols=AAPL&channels=trades&symbols=MSFT,BTC-EUR&channels=quotes";
    let found = messages(&poll(&server, query));
    assert_eq!(found, ["AAPL t1 @1 snap", "MSFT q1 @2 snap", "BTC-EUR t1 @3 snap"]);
    let (code, detail) = server.get("/v1/poll?symbols=ZZZZ&symbols=AAPL").problem(400);
    assert_eq!(code, "unknown_symbol", "{detail}");
}

#[test]
fn bad_parameters_are_refused_and_named() {
    let mut server = TestServer::start();
    server.trade("AAPL", 1);
    let bad = "bad_request";
    for (path, code, names) in [
        ("/v1/poll", bad, "symbols"),
        ("/v1/poll?channels=trades", bad, "symbols"),
        ("/v1/poll?symbols=", bad, "symbols"),
        ("/v1/poll?symbols=AAPL,ZZZZ", "unknown_symbol", "ZZZZ"),
        ("/v1/poll?symbols=AAPL&channels=tardes", "unknown_channel", "tardes"),
        ("/v1/poll?symbols=AAPL&mode=newest", bad, "mode"),
        ("/v1/poll?symbols=AAPL&interval_ms=60001", bad, "interval_ms"),
        ("/v1/poll?symbols=AAPL&since=nonsense", bad, "since"),
        ("/v1/poll?symbols=AAPL&snapshot=2", bad, "snapshot"),
        ("/v1/poll?symbols=AAPL&heartbeat_ms=1", bad, "heartbeat_ms"),
        ("/v1/poll?symbols=AAPL&limit=0", bad, "limit"),
        ("/v1/poll?symbols=AAPL&limit=-1", bad, "limit"),
        ("/v1/poll?symbols=AAPL&limit=many", bad, "limit"),
        ("/v1/poll?symbols=AAPL&limit=18446744073709551616", bad, "limit"),
        ("/v1/bars?interval=1s", bad, "symbol"),
        ("/v1/bars?symbol=ZZZZ&interval=1s", "unknown_symbol", "ZZZZ"),
        ("/v1/bars?symbol=AA*&interval=1s", "unknown_symbol", "AA*"),
        ("/v1/bars?symbol=AAPL", bad, "interval"),
        ("/v1/bars?symbol=AAPL&interval=2s", bad, "2s"),
        ("/v1/bars?symbol=AAPL&interval=1s&limit=0", bad, "limit"),
        ("/v1/bars?symbol=AAPL&interval=1s&limit=5001", bad, "limit"),
        ("/v1/bars?symbol=AAPL&interval=1s&from=now", bad, "from"),
        ("/v1/bars?symbol=AAPL&interval=1s&to=1.5", bad, "to"),
        ("/v1/bars?symbol=AAPL&interval=1s&from=2&to=1", bad, "from"),
    ] {
        let (given, detail) = server.get(path).problem(400);
        assert_eq!(given, code, "{path}: {detail}");
        assert!(detail.contains(names), "{path}: {detail}");
    }
}

#[test]
fn symbols_are_listed_in_the_order_of_their_ids() {
    let server = TestServer::start();
    let row = |name: &str, id: u32, places: u8| json!({"S": name, "id": id, "places": places, "name": format!("{name} (simulated)")});
    let expected =
        json!([row("AAPL", 0, 2), row("MSFT", 1, 3), row("BTC-USD", 2, 1), row("BTC-EUR", 3, 0)]);
    assert_eq!(server.get("/v1/symbols").json(), expected);
}

#[test]
fn bars_are_those_of_the_trades_that_were_streamed() {
    let mut server = TestServer::start();
    let start = server.now_us;
    let mut client = server.client("?symbols=BTC-USD");
    client.control();
    for number in 0..60_i64 {
        let prices: Vec<_> = (0..number % 4).map(|n| 5000 + (number * 31 + n * 57) % 89).collect();
        let trades: Vec<_> = prices.iter().map(|price| ("BTC-USD", trade(*price))).collect();
        server.publish(&trades);
        server.pass(SECOND / 3);
    }
    for (name, seconds) in [("1s", 1), ("5s", 5), ("1m", 60)] {
        let mut built: BTreeMap<i64, Vec<(i64, u64)>> = BTreeMap::new();
        for message in replayed(&server) {
            let ServerMessage::Data(_, Data::Trade { ts, p, v, .. }) = message else { continue };
            built.entry(ts - ts.rem_euclid(seconds * SECOND)).or_default().push((p.units, v));
        }
        let answer = server.get(&format!("/v1/bars?symbol=BTC-USD&interval={name}"));
        // One place: 5003 steps are 500.3.
        let price = |units: &i64| format!("{}.{}", units / 10, units % 10);
        let newest = *built.keys().last().unwrap();
        let expected: Vec<_> = built
            .iter()
            .map(|(ts, trades)| {
                let prices: Vec<i64> = trades.iter().map(|(price, _)| *price).collect();
                format!(
                    "{{\"ts\":{ts},\"O\":{},\"H\":{},\"L\":{},\"C\":{},\"v\":{},\"c\":{},\"x\":{}}}",
                    price(&prices[0]),
                    price(prices.iter().max().unwrap()),
                    price(prices.iter().min().unwrap()),
                    price(prices.last().unwrap()),
                    trades.iter().map(|(_, size)| size).sum::<u64>(),
                    trades.len(),
                    *ts != newest || server.now_us >= newest + seconds * SECOND,
                )
            })
            .collect();
        assert_eq!(answer.text(), format!("[{}]", expected.join(",")), "{name}");
        answer.json();
    }
    assert_eq!(server.get("/v1/bars?symbol=AAPL&interval=1s").json(), json!([]));
    let starts = |query: &str| -> Vec<i64> {
        let path = format!("/v1/bars?symbol=BTC-USD&interval=1s&{query}");
        let bars = server.get(&path).json();
        let start_of = |bar: &Value| (bar["ts"].as_i64().unwrap() - start) / SECOND;
        bars.as_array().unwrap().iter().map(start_of).collect()
    };
    let at = |second: i64| start + second * SECOND;
    assert_eq!(starts(&format!("from={}&to={}", at(3), at(6))), [3, 4, 5], "half open");
    assert_eq!(starts(&format!("from={}&to={}", at(3) + 1, at(6) + 1)), [4, 5, 6]);
    assert_eq!(starts(&format!("from={}&to={}&limit=2", at(3), at(6))), [4, 5], "the newest");
    assert_eq!(starts("limit=1").len(), 1);
    assert_eq!(starts(&format!("from={}", at(1000))), [0; 0]);
}

/// Every trade there was, from a socket.
fn replayed(server: &TestServer) -> Vec<ServerMessage> {
    server.client("?symbols=BTC-USD&since=9f2c:0").sync()
}

#[test]
fn other_paths_and_methods_are_refused() {
    let server = TestServer::start();
    for path in ["/nothing", "/v1", "/v1/", "/v1/bars/", "/../Cargo.toml", "/metrics", "/v2/ws"] {
        assert_eq!(server.get(path).problem(404).0, "bad_request", "{path}");
    }
    for address in [server.address, server.admin_address] {
        for (method, path) in [("POST", "/v1/poll?symbols=*"), ("DELETE", "/"), ("PUT", "/metrics")]
        {
            let answer = ask(address, method, path, &[]);
            answer.problem(405);
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "RFC 9110, 15.5.6");
        }
    }
    let head = ask(server.address, "HEAD", "/v1/symbols", &[]);
    assert_eq!((head.status, &head.body[..]), (200, &b""[..]));
    assert_eq!(server.admin("/v1/poll?symbols=*").problem(404).0, "bad_request");
}

#[test]
fn the_first_page_is_there_with_its_headers() {
    let server = TestServer::start();
    let page: Answer = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.text().to_lowercase().contains("<!doctype html"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let tag = page.header("etag").unwrap();
    let again = get(server.address, "/", &[("If-None-Match", tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn several_requests_share_a_connection() {
    use std::io::Write;
    let server = TestServer::start();
    let mut stream = server::http::connect(server.address);
    for path in ["/v1/symbols", "/v1/poll?symbols=*", "/nothing"] {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let (answer, mut body) = server::http::read_head(&mut stream);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        let start = std::time::Instant::now();
        while body.len() < length {
            assert!(start.elapsed() < PATIENCE);
            let mut buffer = [0; 1024];
            let count = std::io::Read::read(&mut stream, &mut buffer).unwrap();
            body.extend(&buffer[..count]);
        }
        assert_eq!(body.len(), length, "{path}");
    }
}
