//! The highest rate that a server delivers whole: doubled until it does not, then halved in between, coarsely.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::fanout::{self, Work};
use super::launch::Place;
use super::market::Market;
use super::peer::Peer;
use super::result::Round;

const BEGIN_RATE: u64 = 5_000;
/// The search ends when the rates that are too high and not too high are so near to each other.
const NEAR: f64 = 1.1;
const LATENCY_MAX_MS: f64 = 1000.0;
/// Of what was asked for, so much may be missing.
const MISSING_MAX: f64 = 0.005;
/// What latencies may grow by without being counted as falling behind, ms: the machine's own unrest.
const UNREST_MS: f64 = 10.0;
const LOOK: Duration = Duration::from_secs(2);

/// Why not everything that was offered in a window was delivered in it, unmerged; none if it was. A server that falls behind
/// delivers late what it owes, so that its latency grows by the missing part of the window.
pub fn lacks(round: &Round) -> Option<String> {
    let share = round.messages as f64 / round.offered;
    let growth_max_ms = MISSING_MAX * round.seconds * 1e3 + UNREST_MS;
    if round.merged + round.broken > 0 {
        Some(format!("samples got {} merged and lost {}", round.merged, round.broken))
    } else if share < 1.0 - 2.0 * MISSING_MAX {
        Some(format!("{:.1} % delivered", share * 100.0))
    } else if round.latency.p99_ms > LATENCY_MAX_MS {
        Some(format!("p99 is {:.0} ms", round.latency.p99_ms))
    } else if round.latency.growth_ms > growth_max_ms {
        Some(format!("latency grew by {:.0} ms", round.latency.growth_ms))
    } else {
        None
    }
}

/// Searches the rate, events/s.
///
/// # Errors
/// The server cannot be measured, or does not even manage the lowest rate.
pub fn search(place: &Place, market: &Market, peer: &Peer, work: &Work) -> Result<u64> {
    let look = |rate| {
        let round = fanout::measure(place, market, peer, &Work { rate, window: LOOK, ..*work });
        match &round {
            Ok(round) => eprintln!(
                "      {rate:>8} events/s: {:.2} M messages/s, p99 {:.0} ms, client {:.0} %{}",
                round.rate_delivered() / 1e6,
                round.latency.p99_ms,
                round.client_share() * 100.0,
                lacks(round).map_or_else(String::new, |lack| format!("; not whole: {lack}"))
            ),
            Err(why) => eprintln!("      {rate:>8} events/s: {why:#}"),
        }
        round.is_ok_and(|round| lacks(&round).is_none())
    };
    // The machine's own unrest may spoil one short look.
    let holds = |rate| look(rate) || look(rate);
    let mut low = BEGIN_RATE;
    while low > 100 && !holds(low) {
        low /= 2;
    }
    ensure!(low > 100, "not even {low} events/s are delivered whole");
    let mut high = low * 2;
    while holds(high) {
        (low, high) = (high, high * 2);
    }
    while high as f64 / low as f64 > NEAR {
        let middle = (low as f64 * high as f64).sqrt() as u64 / 100 * 100;
        if holds(middle) { low = middle } else { high = middle }
    }
    Ok(low)
}

/// Measures at this rate, or at the highest a little below it at which the window is whole.
///
/// # Errors
/// It cannot be measured, or is never whole.
pub fn measure(place: &Place, market: &Market, peer: &Peer, work: &Work) -> Result<Round> {
    let mut rate = work.rate;
    for _ in 0..6 {
        let round = fanout::measure(place, market, peer, &Work { rate, ..*work })?;
        let Some(lack) = lacks(&round) else { return Ok(round) };
        eprintln!("      {rate:>8} events/s: not whole this time: {lack}");
        rate = rate * 93 / 100 / 100 * 100;
    }
    anyhow::bail!("{rate} events/s and more were never delivered whole")
}
