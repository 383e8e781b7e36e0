//! The market itself: arrivals, popularity, prices, conditions and statuses put together into one endless stream.
//! Feeds a `Pacer`, a recording or a test; the next stage never has to wait for it.
//! Reads no clock and does no I/O: the stream follows from the plan alone, however fast it is drawn.

use std::sync::Arc;

use feed_protocol::{Body, SymbolId, Tick, TradingStatus, Universe};

use crate::arrivals::{Arrival, Arrivals};
use crate::calendar::Calendar;
use crate::chance::Chance;
use crate::notices::{Notices, opening_us};
use crate::plan::{Plan, PlanError};
use crate::popularity::Ranking;
use crate::price::{Book, Market};
use crate::universe;

/// Purposes of the random numbers.
const EVENTS: u64 = 1;
const BOOKS: u64 = 2;
/// Standard deviation of the whole market's return over a second of market time: 12 % a year.
const MARKET_DEVIATION: f64 = 0.12 / 2428.8;
/// How often another symbol is drawn when one is halted.
const REDRAWS: u32 = 16;

/// An endless stream of ticks with non-decreasing `ts_us`, the same for equal plans.
#[derive(Debug)]
pub struct Simulation {
    universe: Arc<Universe>,
    trades_only: bool,
    start_us: i64,
    chance: Chance,
    arrivals: Arrivals,
    ranking: Ranking,
    calendar: Calendar,
    notices: Notices,
    books: Vec<Book>,
    market: Market,
    /// The market's own random walk, without what the scenario adds.
    drift: f64,
    /// The next arrival and when it is due, µs since the start.
    upcoming: Option<(i64, Option<u32>)>,
}

impl Simulation {
    /// Prepares a market.
    ///
    /// # Errors
    /// A setting of the plan that is out of range.
    pub fn new(plan: &Plan) -> Result<Self, PlanError> {
        plan.validate()?;
        let mut chance = Chance::new(plan.seed, BOOKS);
        let book = |id| Book::new(&universe::character(plan.seed, SymbolId(id)), &mut chance);
        let books = (0..plan.symbols).map(book).collect();
        let calendar = Calendar::new(plan.scenario, opening_us(plan.symbols));
        let volatility = calendar.now().volatility;
        Ok(Self {
            universe: Arc::new(universe::universe(plan)),
            trades_only: plan.trades_only,
            start_us: plan.start_us,
            chance: Chance::new(plan.seed, EVENTS),
            arrivals: Arrivals::new(plan.rate),
            ranking: Ranking::new(plan),
            calendar,
            notices: Notices::new(plan),
            books,
            market: Market { now_s: 0.0, level: 0.0, volatility },
            drift: 0.0,
            upcoming: None,
        })
    }

    /// The symbols, the most popular first.
    #[must_use]
    pub fn universe(&self) -> Arc<Universe> {
        self.universe.clone()
    }

    /// Moves the first instant (µs since the Unix epoch): for whoever prepares for a while after making
    /// the simulation, and then wants it to begin now. Only `ts_us` of what comes changes.
    pub fn start_at(&mut self, start_us: i64) {
        self.start_us = start_us;
    }

    /// Changes the mean rate, events/s, from the next arrival on; a burst that is under way runs out as it would have.
    pub fn set_rate(&mut self, rate: f64) {
        self.arrivals.set_rate(rate);
    }

    /// The next thing that happens.
    #[inline]
    pub fn next_tick(&mut self) -> Tick {
        loop {
            let (at_us, cause) = match self.upcoming {
                Some(upcoming) => upcoming,
                None => self.draw_upcoming(),
            };
            if self.notices.due_us() <= at_us {
                if let Some(tick) = self.take_notice() {
                    return tick;
                }
                continue;
            }
            self.upcoming = None;
            if let Some(symbol) = self.choose(cause) {
                self.arrivals.happened(symbol);
                let book = &mut self.books[symbol as usize];
                let body = book.happen(&self.market, self.trades_only, &mut self.chance);
                return Tick { symbol: SymbolId(symbol), ts_us: self.start_us + at_us, body };
            }
        }
    }

    /// Draws the next arrival and lets the time until then pass.
    #[inline]
    fn draw_upcoming(&mut self) -> (i64, Option<u32>) {
        let Arrival { mut gap_s, cause } = self.arrivals.next(&mut self.chance);
        self.market.now_s += gap_s;
        while gap_s >= self.calendar.left_s() {
            gap_s -= self.calendar.left_s();
            self.next_step();
        }
        let upcoming = (self.calendar.spend(gap_s), cause);
        self.upcoming = Some(upcoming);
        upcoming
    }

