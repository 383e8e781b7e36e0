//! A market, a shard and clients in memory: no sockets, no clock. Clients read as a strict client of the wire contract
//! does, and know from the market's own record what they must have been told. One file, because it is one model.

#![allow(dead_code, reason = "each test uses a part")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use feed_protocol::{
    Aggressor, Bar, Body, Control, Cursor, Data, EventChannel, Format, Interval, Limits, Quote,
    Request, ServerMessage, Symbol, SymbolId, SymbolTable, Tick, Trade, TradingStatus, Universe,
    decode_frame,
};
use feed_server::market::{Ingest, Market, Retention};
use feed_server::shard::counters::Counters;
use feed_server::shard::outbox::Sink;
use feed_server::shard::queue::{Consumer, queue};
use feed_server::shard::{ConnectionId, Now, Phase, Shard};

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
        Self {
            shard: Shard::new(market.clone(), LIMITS, counters.clone(), 7),
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

/// What a client holds of a symbol and channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// Last number it was told; `None` before the first message.
    pub last: Option<u64>,
    /// An announced hole up to here, to be followed by the next number.
    pub hole: Option<u64>,
    /// The same, announced on a connection that broke before what follows came: its cursor may be within the hole, and then
    /// what comes after the cursor may be there after all.
    pub old_hole: Option<u64>,
}

pub type Key = (usize, EventChannel);

pub struct Client {
    pub id: ConnectionId,
    pipe: Pipe,
    format: Format,
    table: SymbolTable,
    read: usize,
    pub held: BTreeMap<Key, Held>,
    /// Bars of 1 s built from what was sent: (symbol, start).
    pub bars: BTreeMap<(usize, i64), Bar>,
    /// Greatest offset received: the cursor.
    pub sent: u64,
    /// The same before the current frame.
    cursor_before: u64,
    /// Whether it has one subscription at a time, so that the cursor rule holds for the whole connection.
    pub is_single: bool,
    pub messages: Vec<ServerMessage>,
    /// Payload of a fragmented message that is not whole yet.
    pending: Vec<u8>,
    pub closed: Option<u16>,
}

impl Client {
    /// A client that comes back on a new connection with what it knows.
    pub fn reconnect(&mut self, world: &mut World) {
        world.shard.remove(self.id);
        let fresh = world.connect(self.format);
        (self.id, self.pipe, self.table) = (fresh.id, fresh.pipe, fresh.table);
        (self.read, self.closed) = (0, None);
        for held in self.held.values_mut() {
            held.old_hole = held.hole.take().or(held.old_hole);
        }
        self.pending.clear();
    }

    pub fn cursor(&self, world: &World) -> Cursor {
        world.market.cursor(self.sent)
    }

    /// Whole frames that have come in are read; a rest waits.
    pub fn read(&mut self, world: &World) {
        let bytes = self.pipe.0.bytes.borrow().clone();
        while let Some((head, payload, end)) = next_frame(&bytes, self.read) {
            self.read = end;
            match head & 0x0f {
                0x8 => {
                    let code = bytes[payload.clone()].get(..2);
                    self.closed = code.map(|code| u16::from_be_bytes([code[0], code[1]]));
                }
                0x9 | 0xa => {}
                _ => {
                    self.pending.extend_from_slice(&bytes[payload]);
                    if head & 0x80 != 0 {
                        let whole = std::mem::take(&mut self.pending);
                        self.frame(&whole, world);
                    }
                }
            }
        }
    }

    fn frame(&mut self, payload: &[u8], world: &World) {
        let messages = decode_frame(self.format, payload, &mut self.table).unwrap();
        assert!(!messages.is_empty(), "no empty frames");
        let offsets: Vec<u64> = messages.iter().filter_map(merged_offset).collect();
        assert!(offsets.windows(2).all(|pair| pair[0] == pair[1]), "one position a frame");
        let before = self.sent;
        self.cursor_before = before;
        for message in messages {
            match &message {
                ServerMessage::Control(control) => self.control(control, before),
                ServerMessage::Data(name, data) => self.data(name, data, world),
            }
            self.messages.push(message);
        }
    }

    fn control(&mut self, control: &Control, before: u64) {
        match control {
            Control::Gap { symbol, ch, from, to, .. } => {
                let held = self.held.entry(key(symbol, ch)).or_default();
                let last = held.last.unwrap_or(0);
                assert!(*from == 1 || *from == last + 1, "gap from {from} after {last}");
                assert!(*to > last || held.last.is_none(), "gap to {to} after {last}");
                held.hole = Some(*to);
            }
            Control::Heartbeat { sent, o, .. } => {
                assert!(sent >= &before.min(*sent) && sent <= o);
            }
            _ => {}
        }
    }

