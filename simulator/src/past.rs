//! Bars from before the stream's first instant, so that a chart begins full.
//! Asked for by whoever keeps history, a symbol at a time, before the first tick; joins the simulation's first price.
//! Walks backward in time from there; touches neither the simulation's state nor its random numbers.

use feed_protocol::{Bar, Interval, SymbolId};

use crate::chance::Chance;
use crate::plan::Plan;
use crate::popularity;
use crate::price::{SIZE_SPREAD, Volatility};
use crate::universe::{Character, character};

/// Purpose of the random numbers; the symbol's id is added.
const PAST: u64 = 2 << 40;

/// Bars of one interval that a past shall have at least (fewer where nobody traded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Length of the bars.
    pub interval: Interval,
    /// How many of them, before those of the next longer interval take over.
    pub bars: u32,
}

/// The bars of one symbol before `plan.start_us`, oldest first, the last one closing at
/// `first_price` (steps; see [`crate::first_price`]). A pure function of its arguments.
///
/// `reach` names the intervals, shortest first. The youngest bars have the first interval; each next
/// interval takes over at a multiple of its own length. So the spans touch without overlapping, and a
/// bar of any longer interval is exactly what the shorter ones in its span add up to. Where a symbol
/// trades too seldom for a bar to have a trade, there is no bar.
#[must_use]
pub fn past_bars(
    plan: &Plan,
    symbol: SymbolId,
    first_price: i64,
    reach: &[Reach],
) -> Vec<(Interval, Bar)> {
    let total: usize = reach.iter().map(|part| part.bars as usize + 1).sum();
    let mut bars = Vec::with_capacity(total.min(1 << 20));
    let mut walk = Walk::new(plan, symbol, first_price);
    let mut end_us = reach.first().map_or(0, |part| part.interval.start_us(plan.start_us));
    for (index, part) in reach.iter().enumerate() {
        let length_us = part.interval.us();
        let next = reach.get(index + 1).map_or(part.interval, |next| next.interval);
        let from_us = next.start_us(end_us - i64::from(part.bars) * length_us).max(0);
        let pace = walk.pace(part.interval);
        while end_us > from_us && end_us >= length_us {
            end_us -= length_us;
            if let Some(bar) = walk.bar(end_us, &pace) {
                bars.push((part.interval, bar));
            }
        }
    }
    bars.reverse();
    bars
}

/// A price on its way into the past.
struct Walk {
    chance: Chance,
    character: Character,
    volatility: Volatility,
    trades_per_s: f64,
    /// Price at the end of the bar that comes next, steps.
    close: f64,
}

/// What all bars of one interval have in common.
struct Pace {
    seconds: f64,
    /// Square root of the market time by which prices move, s.
    moving_s_sqrt: f64,
    trades: f64,
    /// Probability of a bar without a trade.
    silence: f64,
}

impl Walk {
    fn new(plan: &Plan, symbol: SymbolId, first_price: i64) -> Self {
        let mut chance = Chance::new(plan.seed, PAST + u64::from(symbol.0));
        let volatility = Volatility::new(&mut chance);
        Self {
            chance,
            character: character(plan.seed, symbol),
            volatility,
            trades_per_s: plan.trade_rate() * popularity::share(plan, symbol.0),
            close: first_price.max(1) as f64,
        }
    }

    fn pace(&self, interval: Interval) -> Pace {
        let seconds = f64::from(interval.seconds());
        let trades = self.trades_per_s * seconds;
        // Days of the past had one session: a year that looks like a year, not like five.
        let moving_s = if interval == Interval::D1 { 23_400.0 } else { seconds };
        Pace { seconds, moving_s_sqrt: f64::sqrt(moving_s), trades, silence: libm::exp(-trades) }
    }

