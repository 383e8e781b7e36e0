//! A client in memory that reads as a strict client of the wire contract does.

use super::*;

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
    pub(super) pipe: Pipe,
    pub(super) format: Format,
    pub(super) table: SymbolTable,
    pub(super) read: usize,
    pub held: BTreeMap<Key, Held>,
    /// Bars of 1 s built from what was sent: (symbol, start).
    pub bars: BTreeMap<(usize, i64), Bar>,
    /// Greatest offset received: the cursor.
    pub sent: u64,
    /// The same before the current frame.
    pub(super) cursor_before: u64,
    /// Whether it has one subscription at a time, so that the cursor rule holds for the whole connection.
    pub is_single: bool,
    pub messages: Vec<ServerMessage>,
    /// Payload of a fragmented message that is not whole yet.
    pub(super) pending: Vec<u8>,
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
