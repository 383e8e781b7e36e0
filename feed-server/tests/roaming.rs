//! Clients that wander between all transports, cutting each connection off wherever they happen to be, with nothing but
//! their cursor in hand: of 100,000 events none is lost and none comes twice.

mod server;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use feed_protocol::{Body, Control, Data, Format, ServerMessage, SymbolTable, decode_frame};
use serde::Deserialize;
use serde_json::value::RawValue;
use server::client::Client;
use server::http::get;
use server::http2::Http2;
use server::streams::StreamClient;
use server::{EPOCH, SYMBOLS, TestServer, halted, quote, trade};

const EVENTS: u64 = 100_000;
const WANDERERS: u64 = 6;
/// A leg ends when nothing comes for so long, since everything may have been published.
const QUIET: Duration = Duration::from_millis(300);
const SUBSCRIPTION: &str = "symbols=*&channels=trades,quotes,status";

/// The price that trade or quote `n` has on every symbol: what a client was told can be checked wherever it was told it.
fn price(n: u64) -> i64 {
    1000 + (n * 7919 % 5000) as i64
}

/// xorshift64*: which events, which transports, how long.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

/// A poll's body; its messages are decoded from the text itself, since prices keep their places there.
#[derive(Deserialize)]
struct PollBody {
    cursor: String,
    recovered: bool,
    messages: Box<RawValue>,
}

/// What a wanderer knows: the last number of each symbol and channel, and where it is.
struct Wanderer {
    name: u64,
    address: SocketAddr,
    last: BTreeMap<(String, &'static str), u64>,
    cursor: u64,
    /// Events that it has, one for one.
    events: u64,
    legs: BTreeMap<&'static str, u64>,
    http2: Http2,
}

impl Wanderer {
    fn since(&self) -> String {
        format!("{SUBSCRIPTION}&since={EPOCH}:{}", self.cursor)
    }

    /// Takes what a frame holds; its cursor moves to the greatest offset in it.
    fn take(&mut self, messages: &[ServerMessage], leg: &str) {
        for message in messages {
            match message {
                ServerMessage::Data(symbol, data) => self.take_data(symbol, data, leg),
                ServerMessage::Control(Control::Subscribed { recovered, .. }) => {
                    assert_eq!(*recovered, Some(true), "{} {leg}", self.name);
                }
                ServerMessage::Control(Control::Welcome { .. }) => {}
                ServerMessage::Control(other) => panic!("{} {leg}: {other:?}", self.name),
            }
        }
    }

    fn take_data(&mut self, symbol: &str, data: &Data, leg: &str) {
        let (channel, first, n, o, told) = match data {
            Data::Trade { n, o, p, snap: false, .. } => ("trades", *n, *n, *o, Some(p)),
            Data::Merged { n0, n, o, p, c, .. } => {
                assert_eq!(*c, n - n0 + 1, "{leg}");
                ("trades", *n0, *n, *o, Some(p))
            }
            Data::Quote { n0, n, o, b, snap: false, .. } => {
                ("quotes", n0.unwrap_or(*n), *n, *o, Some(b))
            }
            Data::Status { n, o, snap: false, .. } => ("status", *n, *n, *o, None),
            other => panic!("{} {leg}: {symbol} {other:?}", self.name),
        };
        let last = self.last.entry((symbol.to_owned(), channel)).or_default();
        let context = format!("wanderer {} on {leg}: {symbol} {channel}", self.name);
        assert_eq!(first, *last + 1, "{context}: follows on what it has, cursor {}", self.cursor);
        *last = n;
        self.events += n - first + 1;
        if let Some(price_told) = told {
            assert_eq!(price_told.units, price(n), "{context}: number {n} at its price");
        }
        self.cursor = self.cursor.max(o);
    }

    /// One leg: some messages over some transport.
    fn wander(&mut self, dice: &mut Dice) {
        let messages = 1 + dice.roll(3000) as usize;
        let mode = match dice.roll(3) {
            0 => "&mode=latest&interval_ms=0",
            1 => "&mode=latest&interval_ms=20",
            _ => "",
        };
        let query = format!("{}{mode}", self.since());
        let leg = ["ws json", "ws msgpack", "sse", "stream", "sse h2", "stream h2"];
        let leg = leg.into_iter().chain(["poll", "poll h2", "long-poll", "long-poll h2"]);
        let leg = leg.cycle().nth(dice.roll(10) as usize).unwrap();
        *self.legs.entry(leg).or_default() += 1;
        match leg {
            "ws json" => self.websocket(Format::Json, &query, messages),
            "ws msgpack" => self.websocket(Format::Msgpack, &query, messages),
            "sse" => self.stream(
                StreamClient::http1(self.address, &format!("/v1/sse?{query}"), &[]),
                messages,
                leg,
            ),
            "stream" => self.stream(
                StreamClient::http1(self.address, &format!("/v1/stream?{query}"), &[]),
                messages,
                leg,
            ),
            "sse h2" => self.stream(
                StreamClient::http2(self.address, &format!("/v1/sse?{query}"), &[]),
                messages,
                leg,
            ),
            "stream h2" => self.stream(
                StreamClient::http2(self.address, &format!("/v1/stream?{query}"), &[]),
                messages,
                leg,
            ),
            _ => {
                let polls = 1 + dice.roll(20);
                let limit = 1 + dice.roll(2000);
                self.poll(polls, &format!("{mode}&limit={limit}"), leg);
            }
        }
    }