    /// Goes to the next step of the calendar and moves the market as a whole.
    fn next_step(&mut self) {
        self.calendar.next_step();
        let now = *self.calendar.now();
        let deviation = MARKET_DEVIATION * now.volatility * (now.activity * 0.1).sqrt();
        self.drift += deviation * self.chance.normal();
        self.market.level = self.drift + now.level;
        self.market.volatility = now.volatility;
    }

    /// The symbol of an arrival: its cause's, or one drawn by popularity. None if it cannot trade now.
    #[inline]
    fn choose(&mut self, cause: Option<u32>) -> Option<u32> {
        let mut symbol = match cause {
            Some(symbol) => symbol,
            None => self.ranking.draw(&mut self.chance),
        };
        for _ in 0..REDRAWS {
            if self.books[symbol as usize].open {
                return Some(symbol);
            }
            symbol = self.ranking.draw(&mut self.chance);
        }
        None
    }

    /// Puts the next status into force; a tick unless only trades are asked for.
    fn take_notice(&mut self) -> Option<Tick> {
        let notice = self.notices.take()?;
        self.books[notice.symbol.index()].open = notice.status == TradingStatus::Trading;
        (!self.trades_only).then_some(Tick {
            symbol: notice.symbol,
            ts_us: self.start_us + notice.at_us,
            body: Body::Status(notice.status),
        })
    }
}

impl Iterator for Simulation {
    type Item = Tick;

    #[inline]
    fn next(&mut self) -> Option<Tick> {
        Some(self.next_tick())
    }
}

/// Price of a symbol before its first event, in its smallest steps: the close of its past bars and
/// the centre of its first quotes.
#[must_use]
pub fn first_price(plan: &Plan, symbol: SymbolId) -> i64 {
    universe::character(plan.seed, symbol).first_price
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scenario;

    fn ticks(plan: &Plan, n: usize) -> Vec<Tick> {
        Simulation::new(plan).unwrap().take(n).collect()
    }

    #[test]
    fn halted_symbols_do_not_trade() {
        let plan = Plan { symbols: 40, scenario: Scenario::Halt, ..Plan::default() };
        let mut open = [true; 40];
        let (mut halts, mut silenced) = (0, 0);
        for tick in ticks(&plan, 150_000) {
            match tick.body {
                Body::Status(status) => {
                    open[tick.symbol.index()] = status == TradingStatus::Trading;
                    halts += u32::from(status == TradingStatus::Halted);
                }
                _ => {
                    assert!(open[tick.symbol.index()], "{tick:?}");
                    silenced += u32::from(!open.iter().all(|&o| o));
                }
            }
        }
        assert!(halts >= 16 && silenced > 1000, "{halts} {silenced}");
    }

    #[test]
    fn a_market_of_one_halted_symbol_waits_for_it() {
        let plan = Plan { symbols: 1, rate: 5.0, scenario: Scenario::Halt, ..Plan::default() };
        let times: Vec<i64> =
            ticks(&plan, 2000).iter().map(|t| (t.ts_us - plan.start_us) / 1_000_000).collect();
        assert!(times.is_sorted());
        assert!(times.iter().all(|s| !(11..35).contains(&(s % 60)) || s % 60 == 10));
    }

    #[test]
    fn another_start_moves_times_and_nothing_else() {
        let plan = Plan::default();
        let mut moved = Simulation::new(&plan).unwrap();
        moved.start_at(plan.start_us + 77);
        for (moved, tick) in moved.zip(ticks(&plan, 1000)) {
            assert_eq!(moved, Tick { ts_us: tick.ts_us + 77, ..tick });
        }
    }

    #[test]
    fn trades_only_means_it() {
        let plan = Plan { trades_only: true, scenario: Scenario::Halt, ..Plan::default() };
        assert!(ticks(&plan, 50_000).iter().all(|t| matches!(t.body, Body::Trade(_))));
    }

    #[test]
    fn the_first_quote_stands_around_the_first_price() {
        let plan = Plan { symbols: 5, ..Plan::default() };
        let first = ticks(&plan, 1000).into_iter().find_map(|tick| match tick.body {
            Body::Quote(quote) => Some((tick.symbol, quote)),
            _ => None,
        });
        let (symbol, quote) = first.unwrap();
        let price = first_price(&plan, symbol) as f64;
        assert!(((quote.bid + quote.ask) as f64 / 2.0 / price - 1.0).abs() < 0.002);
    }
}
