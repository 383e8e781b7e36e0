//! What a server must do before it is timed: each event of each symbol that a connection asked for arrives there, once,
//! in order, and nothing else does. Also proves that the client's way of counting finds what a parser finds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use peers::client::{Clients, Plan};
use peers::interrupt;

use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::peer::Peer;
use super::tamper::{self, FAULTS, Fault};

const CONNECTIONS: usize = 20;
const SYMBOLS: usize = 100;
const EACH: usize = 10;
const RATE: u64 = 2_000;
const LASTS: Duration = Duration::from_secs(3);
/// Events of a symbol that may still be on their way to one connection when another has them.
const UNDER_WAY: u64 = 3;

/// Runs the server at a low rate and reads everything.
///
/// # Errors
/// It does not start, or breaks the contract; the text says how.
pub fn check(place: &Place, market: &Market, peer: &Peer) -> Result<()> {
    check_with(place, market, peer, None)
}

/// Shows that the check can fail: what one of the connections gets is spoilt in each way, and each must be noticed; and with
/// the same thing in between that spoils nothing, the server must pass.
///
/// # Errors
/// It does not pass, or passes when it must not.
pub fn prove(place: &Place, market: &Market, peer: &Peer) -> Result<()> {
    for fault in FAULTS {
        let checked = check_with(place, market, peer, Some(fault));
        interrupt::check()?;
        let name = format!("{fault:?}").to_lowercase();
        match (checked, fault == Fault::Nothing) {
            (Ok(()), true) => eprintln!("{:<16} {name:<8} accepted", peer.name),
            (Err(why), false) => eprintln!("{:<16} {name:<8} refused: {why:#}", peer.name),
            (Err(why), true) => return Err(why.context("refused though nothing was spoilt")),
            (Ok(()), false) => bail!("accepted in spite of {name}"),
        }
    }
    Ok(())
}

fn check_with(place: &Place, market: &Market, peer: &Peer, fault: Option<Fault>) -> Result<()> {
    let schedule = market.schedule(place, SYMBOLS, RATE)?;
    let sets = market.sets(SYMBOLS, EACH, CONNECTIONS)?;
    let mut server = place.launch(peer, SYMBOLS, RATE, &schedule)?;
    let port = match fault {
        Some(fault) => tamper::between(server.port, fault)?,
        None => server.port,
    };
    let plan = Plan {
        dialect: peer.dialect,
        port,
        sets: &sets,
        sample_every: 1,
        snapshot: false,
        at_once: CONNECTIONS,
        within: OPEN_WITHIN,
    };
    let mut clients = Clients::open(&plan, 1)?;
    server.feed()?;
    clients.read_until(Instant::now() + Duration::from_millis(500))?;
    let before = (clients.counters.messages, clients.observed.messages, clients.observed.offset);
    clients.read_until(Instant::now() + LASTS)?;
    let observed = &clients.observed;
    if let Some(complaint) = &observed.complaint {
        bail!("{} broken: {complaint}", observed.broken);
    }
    ensure!(observed.merged.0 == 0, "{} messages are merged", observed.merged.0);
    let counted = clients.counters.messages - before.0;
    let parsed = observed.messages - before.1;
    ensure!(counted == parsed, "{counted} messages counted, {parsed} parsed");
    let events = observed.offset - before.2;
    let copies = (CONNECTIONS * EACH / SYMBOLS) as f64;
    let delivered = parsed as f64 / (events as f64 * copies);
    ensure!((0.99..1.01).contains(&delivered), "{delivered:.3} of all events were delivered");
    agree(&clients)
}

/// Whoever asked for the same symbol has come equally far.
fn agree(clients: &Clients) -> Result<()> {
    let mut furthest: HashMap<Vec<u8>, u64> = HashMap::new();
    for (symbol, last) in clients.positions().flatten() {
        let at = furthest.entry(symbol.to_vec()).or_default();
        *at = (*at).max(last.unwrap_or(0));
    }
    for (symbol, last) in clients.positions().flatten() {
        let (last, furthest) = (last.unwrap_or(0), furthest[symbol]);
        let name = String::from_utf8_lossy(symbol);
        ensure!(last > 0, "nothing of {name} has come");
        ensure!(last + UNDER_WAY >= furthest, "{name} is at {last} here, at {furthest} there");
    }
    Ok(())
}
