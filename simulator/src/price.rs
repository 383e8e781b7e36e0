//! The price model of one symbol: a hidden efficient price, the quotes around it, trades at the quotes.
//! Second stage of the simulation: told how much market time has passed, it says what happens to the symbol now.
//! The only place with floating-point prices; what leaves it is whole steps, at least 1, bid below ask.

use feed_protocol::{Aggressor, Body, Quote, Trade};

use crate::chance::Chance;
use crate::universe::Character;

/// Share of trades in trades and quotes together.
pub(crate) const TRADE_SHARE: f64 = 0.4;
/// The slow and the fast part of log-volatility: standard deviation, and market time of memory (s).
const SLOW: (f64, f64) = (0.40, 900.0);
const FAST: (f64, f64) = (0.50, 30.0);
/// Volatility is renewed when this much market time has passed, s; finer steps are not visible.
const VOLATILITY_STEP_S: f64 = 0.05;
/// Largest move between two events of a symbol, as a part of its price.
const MOVE_MAX: f64 = 0.2;
/// Standard deviation of the logarithm of sizes.
pub(crate) const SIZE_SPREAD: f64 = 1.0;
/// Part of trades whose size is rounded to whole hundreds.
const ROUND_LOTS: f64 = 0.25;

/// Slowly and quickly varying log-volatility: two Ornstein-Uhlenbeck processes. With normal
/// innovations it gives clustered volatility and fat tails (Taylor 1986, stochastic volatility;
/// Corsi 2009 for several time scales). The mean of the squared factor is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volatility {
    slow: f64,
    fast: f64,
}

impl Volatility {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self { slow: SLOW.0 * chance.normal(), fast: FAST.0 * chance.normal() }
    }

    /// Lets `passed_s` of market time go by and returns the factor on returns.
    pub(crate) fn renew(&mut self, passed_s: f64, chance: &mut Chance) -> f64 {
        for (part, (deviation, memory_s)) in [(&mut self.slow, SLOW), (&mut self.fast, FAST)] {
            let kept = if passed_s < memory_s { 1.0 - passed_s / memory_s } else { 0.0 };
            *part = *part * kept + deviation * (1.0 - kept * kept).sqrt() * chance.normal();
        }
        let variance = SLOW.0 * SLOW.0 + FAST.0 * FAST.0;
        libm::exp(self.slow + self.fast - variance)
    }
}

/// Everything a symbol's prices depend on.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    /// The efficient price in steps.
    mid: f64,
    /// Standard deviation of returns over a second of market time, at present and on average.
    deviation: f64,
    usual_deviation: f64,
    volatility: Volatility,
    /// Market time of the last event and of the last renewal of volatility, s.
    at_s: f64,
    renewed_s: f64,
    /// Level of the market that the price has followed to, and how strongly it follows.
    level: f64,
    beta: f64,
    /// Usual spread as a part of the price.
    spread: f64,
    median_size: f32,
    quote: Quote,
    /// A trade had to wait for the quotes to come to the price.
    owed: bool,
    /// Whether the symbol may trade; halts close it.
    pub(crate) open: bool,
}

/// The market as a symbol sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market {
    /// Market time, s.
    pub(crate) now_s: f64,
    /// Logarithm of the market's level against the start.
    pub(crate) level: f64,
    /// Factor on the size of moves.
    pub(crate) volatility: f64,
}

impl Book {
    /// A symbol at its first price, quoted around it.
    pub(crate) fn new(character: &Character, chance: &mut Chance) -> Self {
        let mut book = Self {
            mid: character.first_price as f64,
            deviation: character.deviation,
            usual_deviation: character.deviation,
            volatility: Volatility::new(chance),
            at_s: 0.0,
            renewed_s: -1.0,
            level: 0.0,
            beta: character.beta,
            spread: character.spread,
            median_size: character.median_size,
            quote: Quote { bid: 0, ask: 0, bid_size: 0, ask_size: 0 },
            owed: false,
            open: true,
        };
        book.requote(1.0, chance);
        book
    }

    /// What happens to the symbol at this moment.
    #[inline]
    pub(crate) fn happen(
        &mut self,
        market: &Market,
        trades_only: bool,
        chance: &mut Chance,
    ) -> Body {
        self.follow(market, chance);
        if trades_only {
            self.requote(market.volatility, chance);
            return Body::Trade(self.trade(chance));
        }
        if !self.owed && chance.unit() > TRADE_SHARE {
            self.requote(market.volatility, chance);
            return Body::Quote(self.quote);
        }
        if !self.owed && self.is_stale() {
            self.owed = true;
            self.requote(market.volatility, chance);
            return Body::Quote(self.quote);
        }
        self.owed = false;
        Body::Trade(self.trade(chance))
    }

    /// Moves the efficient price over the time since the symbol's last event: a martingale whose
    /// variance grows with market time, so the busier the market, the more it moves (Clark 1973).
    #[inline]
    fn follow(&mut self, market: &Market, chance: &mut Chance) {
        if market.now_s - self.renewed_s > VOLATILITY_STEP_S {
            let factor = self.volatility.renew(market.now_s - self.renewed_s, chance);
            self.deviation = self.usual_deviation * factor;
            self.renewed_s = market.now_s;
        }
        let own = self.deviation
            * market.volatility
            * (market.now_s - self.at_s).max(0.0).sqrt()
            * chance.normal();
        let common = self.beta * (market.level - self.level);
        let mid = self.mid * (1.0 + (own + common).clamp(-MOVE_MAX, MOVE_MAX));
        self.mid = mid.clamp(2.0, 1e15);
        self.at_s = market.now_s;
        self.level = market.level;
    }

