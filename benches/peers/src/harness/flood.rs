//! How much the clients can read, when a loop sends them whole pieces of many messages as fast as they take them. Shows how
//! far from their own limit they are in the rows.

use std::time::Instant;

use anyhow::Result;
use peers::client::dialect::Dialect;
use peers::client::{Clients, Plan};
use peers::clock;

use super::fanout::Work;
use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::result::Round;

/// Reads for a window.
///
/// # Errors
/// The sender does not start or dies.
pub fn measure(place: &Place, market: &Market, work: &Work) -> Result<Round> {
    let schedule = market.schedule(place, work.symbols, work.rate)?;
    let sets = market.sets(work.symbols, work.each, work.connections)?;
    let server = place.flood(&schedule)?;
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
    clients.read_until(began + work.window)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Round {
        peer: "bare".to_owned(),
        connections: work.connections as u64,
        seconds,
        messages: clients.counters.messages - counters.messages,
        frames: clients.counters.frames - counters.frames,
        bytes: clients.counters.bytes - counters.bytes,
        server_cpu_s: (server.cpu()? - server_cpu).as_secs_f64(),
        client_cpu_s: (clock::own()? - client_cpu).as_secs_f64(),
        ..Round::default()
    })
}
