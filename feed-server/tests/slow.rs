//! A client that does not keep up: it alone gets merged messages or is closed, the others notice nothing, and it ends with
//! the same bars as they.

mod server;

use std::collections::BTreeMap;

use feed_protocol::{Bar, Body, Control, Data, GapReason, Interval, Limits, ServerMessage};
use server::brief::brief_data;
use server::client::Client;
use server::frames::{CLOSE, FIN, PING, PONG, close_frame, masked};
use server::{LIMITS, SYMBOLS, TestServer, quote, trade};

const SECOND: i64 = 1_000_000;
type Bars = BTreeMap<(String, i64), Bar>;

/// Strict books of one client: numbers without holes, offsets that do not go back, bars of a second.
#[derive(Default)]
struct Books {
    seqs: BTreeMap<(String, char), u64>,
    bars: Bars,
    merged: u64,
    newest: u64,
}

impl Books {
    fn enter(&mut self, message: &ServerMessage) {
        let ServerMessage::Data(symbol, data) = message else { panic!("data, not {message:?}") };
        let said = || format!("{symbol} {}", brief_data(data));
        let (n0, n, o) = match data {
            Data::Trade { n, o, snap: false, .. } => (*n, *n, *o),
            Data::Quote { n0, n, o, snap: false, .. } => (n0.unwrap_or(*n), *n, *o),
            Data::Merged { n0, n, o, .. } => (*n0, *n, *o),
            _ => panic!("neither bars nor statuses nor snapshots: {}", said()),
        };
        let kind = if matches!(data, Data::Quote { .. }) { 'q' } else { 't' };
        let last = self.seqs.entry((symbol.clone(), kind)).or_default();
        assert_eq!(n0, *last + 1, "{}", said());
        *last = n;
        self.merged += n - n0;
        self.newest = self.newest.max(o);
        self.enter_bar(symbol, data);
    }

    fn enter_bar(&mut self, symbol: &str, data: &Data) {
        let start = |ts: i64| Interval::S1.start_us(ts);
        let bar = match data {
            Data::Trade { ts, p, v, .. } => Bar {
                start_us: start(*ts),
                open: p.units,
                high: p.units,
                low: p.units,
                close: p.units,
                volume: *v,
                count: 1,
            },
            Data::Merged { ts0, ts, open, high, low, p, v, c, .. } => {
                assert_eq!(start(*ts0), start(*ts), "a merge never crosses a second");
                Bar {
                    start_us: start(*ts),
                    open: open.units,
                    high: high.units,
                    low: low.units,
                    close: p.units,
                    volume: *v,
                    count: *c,
                }
            }
            _ => return,
        };
        let key = (symbol.to_owned(), bar.start_us);
        let Some(known) = self.bars.get_mut(&key) else {
            self.bars.insert(key, bar);
            return;
        };
        known.high = known.high.max(bar.high);
        known.low = known.low.min(bar.low);
        known.close = bar.close;
        known.volume += bar.volume;
        known.count += bar.count;
    }

    /// Reads until everything up to `offset` has come.
    fn read_until(&mut self, client: &mut Client, offset: u64) {
        while self.newest < offset {
            // Frame by frame: one of merged records is at one offset, and whole or not there.
            client.batch().iter().for_each(|message| self.enter(message));
        }
    }
}

/// A thousand trades and quotes of all symbols, prices going up and down.
fn busy(round: i64) -> Vec<(&'static str, Body)> {
    let happening = |number: i64| {
        let (symbol, _) = SYMBOLS[number as usize % SYMBOLS.len()];
        let price = 1000 + (round * 37 + number * 101) % 211;
        (symbol, if number % 3 == 0 { quote(price) } else { trade(price) })
    };
    (0..1000).map(happening).collect()
}

fn slow_connections(server: &TestServer) -> f64 {
    server.metric("tickcast_slow_connections")
}

/// A server that merges for whoever falls behind, by however little.
fn merges_at_once() -> TestServer {
    TestServer::with(|options| options.settings.merge_after_ms = 0)
}

#[test]
fn one_that_falls_behind_for_a_moment_gets_each_event() {
    let mut server = TestServer::with(|options| options.settings.merge_after_ms = 60_000);
    let query = "?symbols=*&channels=trades,quotes&snapshot=false";
    let mut fast = server.client(query);
    let mut slow = Client::connect_narrow(server.address, query);
    fast.control();
    slow.control();
    let (mut fast_books, mut slow_books) = (Books::default(), Books::default());
    let mut round = 0;
    let mut publish = |server: &mut TestServer| {
        let head = server.publish(&busy(round));
        fast_books.read_until(&mut fast, head);
        round += 1;
        head
    };
    server::wait_for("it to fall behind", || {
        publish(&mut server);
        slow_connections(&server) == 1.0
    });
    let head = (0..20).map(|_| publish(&mut server)).last().unwrap();
    slow_books.read_until(&mut slow, head);
    assert_eq!(slow_books.merged, 0, "as those who read");
    assert_eq!(slow_books.bars, fast_books.bars);
    assert_eq!(slow_books.seqs, fast_books.seqs);
    server::wait_for("it to be level", || slow_connections(&server) == 0.0);
}

