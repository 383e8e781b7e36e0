//! The clients: thousands of connections read by one thread, made to cost less than the lightest server. A large buffer
//! for all, frames walked header by header, messages counted by SIMD search, and only a sample of connections parsed.
//! It tells what it used of its own processor, so that nobody has to believe that it was not the bottleneck.

pub mod dialect;
mod frames;
mod messagepack;
mod reader;
mod sample;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send,
    socket_with,
};
use rustix::time::Timespec;

pub use self::reader::Counters;
pub use self::sample::Observed;

use self::dialect::Dialect;
use self::frames::Frames;
use self::reader::{Reader, State};
use self::sample::Sample;
use crate::interrupt;
use crate::source::wall_us;

/// Bytes of one read at most, for all connections together.
const BUFFER_BYTES: usize = 1 << 18;
/// Longest answer to a handshake.
const HEAD_BYTES_MAX: usize = 4096;
/// Connections from one source address: of its 28,000 ports, `connect` takes every second one first and searches long for one
/// of the others.
const PER_ADDRESS: usize = 10_000;
/// Connections that are dialled before those that are open are read again: dialling all of thousands at once would delay
/// what is measured on the others, and the requests of the new ones.
const DIALS: usize = 16;
/// Whoever waits longer for connections is told how many there are.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Who connects to what, and asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// What the server speaks.
    pub dialect: Dialect,
    /// Where it listens, on loopback.
    pub port: u16,
    /// The symbols of each connection.
    pub sets: &'a [Vec<&'a str>],
    /// Every so many connections one is parsed.
    pub sample_every: usize,
    /// Whether Tickcast is to send the latest event of each symbol first.
    pub snapshot: bool,
    /// Handshakes that are under way at the same time.
    pub at_once: usize,
    /// For all of them to be open.
    pub within: Duration,
}

/// A connection.
struct Connection {
    socket: OwnedFd,
    /// What is to be sent as soon as the socket takes it.
    outgoing: Vec<u8>,
    /// What is to be sent when it is open.
    greeting: Vec<u8>,
    /// The answer to the handshake, as far as it is there; none once it is open.
    head: Option<Vec<u8>>,
    frames: Frames,
    state: State,
    sample: Option<Box<Sample>>,
}

/// All of them.
pub struct Clients {
    epoll: OwnedFd,
    dialect: Dialect,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    events: Vec<epoll::Event>,
    open: usize,
    /// What was received.
    pub counters: Counters,
    /// What samples saw.
    pub observed: Observed,
}

