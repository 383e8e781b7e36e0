//! How much the clients can read when the sender is not the limit: large pieces of many messages, as fast as they take them;
//! and one message at a time, read when it has long been there. Shows how far from their own limit they are in the rows.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use peers::client::dialect::Dialect;
use peers::client::{Clients, Plan};
use peers::clock;

use super::fanout::Work;
use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::result::Round;

/// Longer than the sender needs for one message to everybody.
const PAUSE: Duration = Duration::from_millis(20);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Pieces of 16 KiB, without pause.
    Pieces,
    /// A message at a time.
    Messages,
}

/// Reads for a window.
///
/// # Errors
/// The sender does not start or dies.
pub fn measure(place: &Place, market: &Market, work: &Work, flood: Flood) -> Result<Round> {
    let schedule = market.schedule(place, work.symbols, work.rate)?;
    let sets = market.sets(work.symbols, work.each, work.connections)?;
    let mode = if flood == Flood::Pieces { "flood" } else { "pulse" };
    let server = place.flood(&schedule, mode)?;
    let plan = Plan {
        dialect: Dialect::Plain,
        port: server.port,
        sets: &sets,
        sample_every: work.connections / 10,
        snapshot: false,
        at_once: 128,
        within: OPEN_WITHIN,
    };
    let mut clients = Clients::open(&plan, 1)?;
    clients.read_until(Instant::now() + work.warm_up)?;
    let counters = clients.counters;
    let (server_cpu, client_cpu, began) = (server.cpu()?, clock::own()?, Instant::now());
    match flood {
        Flood::Pieces => clients.read_until(began + work.window)?,
        Flood::Messages => {
            while began.elapsed() < work.window {
                std::thread::sleep(PAUSE);
                clients.read_ready()?;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let messages = clients.counters.messages - counters.messages;
    ensure!(messages > 0, "nothing was sent");
    Ok(Round {
        peer: "bare".to_owned(),
        connections: work.connections as u64,
        seconds,
        messages,
        frames: clients.counters.frames - counters.frames,
        reads: clients.counters.reads - counters.reads,
        bytes: clients.counters.bytes - counters.bytes,
        server_cpu_s: (server.cpu()? - server_cpu).as_secs_f64(),
        client_cpu_s: (clock::own()? - client_cpu).as_secs_f64(),
        ..Round::default()
    })
}