#[test]
fn it_gets_merged_messages_and_catches_up_while_others_get_every_event() {
    let mut server = merges_at_once();
    let query = "?symbols=*&channels=trades,quotes&snapshot=false";
    let mut fast = server.client(query);
    let mut slow = Client::connect_narrow(server.address, query);
    fast.control();
    slow.control();
    let (mut fast_books, mut slow_books) = (Books::default(), Books::default());
    for round in 0..40 {
        let head = server.publish(&busy(round));
        fast_books.read_until(&mut fast, head);
        server.pass(SECOND / 8);
    }
    assert_eq!(slow_connections(&server), 1.0);
    assert_eq!(fast_books.merged, 0, "whoever reads gets each event");
    let head = server.market.head();
    slow_books.read_until(&mut slow, head);
    assert!(slow_books.merged > 10_000, "{} merged away", slow_books.merged);
    assert_eq!(slow_books.bars, fast_books.bars, "the same bars");
    assert_eq!(slow_books.seqs, fast_books.seqs);
    server::wait_for("the slow one to be level", || slow_connections(&server) == 0.0);
    assert!(slow.is_usable());
    let merged = slow_books.merged;
    for number in 0..20 {
        let head = server.publish(&[("AAPL", trade(number)), ("MSFT", quote(number))]);
        slow_books.read_until(&mut slow, head);
    }
    assert_eq!(slow_books.merged, merged, "once it has caught up it gets each event again");
    assert!(server.metric("tickcast_merged_events_total") >= merged as f64);
    assert!(server.metric("tickcast_fell_behind_total") >= 1.0);
}

#[test]
fn a_cursor_taken_in_the_middle_of_catching_up_is_good() {
    let mut server = merges_at_once();
    let query = "?symbols=*&channels=trades,quotes&snapshot=false";
    let mut slow = Client::connect_narrow(server.address, query);
    slow.control();
    let mut truth = Books::default();
    let mut fast = server.client(query);
    fast.control();
    for round in 0..40 {
        let head = server.publish(&busy(round));
        truth.read_until(&mut fast, head);
        server.pass(SECOND / 8);
    }
    let mut books = Books::default();
    while books.merged == 0 {
        // Whole frames: a client never acts on part of one.
        slow.batch().iter().for_each(|message| books.enter(message));
    }
    drop(slow);
    let since = server.cursor(books.newest);
    let query = format!("?symbols=*&channels=trades,quotes&since={since}");
    let mut back = server.client(&query);
    assert!(matches!(back.control(), Control::Subscribed { recovered: Some(true), .. }));
    books.read_until(&mut back, server.market.head());
    assert_eq!(books.bars, truth.bars, "nothing twice, nothing left out");
    assert_eq!(books.seqs, truth.seqs);
}

#[test]
fn with_on_slow_close_it_is_sent_every_event_or_closed_with_4101() {
    let limits = Limits { backlog_bytes: 50_000, ..LIMITS };
    let mut server = TestServer::with(|options| options.settings.limits = limits);
    let query = "?symbols=*&channels=trades,quotes&snapshot=false&on_slow=close";
    let mut fast = server.client(query);
    let mut slow = Client::connect_narrow(server.address, query);
    fast.control();
    slow.control();
    let closed = "tickcast_connections_closed_total{code=\"4101\"}";
    let (mut fast_books, mut slow_books) = (Books::default(), Books::default());
    let mut round = 0;
    server::wait_for("the slow one to be given up", || {
        let head = server.publish(&busy(round));
        fast_books.read_until(&mut fast, head);
        round += 1;
        server.metric(closed) == 1.0
    });
    let (before, _) = slow.closed_with(4101);
    assert!(!before.is_empty());
    before.iter().for_each(|message| slow_books.enter(message));
    assert_eq!(slow_books.merged, 0, "unmerged up to the end");
    assert!(fast.is_usable(), "the others stay");
}

#[test]
fn control_frames_pass_what_waits() {
    let mut server = TestServer::start();
    let mut slow = Client::connect_narrow(server.address, "?symbols=*&channels=trades,quotes");
    slow.control();
    server::wait_for("it to fall behind", || {
        server.publish(&busy(1));
        slow_connections(&server) == 1.0
    });
    slow.send(&masked(FIN | PING, b"now"));
    slow.send(&close_frame(4000, ""));
    let mut frames = Vec::new();
    while frames.last() != Some(&CLOSE) {
        frames.push(slow.frame().opcode);
    }
    assert!(frames.contains(&PONG), "{frames:?}");
    slow.ends();
}

#[test]
fn one_that_lags_by_more_than_64_seconds_is_told_of_the_gap() {
    let mut server = merges_at_once();
    let query = "?symbols=AAPL,MSFT&channels=trades&snapshot=false";
    let mut slow = Client::connect_narrow(server.address, query);
    slow.control();
    server::wait_for("it to fall behind", || {
        server.publish(&busy(1));
        slow_connections(&server) == 1.0
    });
    for _ in 0..100 {
        server.pass(SECOND);
        server.publish(&[("AAPL", trade(1)), ("AAPL", trade(2))]);
    }
    let head = server.trade("MSFT", 3);
    let (mut last, mut gaps, mut seconds, mut newest) = (0, Vec::new(), 0, 0);
    while newest < head {
        for message in slow.batch() {
            match message {
                ServerMessage::Control(Control::Gap { symbol, ch, from, to, why }) => {
                    assert_eq!((symbol.as_str(), ch.as_str(), from), ("AAPL", "trades", last + 1));
                    assert_eq!(why, GapReason::Slow);
                    gaps.push((from, to));
                    last = to;
                }
                ServerMessage::Data(symbol, data) => {
                    let (n0, n, o) = match data {
                        Data::Trade { n, o, .. } => (n, n, o),
                        Data::Merged { n0, n, o, .. } => (n0, n, o),
                        other => panic!("{other:?}"),
                    };
                    newest = newest.max(o);
                    if symbol == "AAPL" {
                        assert_eq!(n0, last + 1, "nothing is missing that was not announced");
                        last = n;
                        seconds += u64::from(!gaps.is_empty());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(seconds, 64, "so many seconds are kept");
    assert!(server.metric("tickcast_gaps_total{why=\"slow\"}") >= 1.0);
}