    fn websocket(&mut self, format: Format, query: &str, messages: usize) {
        let leg = if format == Format::Json { "ws json" } else { "ws msgpack" };
        let mut client = Client::connect(self.address, format, &format!("?{query}"));
        let mut count = 0;
        while count < messages {
            match client.batch_within(QUIET) {
                Ok(batch) => {
                    count += batch.len();
                    self.take(&batch, leg);
                }
                Err(error) => return assert_eq!(error.kind(), ErrorKind::TimedOut, "{leg}"),
            }
        }
    }

    fn stream(&mut self, mut client: StreamClient, messages: usize, leg: &str) {
        let mut count = 0;
        while count < messages {
            match client.next(QUIET) {
                Ok(frame) => {
                    count += frame.messages.len();
                    self.take(&frame.messages, leg);
                    if let Some(id) = frame.id {
                        let (epoch, offset) = id.split_once(':').unwrap();
                        let offset: u64 = offset.parse().unwrap();
                        assert_eq!(epoch, EPOCH);
                        assert!(offset >= self.cursor, "{leg}: an id behind what it has");
                        self.cursor = offset;
                    }
                }
                Err(error) => return assert_eq!(error.kind(), ErrorKind::TimedOut, "{leg}"),
            }
        }
    }

    fn poll(&mut self, polls: u64, more: &str, leg: &str) {
        let name = leg.trim_end_matches(" h2");
        for _ in 0..polls {
            let path = format!("/v1/{name}?{}{more}&wait_ms=200", self.since());
            let answer = if leg.ends_with("h2") {
                self.http2.get(&path, &[])
            } else {
                get(self.address, &path, &[])
            };
            let body: PollBody = serde_json::from_slice(&answer.body).unwrap();
            assert!(body.recovered, "{leg}");
            let frame = body.messages.get().as_bytes();
            let messages = decode_frame(Format::Json, frame, &mut SymbolTable::default());
            self.take(&messages.unwrap(), leg);
            let (_, offset) = body.cursor.split_once(':').unwrap();
            let offset: u64 = offset.parse().unwrap();
            assert!(offset >= self.cursor, "{leg}: a cursor behind its messages");
            self.cursor = offset;
        }
    }
}

/// Publishes everything in batches of random length, some of them in one go, some with time between them.
fn publish_all(
    server: &mut TestServer,
    dice: &mut Dice,
    slowest: &AtomicU64,
    has_failed: impl Fn() -> bool,
) {
    let mut numbers: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut published = 0;
    while published < EVENTS && !has_failed() {
        // Now and then far ahead of the wanderers, now and then level with them: both are met.
        if published > slowest.load(Ordering::Relaxed) + 20_000 {
            thread::yield_now();
            continue;
        }
        let most = if dice.roll(10) == 0 { 1000 } else { 40 };
        let count = (1 + dice.roll(most)).min(EVENTS - published);
        let batch: Vec<(&str, Body)> = (0..count)
            .map(|_| {
                let (symbol, _) = SYMBOLS[(dice.roll(8) as usize).min(3)];
                let kind = match dice.roll(100) {
                    0..70 => 0,
                    70..99 => 1,
                    _ => 2,
                };
                let n = numbers.entry((symbol, kind)).or_default();
                *n += 1;
                let body = match kind {
                    0 => trade(price(*n)),
                    1 => quote(price(*n)),
                    _ => halted(),
                };
                (symbol, body)
            })
            .collect();
        server.now_us += dice.roll(60_000) as i64;
        server.publish(&batch);
        published += count;
    }
}

#[test]
fn a_client_that_wanders_between_all_transports_loses_and_repeats_nothing() {
    // Other ways are gone with ROAMING_SEED=1, 2 …
    let seed = std::env::var("ROAMING_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    let mut server = TestServer::start();
    server.pass(1);
    let address = server.address;
    let (is_over, has_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let levels: Vec<_> = (0..WANDERERS).map(|_| AtomicU64::new(0)).collect();
    let slowest = AtomicU64::new(0);
    thread::scope(|scope| {
        let wanderers: Vec<_> = levels
            .iter()
            .enumerate()
            .map(|(name, level)| {
                let has_failed = &has_failed;
                scope.spawn(move || {
                    let name = name as u64;
                    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (name + 1) ^ (seed << 8));
                    let mut wanderer = Wanderer {
                        name,
                        address,
                        last: BTreeMap::new(),
                        cursor: 0,
                        events: 0,
                        legs: BTreeMap::new(),
                        http2: Http2::connect(address),
                    };
                    while wanderer.events < EVENTS && !has_failed.load(Ordering::Relaxed) {
                        wanderer.wander(&mut dice);
                        level.store(wanderer.events, Ordering::Relaxed);
                    }
                    wanderer
                })
            })
            .collect();
        let watcher = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let least = levels.iter().map(|level| level.load(Ordering::Relaxed)).min();
                slowest.store(least.unwrap_or(0), Ordering::Relaxed);
                thread::park_timeout(Duration::from_millis(1));
            }
        });
        let any_has_ended = || wanderers.iter().any(|wanderer| wanderer.is_finished());
        publish_all(&mut server, &mut Dice(42 + seed), &slowest, any_has_ended);
        has_failed.store(server.market.head() < EVENTS, Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        let mut legs: BTreeMap<&str, u64> = BTreeMap::new();
        for wanderer in wanderers {
            let wanderer = wanderer.join().unwrap();
            assert_eq!(wanderer.events, EVENTS, "one for one, whatever was merged");
            assert_eq!(wanderer.last.values().sum::<u64>(), EVENTS);
            for (leg, count) in wanderer.legs {
                *legs.entry(leg).or_default() += count;
            }
        }
        assert_eq!(legs.len(), 10, "every transport was used: {legs:?}");
    });
}
