//! Starts and stops a server: binds the ports, gives each shard its thread, and drains on request. The caller owns the
//! market and feeds it; nothing here knows where ticks come from.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use feed_protocol::Limits;
use socket2::{Domain, Socket, Type};
use thiserror::Error;
use tokio::sync::watch;

use crate::http::admin;
use crate::http::cors::Origins;
use crate::lab::{Lab, Rate, relay};
use crate::market::{Ingest, Market};
use crate::metrics::Lateness;
use crate::runtime;
use crate::shard::counters::Counters;
use crate::shard::queue::{Gauge, queue};
use crate::stage::{Stage, Stages};
use crate::thread::{self, Given};

/// Connections that wait to be accepted.
const ACCEPT_BACKLOG: i32 = 4096;
/// A source that is silent for so long makes the server not ready, µs.
const SOURCE_STALE_US: i64 = 5_000_000;

/// What a server needs to know; checked by `config` before it gets here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where metrics are read.
    pub admin_listen: SocketAddr,
    /// Threads that serve clients.
    pub shards: usize,
    /// Events that a shard's queue holds.
    pub queue_events: usize,
    /// Pause after the first event of a batch, so that more come together.
    pub coalesce_us: u64,
    /// Connections at a time, of WebSockets, streams and waiting long polls together.
    pub connections_max: usize,
    /// `TCP_NOTSENT_LOWAT` in bytes; 0 leaves it alone.
    pub notsent_lowat: u32,
    /// Part of a processor that a shard uses for passes over its connections, in percent: see [`crate::pace`].
    pub busy_max: u32,
    /// A connection that is further behind than this, ms, gets merged events.
    pub merge_after_ms: u32,
    /// Whether to send through io_uring where the kernel allows it.
    pub io_uring: bool,
    /// Pages of which origins may read the data.
    pub origins: Origins,
    /// The market's rate for the laboratory to set, if there is to be one.
    pub lab: Option<Rate>,
    /// What clients are told.
    pub limits: Limits,
}

/// What all threads of a server share.
#[derive(Debug)]
pub struct Shared {
    /// The market.
    pub market: Arc<Market>,
    /// Counters, a set a shard.
    pub counters: Vec<Arc<Counters>>,
    /// Queues' levels, one a shard.
    pub queues: Vec<Gauge>,
    /// How late the source was, if it tells.
    pub lateness: Option<Box<dyn Lateness>>,
    /// Sockets that are open.
    pub sockets: Sockets,
    /// See [`Settings`].
    pub connections_max: usize,
    /// See [`Settings`].
    pub notsent_lowat: u32,
    /// See [`Settings`].
    pub busy_max: u32,
    /// See [`Settings`].
    pub coalesce_us: u64,
    /// See [`Settings`].
    pub origins: Origins,
    /// See [`Settings`].
    pub limits: Limits,
    stage: watch::Receiver<Stage>,
    lab: Option<Lab>,
}

impl Shared {
    /// The laboratory, if there is one.
    #[must_use]
    pub fn lab(&self) -> Option<&Lab> {
        self.lab.as_ref()
    }

    /// Whether connections are taken.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.stage.borrow() == Stage::Serving
    }

    /// Why clients should not be sent here, if they should not.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        if !self.is_serving() {
            return Some("draining".into());
        }
        if !self.market.is_started() {
            return Some("the source has not started".into());
        }
        let age_us = self.market.source_age_us(runtime::wall_us());
        (age_us > SOURCE_STALE_US).then(|| format!("the source is silent for {} ms", age_us / 1000))
    }
}

/// Counts open sockets.
#[derive(Clone, Debug, Default)]
pub struct Sockets(Arc<AtomicUsize>);

/// One open socket.
#[derive(Debug)]
pub struct SocketGuard(Arc<AtomicUsize>);

