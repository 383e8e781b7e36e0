//! One measurement: a fresh server, all clients, a while to settle, and a window in which processor time, messages and
//! latencies are taken.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use peers::client::{Clients, Plan};
use peers::clock;

use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::peer::Peer;
use super::result::{Latency, Round};
use super::server::Server;

/// Parts of the window that are told apart, so that growing latency is seen.
const PARTS: usize = 4;
/// How long a server has to settle, usually.
pub const WARM_UP: Duration = Duration::from_millis(1500);
/// Connections that are parsed, about.
const SAMPLES: usize = 10;

/// Who gets what, how often.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// WebSockets.
    pub connections: usize,
    /// Symbols of the market.
    pub symbols: usize,
    /// Symbols of a connection.
    pub each: usize,
    /// Events a second, over all symbols.
    pub rate: u64,
    /// How long the server has to settle.
    pub warm_up: Duration,
    /// How long is measured.
    pub window: Duration,
}

impl Work {
    /// Messages that one event becomes.
    pub fn copies(&self) -> f64 {
        self.connections as f64 * self.each as f64 / self.symbols as f64
    }
}

/// Starts the server and measures it.
///
/// # Errors
/// It does not start, does not take all connections, or dies.
pub fn measure(place: &Place, market: &Market, peer: &Peer, work: &Work) -> Result<Round> {
    market.prepare(place, work.symbols)?;
    let schedule = if peer.is_tickcast() {
        PathBuf::new()
    } else {
        market.schedule(place, work.symbols, work.rate)?
    };
    let sets = market.sets(work.symbols, work.each, work.connections)?;
    let mut server = place.launch(peer, work.symbols, work.rate, &schedule)?;
    let plan = Plan {
        dialect: peer.dialect,
        port: server.port,
        sets: &sets,
        sample_every: (work.connections / SAMPLES).max(1),
        snapshot: false,
        at_once: 128,
        within: OPEN_WITHIN,
    };
    let mut clients = Clients::open(&plan, PARTS)?;
    server.feed()?;
    clients.read_until(Instant::now() + work.warm_up)?;
    window(&server, &mut clients, peer, work)
}

fn window(server: &Server, clients: &mut Clients, peer: &Peer, work: &Work) -> Result<Round> {
    let counters = clients.counters;
    let (offset, merged, broken) =
        (clients.observed.offset, clients.observed.merged, clients.observed.broken);
    let each: Vec<_> = clients.messages_each().collect();
    let (server_cpu, client_cpu, began) = (server.cpu()?, clock::own()?, Instant::now());
    for part in 0..PARTS {
        clients.observed.part = Some(part);
        clients.read_until(began + work.window * (part as u32 + 1) / PARTS as u32)?;
    }
    clients.observed.part = None;
    let (server_cpu, client_cpu) = (server.cpu()? - server_cpu, clock::own()? - client_cpu);
    let seconds = began.elapsed().as_secs_f64();
    let messages = clients.counters.messages - counters.messages;
    ensure!(messages > 0, "nothing was delivered");
    let fewest = clients.messages_each().zip(each).map(|(now, then)| now - then).min();
    let observed = &clients.observed;
    Ok(Round {
        peer: peer.name.to_owned(),
        connections: work.connections as u64,
        rate: work.rate,
        seconds,
        messages,
        fewest: fewest.unwrap_or(0),
        frames: clients.counters.frames - counters.frames,
        bytes: clients.counters.bytes - counters.bytes,
        offered: (observed.offset - offset) as f64 * work.copies(),
        asked: work.rate as f64 * seconds * work.copies(),
        merged: observed.merged.0 - merged.0,
        broken: observed.broken - broken,
        server_cpu_s: server_cpu.as_secs_f64(),
        client_cpu_s: client_cpu.as_secs_f64(),
        latency: latency(&observed.latency_us)?,
        ..Round::default()
    })
}

/// Percentiles over all parts of a window.
///
/// # Errors
/// There is nothing in them.
pub fn latency(parts: &[Histogram<u64>]) -> Result<Latency> {
    let mut all = Histogram::<u64>::new(3)?;
    for part in parts {
        all.add(part)?;
    }
    ensure!(!all.is_empty(), "no message of a sampled connection came");
    let ms = |us: u64| us as f64 / 1e3;
    let at = |quantile| ms(all.value_at_quantile(quantile));
    let median = |part: Option<&Histogram<u64>>| part.map_or(0.0, |h| ms(h.value_at_quantile(0.5)));
    Ok(Latency {
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        max_ms: ms(all.max()),
        growth_ms: median(parts.last()) - median(parts.first()),
    })
}