    fn data(&mut self, name: &str, data: &Data, world: &World) {
        let symbol: usize = name[1..].parse().unwrap();
        let (channel, first, last, offset, snap) = match data {
            Data::Trade { n, o, snap, .. } => (EventChannel::Trades, *n, *n, *o, *snap),
            Data::Quote { n0, n, o, snap, .. } => {
                (EventChannel::Quotes, n0.unwrap_or(*n), *n, *o, *snap)
            }
            Data::Merged { n0, n, o, c, .. } => {
                assert!(n > n0 && *c == n - n0 + 1);
                (EventChannel::Trades, *n0, *n, *o, false)
            }
            Data::Status { n, o, snap, .. } => (EventChannel::Status, *n, *n, *o, *snap),
            Data::Bar { .. } => return,
        };
        let held = self.held.entry((symbol, channel)).or_default();
        let old_hole = held.old_hole.take();
        match (held.hole.take(), held.last) {
            (None, last) if old_hole.is_some_and(|to| first <= to + 1) => {
                assert!(first > last.unwrap_or(0), "nothing is repeated");
            }
            (Some(to), _) => assert_eq!(first, to + 1, "what follows a gap"),
            (None, Some(known)) => assert_eq!(first, known + 1, "{name} {channel:?} {data:?}"),
            (None, None) => assert!(snap || first == 1, "{name} begins with {data:?}"),
        }
        // The cursor rule: what a later frame brings is beyond everything before.
        assert!(snap || !self.is_single || offset > self.cursor_before, "{name} {data:?}");
        held.last = Some(last);
        self.sent = self.sent.max(offset);
        self.check_values(symbol, channel, (first, last), data, world);
    }

    /// What a message says is what happened.
    fn check_values(
        &mut self,
        symbol: usize,
        channel: EventChannel,
        (first, last): (u64, u64),
        data: &Data,
        world: &World,
    ) {
        let events: Vec<_> = world.events(symbol, channel, first, last).copied().collect();
        assert_eq!(events.len() as u64, last - first + 1, "numbers that were given out");
        let seconds: BTreeSet<_> = events.iter().map(|event| event.ts_us / 1_000_000).collect();
        assert_eq!(seconds.len(), 1, "a merge never crosses a second");
        let (oldest, newest) = (events[0], events[events.len() - 1]);
        match *data {
            Data::Trade { o, ts, p, v, d, snap, .. } => {
                let Body::Trade(trade) = newest.body else { unreachable!() };
                assert_eq!((o, ts), (newest.offset, newest.ts_us));
                assert_eq!((p.units, v, d), (trade.price, trade.size.into(), trade.aggressor));
                if !snap {
                    self.add_to_bar(symbol, ts, Bar::of(0, trade));
                }
            }
            Data::Merged { o, ts0, ts, open, high, low, p, v, .. } => {
                let bar = bar_of(&events);
                assert!(o >= newest.offset && (ts0, ts) == (oldest.ts_us, newest.ts_us));
                let units = (open.units, high.units, low.units, p.units, v);
                assert_eq!(units, (bar.open, bar.high, bar.low, bar.close, bar.volume));
                self.add_to_bar(symbol, ts, bar);
            }
            Data::Quote { n0, o, ts, b, bid_size, a, ask_size, .. } => {
                let Body::Quote(quote) = newest.body else { unreachable!() };
                assert_eq!(ts, newest.ts_us);
                assert!(if n0.is_some() { o >= newest.offset } else { o == newest.offset });
                assert_eq!((b.units, a.units), (quote.bid, quote.ask));
                assert_eq!((bid_size, ask_size), (quote.bid_size.into(), quote.ask_size.into()));
            }
            Data::Status { o, ts, st, .. } => {
                assert_eq!((o, ts, Body::Status(st)), (newest.offset, newest.ts_us, newest.body));
            }
            Data::Bar { .. } => {}
        }
    }

    fn add_to_bar(&mut self, symbol: usize, ts_us: i64, bar: Bar) {
        let start_us = Interval::S1.start_us(ts_us);
        let bar = Bar { start_us, ..bar };
        self.bars.entry((symbol, start_us)).and_modify(|known| known.absorb(&bar)).or_insert(bar);
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

fn merged_offset(message: &ServerMessage) -> Option<u64> {
    match message {
        ServerMessage::Data(_, Data::Merged { o, .. } | Data::Quote { n0: Some(_), o, .. }) => {
            Some(*o)
        }
        _ => None,
    }
}

fn key(symbol: &str, channel: &str) -> Key {
    let channel = EventChannel::ALL.into_iter().find(|c| c.as_str() == channel).unwrap();
    (symbol[1..].parse().unwrap(), channel)
}

/// The frame at `start`: first byte, payload, end; `None` if it is not whole.
fn next_frame(bytes: &[u8], start: usize) -> Option<(u8, std::ops::Range<usize>, usize)> {
    let bytes = bytes.get(start..)?;
    let (length, header) = match bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        short => (usize::from(*short), 2),
    };
    let end = header + length;
    (bytes.len() >= end).then(|| (bytes[0], start + header..start + end, start + end))
}
