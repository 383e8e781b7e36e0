//! The symbols of a simulated market and the character of each: first price, nervousness, spread.
//! Made once, before anything happens; `Simulation` and `past_bars` ask it for the same symbol and get the same answer.
//! Names do not depend on the seed, so that a watchlist survives another seed; prices do.

use std::collections::HashSet;
use std::sync::Arc;

use feed_protocol::{Symbol, SymbolId, Universe};

use crate::chance::Chance;
use crate::plan::Plan;
use crate::tickers::WELL_KNOWN;

/// Purpose of the random numbers that make characters; the symbol's id is added.
const CHARACTER: u64 = 1 << 40;
/// Seconds of market time in a year of 252 sessions of 6.5 h, under the square root.
const YEAR_S_SQRT: f64 = 2428.8;
/// No vowels: nothing that could be read aloud, and few collisions with real tickers.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// So many invented names have three letters, the others four.
const SHORT_NAMES: u64 = 4000;
const FIELDS: [&str; 8] =
    ["Corp.", "Holdings", "Industries", "Energy", "Bancorp", "Labs", "Systems", "Foods"];

/// What distinguishes one symbol's prices from another's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Character {
    /// Price before the first event, steps.
    pub(crate) first_price: i64,
    /// Standard deviation of returns over a second of market time, on average.
    pub(crate) deviation: f64,
    /// How strongly the symbol follows the market.
    pub(crate) beta: f64,
    /// Usual spread as a part of the price.
    pub(crate) spread: f64,
    /// Median size of trades.
    pub(crate) median_size: f32,
}

/// The symbols of a plan: the well-known ones, then invented ones, all titled as simulated.
pub(crate) fn universe(plan: &Plan) -> Universe {
    let taken: HashSet<&str> = WELL_KNOWN.iter().map(|ticker| ticker.0).collect();
    let known = WELL_KNOWN.iter().map(|&(name, title, _, places)| Symbol {
        name: name.into(),
        places,
        title: format!("{title} (simulated)").into(),
    });
    let invented =
        (0..).map(invented_name).filter(|name| !taken.contains(name.as_str())).map(|name| {
            let field = FIELDS[name.bytes().map(usize::from).sum::<usize>() % FIELDS.len()];
            let title = format!("{}{} {field} (simulated)", &name[..1], name[1..].to_lowercase());
            Symbol { name: Arc::from(name), places: 2, title: title.into() }
        });
    let symbols = known.chain(invented).take(plan.symbols as usize).collect();
    Universe::new(symbols).expect("listed and invented names are valid and all different")
}

/// The character of a symbol; a pure function of seed and symbol.
pub(crate) fn character(seed: u64, symbol: SymbolId) -> Character {
    let mut chance = Chance::new(seed, CHARACTER + u64::from(symbol.0));
    let rank = f64::from(symbol.0);
    let (price, places, a_year) = match WELL_KNOWN.get(symbol.index()) {
        Some(&(name, _, price, places)) => {
            let a_year = match name {
                _ if name.ends_with("-USD") => chance.between(0.5, 0.8),
                _ if places > 2 => chance.between(0.07, 0.11),
                _ => chance.between(0.2, 0.5),
            };
            (price * chance.between(0.97, 1.03), places, a_year)
        }
        None => {
            let price = libm::exp(3.4 + 0.9 * chance.normal()).clamp(1.0, 2000.0);
            (price, 2, chance.between(0.25, 0.7))
        }
    };
    let step = libm::pow(10.0, -f64::from(places));
    Character {
        first_price: ((price / step).round() as i64).max(100),
        deviation: a_year / YEAR_S_SQRT,
        beta: chance.between(0.6, 1.5),
        // Half a basis point for the leaders, ten of them far down the list.
        spread: 0.5e-4 * libm::pow(1.0 + rank, 0.26),
        median_size: chance.between(40.0, 160.0) as f32,
    }
}

/// The nth invented name: three letters first, then four, scattered over the alphabet.
fn invented_name(n: u64) -> String {
    let base = LETTERS.len() as u64;
    // Steps that share no factor with the number of names visit each name once.
    let (length, mut code) = if n < SHORT_NAMES {
        (3, (n * 4999 + 1234) % base.pow(3))
    } else {
        (4, ((n - SHORT_NAMES) * 99_991 + 4321) % base.pow(4))
    };
    let mut name = vec![0u8; length];
    for letter in name.iter_mut().rev() {
        *letter = LETTERS[(code % base) as usize];
        code /= base;
    }
    String::from_utf8(name).expect("letters are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_universe_has_valid_names_and_says_that_it_is_simulated() {
        let universe = universe(&Plan { symbols: 100_000, ..Plan::default() });
        assert_eq!(universe.len(), 100_000);
        assert!(universe.iter().all(|(_, symbol)| symbol.title.ends_with("(simulated)")));
        assert!(universe.find("AAPL").is_some() && universe.find("BTC-USD").is_some());
    }

    #[test]
    fn a_small_universe_is_the_beginning_of_a_large_one() {
        let (small, large) = (
            universe(&Plan { symbols: 200, ..Plan::default() }),
            universe(&Plan { symbols: 300, seed: 9, ..Plan::default() }),
        );
        for (id, symbol) in small.iter() {
            assert_eq!(symbol, large.get(id));
        }
    }

    #[test]
    fn characters_are_sane_and_repeatable() {
        for id in (0..2000).map(SymbolId) {
            let character = character(1, id);
            assert_eq!(character, super::character(1, id));
            assert!(character.first_price >= 100);
            assert!((1e-5..5e-4).contains(&character.deviation));
            assert!(character.spread < 0.01);
        }
        let bitcoin = WELL_KNOWN.iter().position(|t| t.0 == "BTC-USD").unwrap() as u32;
        let price = character(1, SymbolId(bitcoin)).first_price;
        assert!((850_000..950_000).contains(&price), "{price}");
    }
}
