//! The laboratory: relays that count, delay, stall and cut; figures by transport; and that it is shut unless asked for.

mod server;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use feed_protocol::Format;
use feed_server::lab::Rate;
use serde_json::Value;
use server::client::Client;
use server::http::{ask, get};
use server::streams::StreamClient;
use server::{PATIENCE, TestServer, wait_for};

const BUTTON: (&str, &str) = ("X-Tickcast-Lab", "1");

fn laboratory() -> TestServer {
    TestServer::with(|options| options.settings.lab = Some(Rate::new(2000.0)))
}

fn press(server: &TestServer, path: &str) -> Value {
    ask(server.address, "POST", path, &[BUTTON]).json()
}

fn lane(state: &Value, name: &str) -> Value {
    let lanes = state["lanes"].as_array().unwrap();
    lanes.iter().find(|lane| lane["name"] == name).expect("a lane of this name").clone()
}

fn relay(server: &TestServer, name: &str) -> SocketAddr {
    let port = lane(&server.get("/lab").json(), name)["port"].as_u64().unwrap();
    ([127, 0, 0, 1], port as u16).into()
}

#[test]
fn it_is_shut_unless_asked_for() {
    let server = TestServer::start();
    for path in ["/lab", "/lab/metrics"] {
        assert_eq!(server.get(path).status, 404);
    }
    assert_eq!(ask(server.address, "POST", "/lab/rate?events_per_s=1", &[BUTTON]).status, 405);
    let lab = laboratory();
    assert!(lab.get("/lab/metrics").text().contains("tickcast_connections"));
    let refused = ask(lab.address, "POST", "/lab/rate?events_per_s=7", &[]);
    assert_eq!(refused.problem(403).0, "forbidden");
    for path in [
        "/lab/rate",
        "/lab/rate?events_per_s=0",
        "/lab/lane?name=x",
        "/lab/lane?name=ws&delay_ms=-1",
    ] {
        assert_eq!(
            ask(lab.address, "POST", path, &[BUTTON]).problem(400).0,
            "bad_request",
            "{path}"
        );
    }
}

#[test]
fn a_relay_counts_every_byte_both_ways() {
    let mut server = laboratory();
    server.trade("AAPL", 1);
    let path = "/v1/poll?symbols=AAPL";
    let direct = get(server.address, path, &[]);
    let before = lane(&server.get("/lab").json(), "poll");
    let relayed = get(relay(&server, "poll"), path, &[]);
    assert_eq!(relayed.body, direct.body);
    wait_for("both ways to be counted", || {
        let relay = &lane(&server.get("/lab").json(), "poll")["relay"];
        let address = relay_host(&server);
        let up =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").len();
        relay["up_bytes"] == up
            && relay["down_bytes"].as_u64().unwrap() > relayed.body.len() as u64 + 100
    });
    let after = lane(&server.get("/lab").json(), "poll");
    let requests = |lane: &Value| lane["server"]["requests"].as_u64().unwrap();
    assert_eq!(requests(&after), requests(&before) + 1);
    assert!(after["server"]["cpu_us"].as_u64().unwrap() > 0, "{after}");
    assert_eq!(lane(&server.get("/lab").json(), "ws")["relay"]["up_bytes"], 0);
}

fn relay_host(server: &TestServer) -> SocketAddr {
    relay(server, "poll")
}

#[test]
fn a_delay_is_felt_each_way_and_a_stall_holds_everything_back() {
    let mut server = laboratory();
    server.trade("AAPL", 1);
    press(&server, "/lab/lane?name=ws&delay_ms=120");
    let address = relay(&server, "ws");
    let begin = Instant::now();
    let mut client = Client::connect(address, Format::Json, "?symbols=AAPL");
    assert!(begin.elapsed() >= Duration::from_millis(240), "{:?} there and back", begin.elapsed());
    client.sync();
    press(&server, "/lab/lane?name=ws&delay_ms=0&stall_ms=400");
    let begin = Instant::now();
    server.trade("AAPL", 2);
    client.data();
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
    let cpu = lane(&server.get("/lab").json(), "ws")["server"]["cpu_us"].as_u64().unwrap();
    assert!(cpu > 0, "fan-out is counted");
}

#[test]
fn a_cut_ends_the_lanes_connections_and_no_others() {
    let server = laboratory();
    let mut other = StreamClient::http1(relay(&server, "stream"), "/v1/stream?symbols=*", &[]);
    let mut client = StreamClient::http1(relay(&server, "sse"), "/v1/sse?symbols=*", &[]);
    client.messages(2);
    other.messages(2);
    press(&server, "/lab/lane?name=sse&cut=true");
    let error = client.next(PATIENCE).unwrap_err();
    assert!(
        [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted].contains(&error.kind()),
        "{error}"
    );
    assert_eq!(other.next(Duration::from_millis(100)).unwrap_err().kind(), ErrorKind::TimedOut);
    wait_for("the server to notice", || {
        server.metric("tickcast_connections{transport=\"sse\"}") == 0.0
    });
}

#[test]
fn the_rate_is_what_was_set() {
    let server = laboratory();
    assert_eq!(server.get("/lab").json()["rate"], 2000.0);
    assert_eq!(press(&server, "/lab/rate?events_per_s=50.5")["rate"], 50.5);
}