    /// The bar that starts at `start_us` and ends where the walk stands; the walk goes to its start.
    fn bar(&mut self, start_us: i64, pace: &Pace) -> Option<Bar> {
        let chance = &mut self.chance;
        let factor = self.volatility.renew(pace.seconds, chance);
        let deviation = self.close * self.character.deviation * factor * pace.moving_s_sqrt;
        let deviation = deviation.min(0.1 * self.close);
        let close = self.close;
        let open = (close - deviation * chance.normal()).clamp(0.7 * close, 1.3 * close).max(1.0);
        self.close = open;
        if chance.unit() <= pace.silence {
            return None;
        }
        let busy = libm::exp(0.4 * chance.normal() + 0.5 * libm::log(factor.max(0.01)));
        let count = (pace.trades * busy + chance.unit()) as u64;
        let count = count.max(1);
        let close_steps = close.round() as i64;
        let mean_size = f64::from(self.character.median_size) * libm::exp(0.5 * SIZE_SPREAD);
        let volume = (count as f64 * mean_size * libm::exp(0.3 * chance.normal())) as u64;
        let volume = volume.max(count);
        if count == 1 {
            let price = close_steps;
            let (open, high, low) = (price, price, price);
            return Some(Bar { start_us, open, high, low, close: price, volume, count });
        }
        let open_steps = open.round() as i64;
        // Extremes of a Brownian bridge: (a + b ± sqrt((b - a)² - 2 σ² ln U)) / 2.
        let mut reach_steps = || {
            let spread = (close - open) * (close - open)
                + 2.0 * deviation * deviation * chance.exponential();
            0.5 * (spread.sqrt() - (close - open).abs())
        };
        let few = if count == 2 { 0.0 } else { 1.0 };
        let high = open_steps.max(close_steps) + (few * reach_steps()).round() as i64;
        let low = open_steps.min(close_steps) - (few * reach_steps()).round() as i64;
        Some(Bar {
            start_us,
            open: open_steps,
            high,
            low: low.max(1),
            close: close_steps,
            volume,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::first_price;

    fn reach(parts: &[(Interval, u32)]) -> Vec<Reach> {
        parts.iter().map(|&(interval, bars)| Reach { interval, bars }).collect()
    }

    fn usual() -> Vec<Reach> {
        reach(&[
            (Interval::S1, 1800),
            (Interval::M1, 1440),
            (Interval::H1, 500),
            (Interval::D1, 365),
        ])
    }

    #[test]
    fn spans_touch_on_boundaries_and_bars_are_sound() {
        let plan = Plan { start_us: 1_763_735_523_456_789, rate: 1e5, ..Plan::default() };
        let bars = past_bars(&plan, SymbolId(0), first_price(&plan, SymbolId(0)), &usual());
        assert!((4000..4500).contains(&bars.len()), "{}", bars.len());
        for &(interval, bar) in &bars {
            assert_eq!(bar.start_us, interval.start_us(bar.start_us));
            assert!(bar.low >= 1 && bar.low <= bar.open.min(bar.close));
            assert!(bar.high >= bar.open.max(bar.close) && bar.count >= 1);
        }
        for pair in bars.windows(2) {
            let ((interval, older), (_, younger)) = (pair[0], pair[1]);
            assert_eq!(older.start_us + interval.us(), younger.start_us);
            assert_eq!(older.close, younger.open);
        }
        let (interval, last) = bars.last().unwrap();
        assert_eq!(*interval, Interval::S1);
        assert_eq!(last.start_us + 1_000_000, 1_763_735_523_000_000);
        assert_eq!(last.close, first_price(&plan, SymbolId(0)));
    }

    #[test]
    fn is_repeatable_and_differs_by_symbol_and_seed() {
        let plan = Plan::default();
        let bars = |plan: &Plan, id| past_bars(plan, SymbolId(id), 10_000, &usual());
        assert_eq!(bars(&plan, 3), bars(&plan, 3));
        assert_ne!(bars(&plan, 3), bars(&plan, 4));
        assert_ne!(bars(&plan, 3), bars(&Plan { seed: 2, ..plan.clone() }, 3));
    }

    #[test]
    fn a_quiet_symbol_has_gaps_and_a_year_does_not_run_away() {
        let plan = Plan { symbols: 1000, rate: 100.0, ..Plan::default() };
        let bars = past_bars(&plan, SymbolId(900), 5_000, &usual());
        let seconds = bars.iter().filter(|(interval, _)| *interval == Interval::S1).count();
        assert!(seconds < 100, "{seconds} of 1800 seconds with a trade at 0.006 trades/s");
        assert!(bars.iter().all(|(_, bar)| (200..100_000).contains(&bar.close)));
        assert!(past_bars(&plan, SymbolId(0), 100, &[]).is_empty());
    }

    #[test]
    fn volatility_clusters_in_the_past_too() {
        let plan = Plan { rate: 1e5, ..Plan::default() };
        let bars = past_bars(&plan, SymbolId(1), 1_000_000, &reach(&[(Interval::S1, 20_000)]));
        let moves: Vec<f64> =
            bars.iter().map(|(_, b)| (b.close as f64 / b.open as f64).ln().abs()).collect();
        let mean = moves.iter().sum::<f64>() / moves.len() as f64;
        let product = |lag: usize| -> f64 {
            moves.iter().zip(&moves[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum()
        };
        assert!(product(5) / product(0) > 0.05, "{}", product(5) / product(0));
    }
}
