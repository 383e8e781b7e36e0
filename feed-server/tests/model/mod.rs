//! A market, a shard and clients in memory: no sockets, no clock. Clients read as a strict client of the wire contract
//! does, and know from the market's own record what they must have been told.

#![allow(dead_code, reason = "each test uses a part")]

mod client;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use feed_protocol::{
    Aggressor, Bar, Body, Channel, ChannelSet, Control, Cursor, Data, EventChannel, Format,
    Interval, Limits, Quote, Request, ServerMessage, Symbol, SymbolId, SymbolTable, Tick, Trade,
    TradingStatus, Universe, decode_frame,
};
use feed_server::market::{Ingest, Market, Retention};
use feed_server::shard::audience::{Selection, Topic};
use feed_server::shard::counters::Counters;
use feed_server::shard::outbox::Sink;
use feed_server::shard::queue::{Consumer, queue};
use feed_server::shard::{ConnectionId, Now, Phase, Shard};

pub use client::*;

pub const SYMBOLS: usize = 5;
pub const LIMITS: Limits =
    Limits { symbols: 100, message_bytes: 65_536, messages_per_s: 1000, backlog_bytes: 20_000 };
const START_US: i64 = 1_763_700_000_000_000;

/// A socket in memory that takes only what it is given leave for.
#[derive(Clone, Default)]
pub struct Pipe(Rc<PipeState>);

#[derive(Default)]
struct PipeState {
    bytes: RefCell<Vec<u8>>,
    leave: Cell<usize>,
    wants: Cell<bool>,
}

impl Pipe {
    /// Whether the shard has said, since it was asked last, that it has something.
    pub fn was_told(&self) -> bool {
        self.0.wants.replace(false)
    }
}

impl Sink for Pipe {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.0.leave.get());
        self.0.leave.set(self.0.leave.get() - count);
        self.0.bytes.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn want_writable(&mut self) {
        self.0.wants.set(true);
    }
}

/// What happened on the market, as numbered events: the truth.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    pub symbol: usize,
    pub seq: u64,
    pub offset: u64,
    pub ts_us: i64,
    pub body: Body,
}

pub struct World {
    pub market: Arc<Market>,
    ingest: Ingest,
    queue: Consumer,
    pub shard: Shard<Pipe>,
    pub counters: Arc<Counters>,
    pub truth: Vec<Truth>,
    seqs: [[u64; 3]; SYMBOLS],
    clock_us: u64,
}

impl World {
    pub fn new(history: usize, queue_events: usize) -> Self {
        let symbols = (0..SYMBOLS).map(|number| Symbol {
            name: format!("S{number}").into(),
            places: number as u8,
            title: "a symbol".into(),
        });
        let universe = Arc::new(Universe::new(symbols.collect()).unwrap());
        let market = Market::new(universe, "e1", Retention { events: history, bar_bytes: 1 << 22 });
        let (producer, queue) = queue(queue_events);
        let counters = Arc::new(Counters::default());
        let mut shard = Shard::new(market.clone(), LIMITS, counters.clone(), 7);
        // As with a ring, or each write by itself.
        shard.collect_writes(if history.is_multiple_of(2) { 3 } else { 1 });
        Self {
            shard,
            ingest: Ingest::new(market.clone(), vec![producer]),
            queue,
            market,
            counters,
            truth: Vec::new(),
            seqs: [[0; 3]; SYMBOLS],
            clock_us: 1_000_000,
        }
    }

    pub fn now(&self) -> Now {
        Now { wall_us: START_US + self.clock_us as i64, clock_us: self.clock_us }
    }

    /// Lets `us` go by.
    pub fn pass(&mut self, us: u64) {
        self.clock_us += us;
        self.ingest.publish(&[], self.now().wall_us);
        self.shard.tick(self.now());
    }