impl Sockets {
    /// Counts one more, unless there are `most` already.
    #[must_use]
    pub fn enter(&self, most: usize) -> Option<SocketGuard> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= most {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(SocketGuard(self.0.clone()))
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port that cannot be had.
    #[error("cannot listen on {address}: {error}{}", hint(error, *address))]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// No thread or no runtime.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

fn hint(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "; another program has port {}: stop it, or choose another port",
                address.port()
            )
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege".into(),
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".into(),
        _ => String::new(),
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect; the port is the real one if 0 was asked for.
    pub address: SocketAddr,
    /// Where metrics are read.
    pub admin_address: SocketAddr,
    /// What its threads share.
    pub shared: Arc<Shared>,
    stages: Stages,
    failed: watch::Receiver<bool>,
    threads: Vec<JoinHandle<()>>,
    admin: Option<tokio::runtime::Runtime>,
}

impl Server {
    /// Binds the ports and starts the threads. The ticks go into the [`Ingest`] that comes back.
    ///
    /// # Errors
    /// A port that is taken, or no threads.
    pub fn start(
        settings: &Settings,
        market: Arc<Market>,
        lateness: Option<Box<dyn Lateness>>,
    ) -> Result<(Self, Ingest), StartError> {
        let listeners = bind_shared(settings.listen, settings.shards)
            .map_err(|error| StartError::Bind { address: settings.listen, error })?;
        let admin_error = |error| StartError::Bind { address: settings.admin_listen, error };
        let admin_listener = bind(settings.admin_listen, false).map_err(admin_error)?;
        let address = listeners[0].local_addr()?;
        let admin_address = admin_listener.local_addr()?;
        let lab = settings.lab.clone().map(|rate| Lab::open(reachable(address), rate));
        let (stages, mut stages_seen) = Stages::new(settings.shards + 1);
        let (producers, consumers): (Vec<_>, Vec<_>) =
            (0..settings.shards).map(|_| queue(settings.queue_events)).unzip();
        let shared = Arc::new(Shared {
            market: market.clone(),
            counters: (0..settings.shards).map(|_| Arc::default()).collect(),
            queues: consumers.iter().map(|consumer| consumer.gauge()).collect(),
            lateness,
            sockets: Sockets::default(),
            connections_max: settings.connections_max,
            notsent_lowat: settings.notsent_lowat,
            busy_max: settings.busy_max,
            coalesce_us: settings.coalesce_us,
            origins: settings.origins.clone(),
            limits: settings.limits,
            // The last one is for the threads that are no shard's.
            stage: stages_seen.swap_remove(settings.shards),
            lab: lab.transpose()?,
        });
        let (fails, failed) = watch::channel(false);
        let mut threads = Vec::new();
        let own = consumers.into_iter().zip(listeners).zip(stages_seen);
        for (number, ((queue, listener), stage)) in own.enumerate() {
            threads.push(thread::spawn(Given {
                number,
                shared: shared.clone(),
                queue,
                listener,
                stage,
                fails: fails.clone(),
                io_uring: settings.io_uring,
                merge_after_us: u64::from(settings.merge_after_ms) * 1000,
            })?);
        }
        let admin = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("admin")
            .enable_all()
            .build()?;
        let admin_listener = {
            let _entered = admin.enter();
            tokio::net::TcpListener::from_std(admin_listener)?
        };
        admin.spawn(admin::run(shared.clone(), admin_listener));
        for lane in shared.lab().into_iter().flat_map(|lab| &lab.lanes) {
            admin.spawn(relay::run(lane.clone()));
        }
        let ingest = Ingest::new(market, producers);
        let admin = Some(admin);
        Ok((Self { address, admin_address, shared, stages, failed, threads, admin }, ingest))
    }

    /// Waits until a shard's thread has ended although it should not: its clients are lost, and the rest of the server is of
    /// no use to them.
    pub fn failed(&self) -> impl Future<Output = ()> + use<> {
        let mut failed = self.failed.clone();
        async move {
            // An error would mean that all threads have ended in order.
            if failed.wait_for(|failed| *failed).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Says goodbye to every client and waits until they are gone, at most `limit`. The admin listener answers until then.
    /// Returns whether all went in time.
    pub fn drain(mut self, retry_ms: Range<u64>, limit: Duration) -> bool {
        self.stages.send(&Stage::Draining { retry_ms });
        let deadline = Instant::now() + limit;
        let is_done = |threads: &[JoinHandle<()>]| threads.iter().all(JoinHandle::is_finished);
        while !is_done(&self.threads) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let all = is_done(&self.threads);
        self.stop();
        all
    }

    fn stop(&mut self) {
        self.stages.send(&Stage::Stopped);
        for thread in self.threads.drain(..) {
            // A shard that panicked has said so already.
            let _ = thread.join();
        }
        if let Some(admin) = self.admin.take() {
            admin.shutdown_background();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where a server that listens at `address` can be reached from this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A listener a shard on one port. A port that was asked for is bound without sharing first, so that one of another program
/// is noticed; the system's choice is free, and must not be let go in between.
fn bind_shared(address: SocketAddr, shards: usize) -> io::Result<Vec<std::net::TcpListener>> {
    if shards == 1 {
        return Ok(vec![bind(address, false)?]);
    }
    if address.port() != 0 {
        drop(bind(address, false)?);
    }
    let first = bind(address, true)?;
    let real = first.local_addr()?;
    std::iter::once(Ok(first)).chain((1..shards).map(|_| bind(real, true))).collect()
}

fn bind(address: SocketAddr, is_shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if is_shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    Ok(socket.into())
}
