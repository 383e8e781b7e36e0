//! What a connection takes of the server's own memory while nothing happens on it.

use std::time::{Duration, Instant};

use anyhow::Result;
use peers::client::{Clients, Plan};

use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::peer::Peer;
use super::result::Round;

/// Events a second, for nobody.
const RATE: u64 = 10;
const SYMBOLS: usize = 100;
/// For what a server still does after its start, and for what handshakes needed to be given back.
const SETTLE: Duration = Duration::from_secs(2);

/// Opens so many connections, subscribed to nothing.
///
/// # Errors
/// They are not all taken.
pub fn measure(place: &Place, market: &Market, peer: &Peer, connections: usize) -> Result<Round> {
    let schedule = market.schedule(place, SYMBOLS, RATE)?;
    let server = place.launch(peer, SYMBOLS, RATE, &schedule)?;
    let sets = vec![Vec::new(); connections];
    let plan = Plan {
        dialect: peer.dialect,
        port: server.port,
        sets: &sets,
        sample_every: usize::MAX,
        snapshot: false,
        at_once: 128,
        within: OPEN_WITHIN,
    };
    std::thread::sleep(SETTLE);
    let before = server.memory_kib()?;
    let began = Instant::now();
    let mut clients = Clients::open(&plan, 1)?;
    clients.read_until(Instant::now() + SETTLE)?;
    let grown = server.memory_kib()? as f64 - before as f64;
    Ok(Round {
        peer: peer.name.to_owned(),
        connections: connections as u64,
        rate: RATE,
        seconds: began.elapsed().as_secs_f64(),
        memory_kib: Some(grown / connections as f64),
        ..Round::default()
    })
}