    /// Whether the price has left the quotes by more than a spread, so that nobody would trade at them.
    fn is_stale(&self) -> bool {
        let (bid, ask) = (self.quote.bid as f64, self.quote.ask as f64);
        let room = ask - bid;
        self.mid < bid - room || self.mid > ask + room
    }

    /// Quotes around the efficient price; the spread widens with volatility and is now and then wider.
    #[inline]
    fn requote(&mut self, market_volatility: f64, chance: &mut Chance) {
        let bits = chance.bits();
        let nervous = (self.deviation * market_volatility / self.usual_deviation).clamp(0.5, 4.0);
        let wider = match bits % 16 {
            0 => 2.0,
            1..=4 => 1.0,
            _ => 0.0,
        };
        // Rounded down, a step more or not by chance, so that spreads below a step are a step.
        let spread = (self.mid * self.spread * nervous) as i64 as f64 + 1.0 + wider;
        let bid = ((self.mid - 0.5 * spread + 0.5) as i64).max(1);
        self.quote = Quote {
            bid,
            ask: bid + spread as i64,
            bid_size: depth(bits >> 8),
            ask_size: depth(bits >> 32),
        };
    }

    /// A trade at the quotes: at the ask the likelier, the nearer the efficient price is to it; now and
    /// then within the spread or a step beyond it.
    #[inline]
    fn trade(&mut self, chance: &mut Chance) -> Trade {
        let Quote { bid, ask, .. } = self.quote;
        let place = (self.mid - bid as f64) / (ask - bid) as f64;
        let bits = chance.bits();
        let buyer = ((bits >> 11) as f64) * (1.0 / (1u64 << 53) as f64) < place.clamp(0.05, 0.95);
        let (price, aggressor) = match (bits & 63, buyer) {
            (0..=3, _) if ask - bid >= 2 => (bid + (ask - bid) / 2, Aggressor::Unknown),
            (4, true) => (ask + 1, Aggressor::Buyer),
            (4, false) => ((bid - 1).max(1), Aggressor::Seller),
            (_, true) => (ask, Aggressor::Buyer),
            (_, false) => (bid, Aggressor::Seller),
        };
        Trade { price, size: size(f64::from(self.median_size), chance), aggressor }
    }
}

/// A log-normal size.
#[inline]
fn size(median: f64, chance: &mut Chance) -> u32 {
    let size = median * libm::exp(SIZE_SPREAD * chance.normal());
    if chance.unit() < ROUND_LOTS {
        ((size / 100.0 + 0.5) as u32).clamp(1, 10_000) * 100
    } else {
        (size as u32).clamp(1, 1_000_000)
    }
}

/// Quantity at a quote: whole hundreds, small ones the most frequent.
#[inline]
fn depth(bits: u64) -> u32 {
    let lots = 1 + (bits & 0xff) as u32 * ((bits >> 8) & 0xff) as u32 / 2048;
    lots * 100
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of one symbol, 20 ms of market time apart.
    fn bodies(first_price: i64, trades_only: bool, n: usize) -> Vec<(f64, Body)> {
        let character =
            Character { first_price, deviation: 2e-4, beta: 1.0, spread: 1e-4, median_size: 80.0 };
        let mut chance = Chance::new(5, 1);
        let mut book = Book::new(&character, &mut chance);
        (0..n)
            .map(|i| {
                let market = Market { now_s: i as f64 * 0.02, level: 0.0, volatility: 1.0 };
                let body = book.happen(&market, trades_only, &mut chance);
                (book.mid, body)
            })
            .collect()
    }

    #[test]
    fn trades_happen_at_the_quotes_and_their_side_is_right() {
        let mut quote: Option<Quote> = None;
        let (mut at_quotes, mut trades) = (0, 0);
        for (_, body) in bodies(18_700, false, 20_000) {
            match body {
                Body::Quote(q) => {
                    assert!(q.bid >= 1 && q.bid < q.ask && q.bid_size > 0 && q.ask_size > 0);
                    quote = Some(q);
                }
                Body::Trade(trade) => {
                    trades += 1;
                    let Some(Quote { bid, ask, .. }) = quote else { continue };
                    match trade.aggressor {
                        Aggressor::Buyer => assert!(trade.price >= ask),
                        Aggressor::Seller => assert!(trade.price <= bid),
                        Aggressor::Unknown => assert!((bid + 1..ask).contains(&trade.price)),
                    }
                    at_quotes += u32::from(trade.price == bid || trade.price == ask);
                }
                Body::Status(_) => unreachable!("a book has no status of its own"),
            }
        }
        assert!((0.35..0.42).contains(&(f64::from(trades) / 20_000.0)), "{trades} trades");
        assert!(f64::from(at_quotes) > 0.85 * f64::from(trades));
    }

    #[test]
    fn the_cheapest_symbol_stays_above_nothing() {
        for (mid, body) in bodies(1, true, 20_000) {
            let Body::Trade(trade) = body else { panic!("only trades were asked for") };
            assert!(trade.price >= 1 && trade.size >= 1 && mid >= 2.0);
        }
    }

    #[test]
    fn quotes_stand_around_the_efficient_price() {
        for (mid, body) in bodies(18_700, false, 20_000) {
            if let Body::Quote(q) = body {
                let (bid, ask) = (q.bid as f64, q.ask as f64);
                assert!(bid - 1.0 <= mid && mid <= ask + 1.0, "{mid} outside {bid} {ask}");
            }
        }
    }
}
