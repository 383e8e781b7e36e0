//! Symbols and the table that numbers them.
//! A symbol's id is its place in the universe; it is what MessagePack frames, queues and indices carry instead of a name.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

/// Most decimal places a symbol may have: `i64` units then still reach 9.2 billion.
pub const PLACES_MAX: u8 = 9;
/// Longest symbol name in bytes.
pub const NAME_BYTES_MAX: usize = 32;

/// Place of a symbol in its [`Universe`], from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(pub u32);

impl SymbolId {
    /// The id as an index into tables of one entry a symbol.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One tradable instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Ticker, e.g. `AAPL`: 1 to [`NAME_BYTES_MAX`] bytes of `A-Z a-z 0-9 . - _ / :`.
    pub name: Arc<str>,
    /// Decimal places of its prices; its smallest step is `10^-places`.
    pub places: u8,
    /// Name for people, e.g. `Apple Inc. (simulated)`.
    pub title: Arc<str>,
}

/// Why a symbol or a universe was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SymbolError {
    /// Empty, too long, or with characters that a query or a pattern could not carry.
    #[error("`{0}` is no symbol name: 1 to {NAME_BYTES_MAX} characters of A-Z a-z 0-9 . - _ / :")]
    Name(String),
    /// More decimal places than prices can hold.
    #[error("{name}: {places} decimal places, at most {PLACES_MAX} are possible")]
    Places {
        /// The symbol concerned.
        name: String,
        /// What was asked for.
        places: u8,
    },
    /// The same name twice.
    #[error("symbol {0} is listed twice")]
    Twice(String),
}

/// All symbols of a feed, numbered by their order. Shared and never changed while a feed runs; aligned, so that the count of who
/// shares it, which an `Arc` keeps before it, is on another cache line than what each message's encoding reads.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Universe {
    symbols: Vec<Symbol>,
    by_name: HashMap<Arc<str>, SymbolId>,
}

impl Universe {
    /// Numbers `symbols` in the order given.
    ///
    /// # Errors
    /// A bad name, too many decimal places, or a name given twice.
    pub fn new(symbols: Vec<Symbol>) -> Result<Self, SymbolError> {
        let mut by_name = HashMap::with_capacity(symbols.len());
        for (index, symbol) in symbols.iter().enumerate() {
            if !is_name(&symbol.name) {
                return Err(SymbolError::Name(symbol.name.to_string()));
            }
            if symbol.places > PLACES_MAX {
                return Err(SymbolError::Places {
                    name: symbol.name.to_string(),
                    places: symbol.places,
                });
            }
            let id = SymbolId(u32::try_from(index).expect("fewer than 2^32 symbols"));
            if by_name.insert(symbol.name.clone(), id).is_some() {
                return Err(SymbolError::Twice(symbol.name.to_string()));
            }
        }
        Ok(Self { symbols, by_name })
    }

    /// Number of symbols.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether there is no symbol at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The symbol of an id that this universe gave out.
    #[must_use]
    pub fn get(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.index()]
    }

    /// The id of a name, if there is such a symbol.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.by_name.get(name).copied()
    }

    /// All symbols with their ids, in order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (SymbolId, &Symbol)> {
        (0u32..).map(SymbolId).zip(&self.symbols)
    }
}

/// Whether `name` may be a symbol: see [`Symbol::name`].
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str, places: u8) -> Symbol {
        Symbol { name: name.into(), places, title: name.into() }
    }

    #[test]
    fn numbers_symbols_in_order_and_finds_them_again() {
        let universe = Universe::new(vec![symbol("AAPL", 2), symbol("BTC-USD", 1)]).unwrap();
        assert_eq!(universe.find("BTC-USD"), Some(SymbolId(1)));
        assert_eq!(universe.get(SymbolId(1)).places, 1);
        assert_eq!(universe.find("btc-usd"), None);
    }

    #[test]
    fn refuses_names_that_a_query_could_not_carry() {
        for bad in ["", "A,B", "A*", "Ä", "A B", &"X".repeat(33)] {
            assert_eq!(
                Universe::new(vec![symbol(bad, 2)]).unwrap_err(),
                SymbolError::Name(bad.to_owned())
            );
        }
        assert!(matches!(
            Universe::new(vec![symbol("A", 2), symbol("A", 2)]),
            Err(SymbolError::Twice(_))
        ));
        assert!(matches!(Universe::new(vec![symbol("A", 10)]), Err(SymbolError::Places { .. })));
    }
}
