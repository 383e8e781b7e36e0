//! A lane: one transport as the page sees it, behind a relay of its own, with what the relay is told to do and has counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::shard::counters::Transport;

/// Names of the lanes, which are those of the client library's transports.
pub const NAMES: [&str; 5] = ["ws", "sse", "stream", "longpoll", "poll"];
/// The longest delay one way.
pub const DELAY_MAX: Duration = Duration::from_secs(5);
/// The longest stall.
pub const STALL_MAX: Duration = Duration::from_secs(60);

/// A lane.
#[derive(Debug)]
pub struct Lane {
    /// Its name.
    pub name: &'static str,
    /// Where its relay listens.
    pub address: SocketAddr,
    /// The server behind it.
    pub target: SocketAddr,
    /// What its connections are to do.
    pub orders: watch::Sender<Orders>,
    /// Bytes from clients to the server.
    pub up_bytes: AtomicU64,
    /// Bytes from the server to clients.
    pub down_bytes: AtomicU64,
    /// Connections that were made.
    pub connections: AtomicU64,
    pub(super) listener: std::sync::Mutex<Option<std::net::TcpListener>>,
}

/// What a lane's connections are to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Added to each way.
    pub delay: Duration,
    /// Nothing passes until then.
    pub stalled_until: Option<Instant>,
    /// Connections older than this number of cuts are cut.
    pub cuts: u64,
}

impl Lane {
    pub(super) fn open(name: &'static str, target: SocketAddr) -> std::io::Result<Arc<Self>> {
        let listener = std::net::TcpListener::bind((target.ip(), 0))?;
        listener.set_nonblocking(true)?;
        Ok(Arc::new(Self {
            name,
            address: listener.local_addr()?,
            target,
            orders: watch::Sender::new(Orders::default()),
            up_bytes: AtomicU64::new(0),
            down_bytes: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            listener: std::sync::Mutex::new(Some(listener)),
        }))
    }

    /// What its connections are counted as by the server.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.name {
            "ws" => Transport::WebSocket,
            "sse" => Transport::Sse,
            "stream" => Transport::Stream,
            "longpoll" => Transport::LongPoll,
            _ => Transport::Poll,
        }
    }

    /// Adds so much to each way.
    pub fn delay(&self, delay: Duration) {
        self.orders.send_modify(|orders| orders.delay = delay);
    }

    /// Lets nothing pass for so long.
    pub fn stall(&self, time: Duration) {
        self.orders.send_modify(|orders| orders.stalled_until = Some(Instant::now() + time));
    }

    /// Cuts all connections that there are.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Bytes so far: up, down.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.up_bytes.load(Ordering::Relaxed), self.down_bytes.load(Ordering::Relaxed))
    }
}
