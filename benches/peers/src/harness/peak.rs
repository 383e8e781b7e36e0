//! The highest rate that a server delivers whole: doubled until it does not, then halved in between, coarsely. Rounds that follow
//! begin where the one before them ended, and go up or down from there.

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
/// Of a window, at most so much counts as on its way at either end of it.
const EDGE_MAX: f64 = 0.05;
/// What latencies may grow by without being counted as falling behind, ms: the machine's own unrest.
const UNREST_MS: f64 = 10.0;
const LOOK: Duration = Duration::from_secs(2);

/// Why not everything that was offered in a window was delivered in it, unmerged; none if it was. A server that falls behind
/// delivers late what it owes, so that its latency grows by the missing part of the window.
pub fn lacks(round: &Round) -> Option<String> {
    let share = round.messages as f64 / round.offered;
    // What samples are the first to see, others get by the end of a pass: as late as their latest messages.
    let edge = (round.latency.p99_ms / 1e3 / round.seconds).min(EDGE_MAX);
    let growth_max_ms = MISSING_MAX * round.seconds * 1e3 + UNREST_MS;
    if round.merged + round.broken > 0 {
        Some(format!("samples got {} merged and lost {}", round.merged, round.broken))
    } else if share < 1.0 - 2.0 * MISSING_MAX - edge {
        Some(format!("{:.1} % delivered", share * 100.0))
    } else if round.latency.p99_ms > LATENCY_MAX_MS {
        Some(format!("p99 is {:.0} ms", round.latency.p99_ms))
    } else if round.latency.growth_ms > growth_max_ms {
        Some(format!("latency grew by {:.0} ms", round.latency.growth_ms))
    } else {
        None
    }
}

/// Searches the rate, events/s; `found` is what an earlier search ended at.
///
/// # Errors
/// The server cannot be measured, or does not even manage the lowest rate.
pub fn search(
    place: &Place,
    market: &Market,
    peer: &Peer,
    work: &Work,
    found: Option<u64>,
) -> Result<u64> {
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
    let mut holds = |rate| look(rate) || look(rate);
    match found {
        Some(found) => Ok(climb(found, holds)),
        None => bracket(&mut holds),
    }
}

/// Doubles the rate until it does not hold, then goes on in the middle.
fn bracket(holds: &mut impl FnMut(u64) -> bool) -> Result<u64> {
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
        if middle <= low {
            break;
        }
        if holds(middle) { low = middle } else { high = middle }
    }
    Ok(low)
}

/// The highest rate from `found` on that holds, in steps; `found` itself if the first does not.
fn climb(found: u64, mut holds: impl FnMut(u64) -> bool) -> u64 {
    let mut rate = found;
    loop {
        let higher = (rate as f64 * NEAR) as u64 / 100 * 100;
        if higher <= rate || !holds(higher) {
            return rate;
        }
        rate = higher;
    }
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
        let lower = rate * 93 / 100 / 100 * 100;
        if lower == 0 {
            break;
        }
        rate = lower;
    }
    anyhow::bail!("{rate} events/s and more were never delivered whole")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::result::Latency;

    #[test]
    fn a_search_ends_a_step_below_what_does_not_hold() {
        for limit in [300, 4_999, 5_000, 77_700, 1_000_000] {
            let found = bracket(&mut |rate| rate <= limit).unwrap();
            // Rates are hundreds.
            let step = found as f64 * 1.11 + 200.0;
            assert!(found <= limit && limit as f64 <= step, "{limit}: {found}");
        }
        assert!(bracket(&mut |_| false).is_err());
    }

    #[test]
    fn a_later_round_goes_up_again() {
        assert_eq!(climb(10_000, |rate| rate <= 13_500), 13_300);
        assert_eq!(climb(10_000, |_| false), 10_000);
        assert_eq!(climb(312, |_| true), 312, "rates are hundreds: there is none a step above");
    }

    #[test]
    fn what_is_on_its_way_at_the_end_is_not_missing() {
        let round = |share, p99_ms| Round {
            messages: (1e6 * share) as u64,
            offered: 1e6,
            seconds: 2.0,
            latency: Latency { p99_ms, ..Latency::default() },
            ..Round::default()
        };
        assert_eq!(lacks(&round(0.98, 43.0)), None);
        assert!(lacks(&round(0.96, 43.0)).is_some());
        assert!(lacks(&round(0.93, 900.0)).is_some(), "however late, no more than a twentieth");
        assert!(lacks(&round(1.0, 1001.0)).is_some());
    }
}