    /// Something happens to a symbol: `kind` chooses what, `number` prices and sizes.
    pub fn publish(&mut self, symbol: usize, kind: u8, number: u32) {
        let body = match kind % 8 {
            0..=4 => Body::Trade(Trade {
                price: 1000 + i64::from(number % 97),
                size: 1 + number % 13,
                aggressor: if number.is_multiple_of(2) {
                    Aggressor::Buyer
                } else {
                    Aggressor::Seller
                },
            }),
            5 | 6 => Body::Quote(Quote {
                bid: 999 + i64::from(number % 89),
                ask: 1001 + i64::from(number % 89),
                bid_size: number % 7,
                ask_size: number % 11,
            }),
            _ => Body::Status(TradingStatus::ALL[number as usize % 4]),
        };
        let ts_us = self.now().wall_us;
        let seq = &mut self.seqs[symbol][body.channel() as usize];
        *seq += 1;
        let offset = self.truth.len() as u64 + 1;
        self.truth.push(Truth { symbol, seq: *seq, offset, ts_us, body });
        let tick = Tick { symbol: SymbolId(symbol as u32), ts_us, body };
        self.ingest.publish(&[tick], ts_us);
    }

    /// The shard takes what is in its queue.
    pub fn apply(&mut self) {
        let batch: Vec<_> = std::iter::from_fn(|| self.queue.pop()).collect();
        self.shard.apply(&batch, self.now());
    }

    pub fn connect(&mut self, format: Format) -> Client {
        let pipe = Pipe::default();
        pipe.0.leave.set(usize::MAX / 2);
        let id = self.shard.connect(pipe.clone(), format, 1000, self.now());
        Client {
            id,
            pipe,
            format,
            table: SymbolTable::default(),
            read: 0,
            held: BTreeMap::new(),
            bars: BTreeMap::new(),
            sent: 0,
            cursor_before: 0,
            is_single: true,
            messages: Vec::new(),
            pending: Vec::new(),
            closed: None,
        }
    }

    pub fn request(&mut self, client: &Client, request: Request) {
        self.shard.request(client.id, request, self.now());
    }

    /// A long poll for all events of a symbol: its pipe is told, see [`Pipe::was_told`].
    pub fn wait(&mut self, symbol: u32) -> Pipe {
        let pipe = Pipe::default();
        let topic = |channel| Topic::new(SymbolId(symbol), Channel::Events(channel));
        let mut selection = Selection::default();
        selection.extend(ChannelSet::default(), EventChannel::ALL.map(topic).to_vec());
        selection.normalise();
        self.shard.wait(pipe.clone(), selection, self.now());
        pipe
    }

    /// A text message as a client would send it.
    pub fn say(&mut self, client: &Client, json: &str) {
        assert_eq!(client.format, Format::Json);
        self.shard.message(client.id, Format::Json, json.as_bytes(), self.now());
    }

    /// A client's socket may take `bytes` more.
    pub fn give_leave(&mut self, client: &Client, bytes: usize) {
        client.pipe.0.leave.set(bytes);
        while client.pipe.0.leave.get() > 0 && client.pipe.0.wants.replace(false) {
            self.shard.writable(client.id, self.now());
        }
    }

    /// Lets a client have everything there is.
    pub fn catch_up(&mut self, client: &mut Client) {
        self.give_leave(client, usize::MAX / 2);
        client.read(self);
    }

    pub fn is_open(&self, client: &Client) -> bool {
        self.shard.phase(client.id) == Some(Phase::Open)
    }

    /// Every event of a symbol and channel with numbers in `from..=to`.
    pub fn events(
        &self,
        symbol: usize,
        channel: EventChannel,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = &Truth> {
        self.truth.iter().filter(move |event| {
            event.symbol == symbol
                && event.body.channel() == channel
                && (from..=to).contains(&event.seq)
        })
    }

    pub fn last_seq(&self, symbol: usize, channel: EventChannel) -> u64 {
        self.seqs[symbol][channel as usize]
    }
}

/// The bar of some trades.
pub fn bar_of(events: &[Truth]) -> Bar {
    let mut bar: Option<Bar> = None;
    for event in events {
        let Body::Trade(trade) = event.body else { continue };
        match &mut bar {
            None => bar = Some(Bar::of(Interval::S1.start_us(event.ts_us), trade)),
            Some(bar) => bar.add(trade),
        }
    }
    bar.expect("trades")
}
