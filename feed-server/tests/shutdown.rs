//! The program and its end: signals, what clients are told and when, and that a successor can start at once.

mod server;

use std::time::{Duration, Instant};

use feed_protocol::{Control, Data, Format, ServerMessage};
use rustix::process::Signal;
use server::client::Client;
use server::frames::CLOSE;
use server::http::get;
use server::program::Program;
use server::{PATIENCE, TestServer, trade, wait_for};

/// A client of the program that has had its first event.
fn client(program: &Program, query: &str) -> Client {
    let mut client = Client::connect(program.address, Format::Json, query);
    assert!(matches!(client.control(), Control::Subscribed { .. }));
    client.data();
    client
}

/// The `bye` at the end of what was read until a close: when to come back, ms, and the cursor.
fn bye(before: &[ServerMessage]) -> (u64, String) {
    match before.last() {
        Some(ServerMessage::Control(Control::Bye { code: 1012, retry_ms, cursor })) => {
            (*retry_ms, cursor.to_string())
        }
        other => panic!("bye comes last, not {other:?}"),
    }
}

#[test]
fn a_signal_says_goodbye_to_everybody_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(0, &["--symbols", "20", "--rate", "500"]);
        let mut clients: Vec<_> = (0..12).map(|_| client(&program, "?symbols=*")).collect();
        program.signal(signal);
        let mut retries = Vec::new();
        for client in &mut clients {
            let (before, _) = client.closed_with(1012);
            let (retry_ms, cursor) = bye(&before);
            let sent = before.iter().filter_map(|message| match message {
                ServerMessage::Data(_, Data::Trade { o, .. }) => Some(*o),
                _ => None,
            });
            let offset: u64 = cursor.split_once(':').unwrap().1.parse().unwrap();
            assert!(sent.max().unwrap_or(0) <= offset, "everything up to the cursor was sent");
            assert!((500..5000).contains(&retry_ms), "{retry_ms}");
            retries.push(retry_ms);
        }
        retries.sort_unstable();
        retries.dedup();
        assert!(retries.len() > 6, "spread, so that not all come back at once: {retries:?}");
        let (status, _) = program.ended(PATIENCE);
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn a_signal_is_heeded_from_the_line_on_that_says_where_it_listens() {
    for _ in 0..5 {
        let mut program = Program::start(0, &["--symbols", "5"]);
        program.signal(Signal::TERM);
        let (status, _) = program.ended(PATIENCE);
        assert_eq!(status.code(), Some(0), "{status}: not killed, but stopped");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start(0, &["--symbols", "5", "--drain-s", "60"]);
    let mut client = client(&program, "?symbols=*");
    program.signal(Signal::TERM);
    // It reads the goodbye and does not answer it, so that the server goes on waiting.
    while client.frame().opcode != CLOSE {}
    assert_eq!(program.try_status(), None, "it waits for the client");
    program.signal(Signal::TERM);
    let (status, time) = program.ended(PATIENCE);
    assert_eq!(status.code(), Some(1));
    assert!(time < Duration::from_secs(3), "{time:?}");
}

#[test]
fn a_stuck_client_does_not_hold_it_up_beyond_the_drain_limit() {
    let arguments = ["--symbols", "50", "--rate", "100000", "--drain-s", "1"];
    let mut program = Program::start(0, &arguments);
    let query = "?symbols=*&channels=trades,quotes";
    let mut reads = client(&program, query);
    let _stuck = Client::connect_narrow(program.address, query);
    // So many bytes have gone to the one that reads that the other, which has asked for the same, cannot have taken them.
    let (start, mut messages) = (Instant::now(), 0);
    while messages < 20_000 && start.elapsed() < PATIENCE {
        messages += reads.batch().len();
    }
    assert!(messages >= 20_000, "{messages} in time");
    program.signal(Signal::TERM);
    reads.closed_with(1012);
    let (status, time) = program.ended(PATIENCE);
    assert_eq!(status.code(), Some(0));
    assert!(time < Duration::from_secs(5), "the limit is 1 s, not {time:?}");
    assert!(time > Duration::from_millis(500), "there was a stuck one to wait for: {time:?}");
}

#[test]
fn a_successor_starts_on_the_same_port_right_after_a_kill() {
    let mut program = Program::start(0, &["--symbols", "5"]);
    let port = program.address.port();
    let before = client(&program, "?symbols=*");
    program.signal(Signal::KILL);
    let (status, _) = program.ended(PATIENCE);
    assert_eq!(status.code(), None, "killed");
    // The killed one's connections are still being taken down by the kernel.
    let program = Program::start(port, &["--symbols", "5"]);
    assert_eq!(program.address.port(), port);
    let mut after = client(&program, "?symbols=*");
    after.data();
    assert_eq!(get(program.address, "/v1/symbols", &[]).json().as_array().unwrap().len(), 5);
    drop(before);
}

#[test]
fn the_program_feeds_its_clients_by_itself() {
    let program = Program::start(0, &["--symbols", "3", "--rate", "1000", "--seed", "7"]);
    let mut client = client(&program, "?symbols=*&channels=trades,quotes,bars:1s");
    let mut bars = 0;
    wait_for("bars of the simulated market", || {
        let message = client.message();
        bars += u64::from(matches!(message, ServerMessage::Data(_, Data::Bar { .. })));
        bars > 3
    });
    let symbols = get(program.address, "/v1/symbols", &[]).json();
    let first = symbols[0]["S"].as_str().unwrap();
    let path = format!("/v1/bars?symbol={first}&interval=1m");
    let past = get(program.address, &path, &[]).json();
    assert_eq!(past.as_array().unwrap().len(), 500, "a chart is not empty at the start");
}

#[test]
fn the_cursor_of_a_goodbye_leads_on_elsewhere() {
    let mut server = TestServer::start();
    let mut client = server.client("?symbols=*&snapshot=false");
    client.control();
    // This one's minute has not come: what waits goes first, so that the cursor is good for it too.
    let mut merging = server.client("?symbols=*&mode=latest&interval_ms=60000&snapshot=false");
    merging.control();
    server.publish(&[("AAPL", trade(1)), ("AAPL", trade(2)), ("MSFT", trade(3))]);
    let head = server.cursor(server.market.head());
    let draining = server.server.take().unwrap();
    let draining = std::thread::spawn(move || draining.drain(100..101, PATIENCE));
    let (before, reason) = client.closed_with(1012);
    assert_eq!((before.len(), bye(&before)), (4, (100, head.clone())), "{reason}");
    let (before, _) = merging.closed_with(1012);
    assert_eq!(server::brief::brief(&before)[2], "bye");
    let mut merged = server::brief::brief(&before[..2]);
    merged.sort();
    assert_eq!(merged, ["AAPL m1-2 @3", "MSFT t1 @3"]);
    assert_eq!(bye(&before).1, head);
    assert!(draining.join().unwrap());
}

#[test]
fn requests_that_are_under_way_do_not_hold_a_drain_up() {
    let mut server = TestServer::start();
    let mut idle = server::http::connect(server.address);
    std::io::Write::write_all(&mut idle, b"GET /v1/symbols HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    server::http::read_head(&mut idle);
    let mut half = server::http::connect(server.address);
    std::io::Write::write_all(&mut half, b"GET /v1/sym").unwrap();
    wait_for("both sockets", || server.metric("tickcast_sockets") == 2.0);
    let (start, draining) = (Instant::now(), server.server.take().unwrap());
    assert!(draining.drain(500..5000, PATIENCE), "plain HTTP is not waited for");
    assert!(start.elapsed() < Duration::from_secs(3));
}
