//! Thousands of connections that arrive at once, each wanting the latest event of many symbols, while others are being
//! served: how long until all have what they asked for, and what the others notice.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use peers::client::{Clients, Plan};
use peers::clock;

use super::fanout;
use super::launch::Place;
use super::market::{Market, OPEN_WITHIN};
use super::peer::Peer;
use super::result::Round;

const SYMBOLS: usize = 100;
const OTHERS: usize = 100;
const OTHERS_EACH: usize = 10;
const NEWCOMERS: usize = 10_000;
const NEWCOMERS_EACH: usize = 50;
/// Events a second, before the arrival until each symbol has had one, and during it: each goes to half of the newcomers. The same
/// all the time: only `--lab` can change it, and measures what each audience costs, which takes writing one by one.
const RATE: u64 = 20;
/// For each symbol to have had an event.
const TRADED_WITHIN: Duration = Duration::from_secs(120);
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Opening braces that a newcomer has received when it has its snapshot: two of the welcome, one of the answer, one of each
/// event. Events that happen meanwhile come behind it.
const SERVED_MESSAGES: u64 = 3 + NEWCOMERS_EACH as u64;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Measures one arrival.
///
/// # Errors
/// Somebody is not served.
pub fn measure(place: &Place, market: &Market, peer: &Peer) -> Result<Round> {
    let server = place.tickcast(SYMBOLS, RATE)?;
    let (others, newcomers) = (
        market.sets(SYMBOLS, OTHERS_EACH, OTHERS)?,
        market.sets(SYMBOLS, NEWCOMERS_EACH, NEWCOMERS)?,
    );
    let plan = Plan {
        dialect: peer.dialect,
        port: server.port,
        sets: &others,
        sample_every: 1,
        snapshot: false,
        at_once: OTHERS,
        within: OPEN_WITHIN,
    };
    let mut clients = Clients::open(&plan, 1)?;
    await_trades(&mut clients)?;
    clients.observed.part = Some(0);
    let counters = clients.counters;
    let (server_cpu, client_cpu, began) = (server.cpu()?, clock::own()?, Instant::now());
    let storm = Plan {
        sets: &newcomers,
        sample_every: usize::MAX,
        snapshot: true,
        at_once: NEWCOMERS,
        ..plan
    };
    clients.join(&storm)?;
    while clients.messages_each().skip(OTHERS).any(|messages| messages < SERVED_MESSAGES) {
        ensure!(began.elapsed() < OPEN_WITHIN, "not all are served after {OPEN_WITHIN:?}");
        clients.read_until(Instant::now() + LOOK_EVERY)?;
    }
    let served = began.elapsed().as_secs_f64();
    let observed = &clients.observed;
    Ok(Round {
        peer: peer.name.to_owned(),
        connections: (OTHERS + NEWCOMERS) as u64,
        rate: RATE,
        seconds: served,
        messages: clients.counters.messages - counters.messages,
        frames: clients.counters.frames - counters.frames,
        bytes: clients.counters.bytes - counters.bytes,
        merged: observed.merged.0,
        broken: observed.broken,
        server_cpu_s: (server.cpu()? - server_cpu).as_secs_f64(),
        client_cpu_s: (clock::own()? - client_cpu).as_secs_f64(),
        latency: fanout::latency(&observed.latency_us)?,
        served_s: Some(served),
        ..Round::default()
    })
}

/// Reads until each symbol has had an event.
fn await_trades(clients: &mut Clients) -> Result<()> {
    let (began, mut told) = (Instant::now(), Instant::now());
    loop {
        clients.read_until(Instant::now() + 25 * LOOK_EVERY)?;
        let mut traded = HashSet::new();
        for (symbol, last) in clients.positions().flatten() {
            if last.is_some() {
                traded.insert(symbol);
            }
        }
        if traded.len() == SYMBOLS {
            return Ok(());
        }
        ensure!(began.elapsed() < TRADED_WITHIN, "only {} symbols have traded", traded.len());
        if told.elapsed() > TELL_EVERY {
            told = Instant::now();
            eprintln!("      {} of {SYMBOLS} symbols have traded", traded.len());
        }
    }
}
