//! A real server on ports of its own, fed by the test's own thread: nothing happens on its market but what a test says.
//! It stops when it is dropped. Beside it, strict clients for its socket and its HTTP, and the program as a child process.

#![allow(dead_code, reason = "each test uses a part")]

pub mod brief;
pub mod client;
pub mod frames;
pub mod http;
pub mod http2;
pub mod program;
pub mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use feed_protocol::{
    Aggressor, Body, Cursor, Format, Limits, Quote, Symbol, SymbolId, Tick, Trade, TradingStatus,
    Universe,
};
use feed_server::http::cors::Origins;
use feed_server::market::{Ingest, Market, Retention};
use feed_server::server::{Server, Settings};

use client::Client;
use http::{Answer, get};

/// Symbols and their decimal places.
pub const SYMBOLS: [(&str, u8); 4] = [("AAPL", 2), ("MSFT", 3), ("BTC-USD", 1), ("BTC-EUR", 0)];
pub const EPOCH: &str = "9f2c";
pub const LIMITS: Limits =
    Limits { symbols: 5, message_bytes: 4096, messages_per_s: 10_000, backlog_bytes: 100_000 };
/// What does not happen within this time does not happen.
pub const PATIENCE: Duration = Duration::from_secs(10);
const US_PER_SECOND: i64 = 1_000_000;

/// Looks at a condition until it holds.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// What a test may change of its server.
pub struct Options {
    pub settings: Settings,
    pub retention: Retention,
}

pub struct TestServer {
    pub server: Option<Server>,
    pub market: Arc<Market>,
    pub address: SocketAddr,
    pub admin_address: SocketAddr,
    /// Time on the market, µs: a whole minute to begin with. Moves by `pass` alone.
    pub now_us: i64,
    ingest: Ingest,
}

impl TestServer {
    /// Two shards, so that what holds holds whichever of them a client gets.
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            settings: Settings {
                listen: ([127, 0, 0, 1], 0).into(),
                admin_listen: ([127, 0, 0, 1], 0).into(),
                shards: 2,
                queue_events: 65_536,
                coalesce_us: 0,
                connections_max: 100,
                notsent_lowat: 16_384,
                busy_max: 50,
                merge_after_ms: 250,
                io_uring: true,
                origins: Origins::Any,
                lab: None,
                limits: LIMITS,
            },
            retention: Retention { events: 100_000, bar_bytes: 1 << 24 },
        };
        change(&mut options);
        let market = Market::new(universe(), EPOCH, options.retention);
        let (server, ingest) = Server::start(&options.settings, market.clone(), None).unwrap();
        let now_us = wall_us() / (60 * US_PER_SECOND) * (60 * US_PER_SECOND);
        let (address, admin_address) = (server.address, server.admin_address);
        Self { server: Some(server), market, address, admin_address, now_us, ingest }
    }

    /// Lets time go by on the market, and tells the server so.
    pub fn pass(&mut self, us: i64) {
        self.now_us += us;
        self.ingest.publish(&[], self.now_us);
    }

    /// The source gives a sign of life as of `us` ago by the wall clock.
    pub fn source_heard_before(&mut self, us: i64) {
        self.ingest.publish(&[], wall_us() - us);
    }

    /// Things happen, all now; returns the last offset. They are on their way to every socket when this returns.
    pub fn publish(&mut self, happenings: &[(&str, Body)]) -> u64 {
        let tick = |(name, body): &(&str, Body)| Tick {
            symbol: symbol_id(name),
            ts_us: self.now_us,
            body: *body,
        };
        let ticks: Vec<_> = happenings.iter().map(tick).collect();
        self.ingest.publish(&ticks, self.now_us);
        self.settle();
        self.market.head()
    }

    pub fn trade(&mut self, name: &str, price: i64) -> u64 {
        self.publish(&[(name, trade(price))])
    }

    /// `count` trades of one symbol at once, of rising price.
    pub fn trades(&mut self, name: &str, count: usize) -> u64 {
        let all: Vec<_> = (0..count).map(|number| (name, trade(1000 + number as i64))).collect();
        self.publish(&all)
    }

    /// Waits until every shard has dealt with everything that was published.
    pub fn settle(&self) {
        let head = self.market.head();
        let shared = &self.server.as_ref().unwrap().shared;
        wait_for("the shards to take everything in", || {
            let shards = shared.counters.iter().zip(&shared.queues);
            shards.map(|(c, queue)| c.events.get() + queue.overwritten()).all(|seen| seen >= head)
        });
    }

    pub fn cursor(&self, offset: u64) -> String {
        Cursor { epoch: EPOCH.into(), offset }.to_string()
    }

    /// A JSON client with this query.
    pub fn client(&self, query: &str) -> Client {
        self.client_as(Format::Json, query)
    }

    pub fn client_as(&self, format: Format, query: &str) -> Client {
        Client::connect(self.address, format, query)
    }

    pub fn get(&self, path: &str) -> Answer {
        get(self.address, path, &[])
    }

    pub fn admin(&self, path: &str) -> Answer {
        get(self.admin_address, path, &[])
    }

    /// A sample of `/metrics`, by its name and labels as they stand there.
    pub fn metric(&self, sample: &str) -> f64 {
        let text = self.admin("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().unwrap()
    }
}

pub fn universe() -> Arc<Universe> {
    let symbol = |(name, places): (&str, u8)| Symbol {
        name: name.into(),
        places,
        title: format!("{name} (simulated)").into(),
    };
    Arc::new(Universe::new(SYMBOLS.map(symbol).into()).unwrap())
}

pub fn symbol_id(name: &str) -> SymbolId {
    let place = SYMBOLS.iter().position(|(known, _)| *known == name);
    SymbolId(place.expect("one of the test's symbols") as u32)
}

pub fn trade(price: i64) -> Body {
    Body::Trade(Trade { price, size: 1 + (price % 9) as u32, aggressor: Aggressor::Buyer })
}

pub fn quote(bid: i64) -> Body {
    Body::Quote(Quote { bid, ask: bid + 2, bid_size: 300, ask_size: 200 })
}

pub fn halted() -> Body {
    Body::Status(TradingStatus::Halted)
}
