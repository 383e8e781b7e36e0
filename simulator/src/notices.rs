//! Trading statuses: what each symbol starts with, and the halts of scenario `halt`.
//! The simulation merges them into the stream by time; they come on top of the rate.
//! Never random: a status is due at a moment that follows from scenario and number of symbols.

use feed_protocol::{SymbolId, TradingStatus, US_PER_SECOND};

use crate::plan::{Plan, Scenario};

/// Only the leading symbols are ever halted, a fifth of them at a time.
const HALTED_BELOW: u32 = 100;
const HALT_GROUPS: u32 = 5;
const CYCLE_US: i64 = 60 * US_PER_SECOND;
/// Statuses of a halt and when in the cycle they come, µs.
const HALT: [(i64, TradingStatus); 3] = [
    (10 * US_PER_SECOND, TradingStatus::Halted),
    (35 * US_PER_SECOND, TradingStatus::Auction),
    (40 * US_PER_SECOND, TradingStatus::Trading),
];

/// A status and when it is due, µs since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) at_us: i64,
    pub(crate) symbol: SymbolId,
    pub(crate) status: TradingStatus,
}

/// Every symbol's first status, spread evenly over a second (or 50 µs each, if there are more than
/// 20,000), so that 100,000 of them are no flood; then, in scenario `open`, the end of the auction
/// likewise; then halts.
#[derive(Debug)]
pub(crate) struct Notices {
    symbols: u32,
    scenario: Scenario,
    /// Series of statuses over many symbols: 0 the first, 1 the opening, from 2 on the halts.
    series: u32,
    next: Option<Notice>,
}

impl Notices {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut notices =
            Self { symbols: plan.symbols, scenario: plan.scenario, series: 0, next: None };
        notices.next = Some(notices.series_notice(0));
        notices
    }

    /// When the next one is due, µs since the start; `i64::MAX` when none will come any more.
    #[inline]
    pub(crate) fn due_us(&self) -> i64 {
        self.next.map_or(i64::MAX, |notice| notice.at_us)
    }

    /// Takes the next one.
    pub(crate) fn take(&mut self) -> Option<Notice> {
        let taken = self.next?;
        let following = taken.symbol.0 + if self.series < 2 { 1 } else { self.groups() };
        let end = if self.series < 2 { self.symbols } else { self.symbols.min(HALTED_BELOW) };
        self.next =
            if following < end { Some(self.series_notice(following)) } else { self.next_series() };
        Some(taken)
    }

    fn next_series(&mut self) -> Option<Notice> {
        self.series = match (self.scenario, self.series) {
            (Scenario::Open, 0) => 1,
            (Scenario::Halt, 0) => 2,
            (Scenario::Halt, series) => series + 1,
            _ => return None,
        };
        let cycle = self.series.saturating_sub(2) / HALT.len() as u32;
        Some(self.series_notice(if self.series < 2 { 0 } else { cycle % self.groups() }))
    }

    fn groups(&self) -> u32 {
        HALT_GROUPS.min(self.symbols)
    }

    fn series_notice(&self, symbol: u32) -> Notice {
        let spread_us = spread_us(self.symbols);
        let spread_at_us = i64::from(symbol) * spread_us / i64::from(self.symbols);
        let (at_us, status) = match self.series {
            0 if self.scenario == Scenario::Open => (spread_at_us, TradingStatus::Auction),
            0 => (spread_at_us, TradingStatus::Trading),
            1 => (spread_us + US_PER_SECOND + spread_at_us, TradingStatus::Trading),
            series => {
                let (cycle, part) = ((series - 2) / 3, (series - 2) % 3);
                let (at_us, status) = HALT[part as usize];
                (i64::from(cycle) * CYCLE_US + at_us, status)
            }
        };
        Notice { at_us, symbol: SymbolId(symbol), status }
    }
}

/// Time that a status for each symbol takes, µs.
fn spread_us(symbols: u32) -> i64 {
    US_PER_SECOND.max(i64::from(symbols) * 50)
}

/// When scenario `open` begins to trade, µs since the start: after the last symbol's auction.
pub(crate) fn opening_us(symbols: u32) -> i64 {
    US_PER_SECOND + 2 * spread_us(symbols)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(symbols: u32, scenario: Scenario, most: usize) -> Vec<Notice> {
        let mut notices = Notices::new(&Plan { symbols, scenario, ..Plan::default() });
        std::iter::from_fn(|| notices.take()).take(most).collect()
    }

    #[test]
    fn every_symbol_starts_with_one_status_within_the_spread() {
        for symbols in [1, 500, 100_000] {
            let all = notices(symbols, Scenario::Calm, usize::MAX);
            assert_eq!(all.len(), symbols as usize);
            assert!(all.is_sorted_by_key(|n| n.at_us));
            assert!(all.last().unwrap().at_us < spread_us(symbols));
        }
        let open = notices(500, Scenario::Open, usize::MAX);
        assert_eq!((open.len(), open[0].status), (1000, TradingStatus::Auction));
        assert!(open[999].at_us < opening_us(500));
    }

    #[test]
    fn halts_go_round_and_end() {
        let all = notices(7, Scenario::Halt, 7 + 6 + 6);
        assert!(all.is_sorted_by_key(|n| n.at_us));
        let halted: Vec<(i64, u32)> = all
            .iter()
            .filter(|n| n.status == TradingStatus::Halted)
            .map(|n| (n.at_us / US_PER_SECOND, n.symbol.0))
            .collect();
        assert_eq!(halted, [(10, 0), (10, 5), (70, 1), (70, 6)]);
        let alone = notices(1, Scenario::Halt, 7);
        assert_eq!(alone[6], Notice { at_us: 100_000_000, ..alone[0] });
    }
}