impl Clients {
    /// Opens all connections, reading meanwhile what comes on those that are open. `parts` of a window are told apart.
    ///
    /// # Errors
    /// One is refused or not answered in time.
    pub fn open(plan: &Plan<'_>, parts: usize) -> Result<Self> {
        let mut clients = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            dialect: plan.dialect,
            connections: Vec::with_capacity(plan.sets.len()),
            buffer: vec![0; BUFFER_BYTES],
            events: Vec::with_capacity(1024),
            open: 0,
            counters: Counters::default(),
            observed: Observed::new(parts),
        };
        clients.join(plan)?;
        Ok(clients)
    }

    /// Opens more connections, to the same server.
    ///
    /// # Errors
    /// As [`Clients::open`].
    pub fn join(&mut self, plan: &Plan<'_>) -> Result<()> {
        let (begun, mut told) = (Instant::now(), Instant::now());
        let (before, all) = (self.connections.len(), self.connections.len() + plan.sets.len());
        while self.open < all {
            let dialled = all.min(self.open + plan.at_once).min(self.connections.len() + DIALS);
            while self.connections.len() < dialled {
                self.dial(plan, self.connections.len() - before)?;
            }
            let may_dial = self.connections.len() < all.min(self.open + plan.at_once);
            let wait = if may_dial { Duration::ZERO } else { Duration::from_millis(100) };
            self.turn(Instant::now() + wait)?;
            let (open, wanted) = (self.open - before, plan.sets.len());
            ensure!(
                begun.elapsed() < plan.within,
                "only {open} of {wanted} connections open after {:?}",
                plan.within
            );
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                eprintln!("      {open} of {wanted} connections open");
            }
        }
        Ok(())
    }

    /// Reads until `until`.
    ///
    /// # Errors
    /// A connection was closed or is broken.
    pub fn read_until(&mut self, until: Instant) -> Result<()> {
        while Instant::now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// Reads whatever is there without waiting for more.
    ///
    /// # Errors
    /// As [`Clients::read_until`].
    pub fn read_ready(&mut self) -> Result<()> {
        loop {
            self.turn(Instant::now())?;
            if self.events.is_empty() {
                return Ok(());
            }
        }
    }

    /// How many messages the connections have got each.
    pub fn messages_each(&self) -> impl Iterator<Item = u64> {
        self.connections.iter().map(|connection| connection.state.messages)
    }

    /// For each connection that is parsed: its symbols with their last sequence numbers.
    pub fn positions(&self) -> impl Iterator<Item = Vec<(&[u8], Option<u64>)>> {
        let samples = self.connections.iter().filter_map(|connection| connection.sample.as_ref());
        samples.map(|sample| sample.last.iter().map(|(name, last)| (&name[..], *last)).collect())
    }

    fn dial(&mut self, plan: &Plan<'_>, place: usize) -> Result<()> {
        let (number, symbols) = (self.connections.len(), &plan.sets[place]);
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        // Their end is a reset: thousands of ports that wait for 60 s would be in the way of the next server's clients.
        set_socket_linger(&socket, Some(Duration::ZERO))?;
        if number >= PER_ADDRESS {
            let last = u8::try_from(1 + number / PER_ADDRESS)?;
            bind(&socket, &SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0))?;
        }
        match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, plan.port)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(why) => bail!("cannot connect to port {}: {why}", plan.port),
        }
        let data = epoll::EventData::new_u64(number as u64);
        let wanted = epoll::EventFlags::OUT | epoll::EventFlags::IN;
        epoll::add(&self.epoll, &socket, data, wanted)?;
        let sampled = (place + 1).is_multiple_of(plan.sample_every);
        // MessagePack has ids instead of names; the parser takes them as they come.
        let named = if plan.dialect == Dialect::TickcastMsgpack { &[][..] } else { symbols };
        self.connections.push(Connection {
            socket,
            outgoing: plan.dialect.request(plan.port, symbols, plan.snapshot),
            greeting: plan.dialect.greeting(symbols),
            head: Some(Vec::new()),
            frames: Frames::default(),
            state: State::default(),
            sample: sampled.then(|| Box::new(Sample::new(named))),
        });
        Ok(())
    }

    /// Waits for something to read, until `until` at most, and reads once from every socket that has something.
    fn turn(&mut self, until: Instant) -> Result<()> {
        interrupt::check()?;
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(why) => bail!("epoll: {why}"),
        }
        for at in 0..self.events.len() {
            let epoll::Event { data, flags } = self.events[at];
            let number = data.u64() as usize;
            if flags.contains(epoll::EventFlags::OUT) {
                self.write(number).with_context(|| format!("connection {number}"))?;
            }
            if flags.intersects(!epoll::EventFlags::OUT) {
                self.read(number).with_context(|| format!("connection {number}"))?;
            }
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> Result<()> {
        let connection = &mut self.connections[number];
        let length = match recv(&connection.socket, &mut self.buffer[..], RecvFlags::empty()) {
            Ok((_, 0)) => bail!("closed by the server"),
            Ok((_, length)) => length,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(why) => bail!("{why}"),
        };
        let mut bytes = &self.buffer[..length];
        let whole;
        if let Some(head) = &mut connection.head {
            head.extend_from_slice(bytes);
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
                ensure!(head.len() < HEAD_BYTES_MAX, "endless answer to the handshake");
                return Ok(());
            };
            ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(head));
            connection.outgoing = std::mem::take(&mut connection.greeting);
            self.open += 1;
            whole = connection.head.take().unwrap_or_default();
            bytes = &whole[end + 4..];
        }
        self.counters.reads += 1;
        self.counters.bytes += bytes.len() as u64;
        let sampled = connection.sample.is_some();
        let mut reader = Reader {
            counting: self.dialect.counting(),
            counters: &mut self.counters,
            state: &mut connection.state,
            sample: connection.sample.as_deref_mut(),
            observed: &mut self.observed,
            now_us: if sampled { wall_us() } else { 0 },
        };
        connection.frames.walk(bytes, &mut reader);
        connection.outgoing.append(&mut connection.state.answer);
        ensure!(!connection.state.closed, "closed by the server with a close frame");
        if connection.outgoing.is_empty() { Ok(()) } else { self.write(number) }
    }

    /// Sends what the socket takes, and waits for it to take the rest.
    fn write(&mut self, number: usize) -> Result<()> {
        let Connection { socket, outgoing, .. } = &mut self.connections[number];
        match send(&*socket, outgoing, SendFlags::NOSIGNAL) {
            Ok(length) => drop(outgoing.drain(..length)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(why) => bail!("{why}"),
        }
        let mut wanted = epoll::EventFlags::IN;
        wanted.set(epoll::EventFlags::OUT, !outgoing.is_empty());
        Ok(epoll::modify(&self.epoll, socket, epoll::EventData::new_u64(number as u64), wanted)?)
    }
}
