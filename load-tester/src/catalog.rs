//! The server's symbols, and who subscribes to which: `GET /v1/symbols` once, then a draw that depends on the seed and
//! the client's number only, not on threads or timing.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::fetch::{FetchError, fetch};
use crate::ledger::Index;
use crate::plan::Symbols;
use crate::scan::name_key;
use crate::target::Target;

/// Of the symbols, in messages.
const PATH: &str = "/v1/symbols";
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Names of all symbols, in the server's order.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    names: Vec<String>,
}

/// Why there are no symbols to subscribe to.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Nobody listens.
    #[error("cannot reach the server at {address}: {why}; is it running, and is --url right?")]
    Unreachable {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
    /// Somebody listens, but does not answer as a feed does.
    #[error("GET {PATH} at {authority}: {what}; is --url that of a feed server?")]
    Answer {
        /// Where.
        authority: String,
        /// What came instead.
        what: String,
    },
    /// A name that the server does not know.
    #[error("the server has no symbol {name}; GET {PATH} lists its {count}")]
    Unknown {
        /// The name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// Too few to draw from.
    #[error(
        "{wanted} symbols a client cannot be drawn from {there_are}: lower --symbols-per-client, raise --symbols-of, or give the server more symbols"
    )]
    TooFew {
        /// Asked for.
        wanted: usize,
        /// There are.
        there_are: usize,
    },
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "S")]
    name: String,
}

impl Catalog {
    /// A catalog of these names.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Asks the server for its symbols.
    ///
    /// # Errors
    /// It cannot be reached within ten seconds, or answers something else.
    pub async fn fetch(target: &Target) -> Result<Self, CatalogError> {
        let answer =
            |what: String| CatalogError::Answer { authority: target.authority.clone(), what };
        let body = fetch(target, &target.path_of("symbols", ""), FETCH_TIMEOUT).await;
        let body = body.map_err(|why| match why {
            FetchError::Unreachable(why) => {
                CatalogError::Unreachable { address: target.address, why }
            }
            FetchError::Answer(what) => answer(what),
        })?;
        let rows: Vec<Row> = serde_json::from_slice(&body)
            .map_err(|why| answer(format!("the answer is no list of symbols ({why})")))?;
        Ok(Self { names: rows.into_iter().map(|row| row.name).collect() })
    }

    /// Whether `symbols` can be had from these.
    ///
    /// # Errors
    /// A name that is not there, or fewer names than are to be drawn.
    pub fn check(&self, symbols: &Symbols) -> Result<(), CatalogError> {
        match symbols {
            Symbols::All => Ok(()),
            Symbols::Named(names) => match names.iter().find(|&name| !self.names.contains(name)) {
                None => Ok(()),
                Some(name) => {
                    Err(CatalogError::Unknown { name: name.clone(), count: self.names.len() })
                }
            },
            Symbols::Draw { per_client, of } => {
                let there_are = of.map_or(self.names.len(), |of| of.min(self.names.len()));
                if *per_client <= there_are {
                    Ok(())
                } else {
                    Err(CatalogError::TooFew { wanted: *per_client, there_are })
                }
            }
        }
    }

    /// What every client takes, where all take the same; `None` where each draws.
    #[must_use]
    pub fn shared(&self, symbols: &Symbols) -> Option<Rc<Selection>> {
        match symbols {
            Symbols::Draw { .. } => None,
            Symbols::Named(names) => Some(Rc::new(Selection::new(names.clone(), false))),
            Symbols::All => Some(Rc::new(Selection::new(self.names.clone(), true))),
        }
    }

    /// Draws `per_client` different symbols for client `number`. [`Self::check`] has been passed.
    #[must_use]
    pub fn draw(&self, per_client: usize, of: Option<usize>, seed: u64, number: u32) -> Selection {
        let among = of.map_or(self.names.len(), |of| of.min(self.names.len()));
        let mut random = fastrand::Rng::with_seed(seed.rotate_left(32) ^ u64::from(number));
        // Floyd's sampling: a draw without a table of all symbols.
        let mut drawn = std::collections::BTreeSet::new();
        for last in among.saturating_sub(per_client)..among {
            let place = random.usize(..=last);
            if !drawn.insert(place) {
                drawn.insert(last);
            }
        }
        Selection::new(drawn.into_iter().map(|place| self.names[place].clone()).collect(), false)
    }
}

/// The symbols of one client, each with its slot: its place in the list.
#[derive(Debug)]
pub struct Selection {
    names: Vec<String>,
    /// Subscribed to as `*`.
    everything: bool,
    /// From [`name_key`] to slot.
    pub(crate) by_name: Index,
}

impl Selection {
    fn new(names: Vec<String>, everything: bool) -> Self {
        let by_name = Index::new(names.iter().map(|name| name_key(name.as_bytes())).collect());
        Self { names, everything, by_name }
    }

    /// Exactly these symbols.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        Self::new(names.iter().map(|&name| name.to_owned()).collect(), false)
    }

    /// Names, by slot.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether symbols that the catalog did not have may come as well.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.everything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(count: usize) -> Catalog {
        Catalog { names: (0..count).map(|number| format!("S{number}")).collect() }
    }

    #[test]
    fn draws_differ_by_client_and_seed_and_nothing_else() {
        let catalog = catalog(500);
        let draw = |seed, number| catalog.draw(10, None, seed, number).names;
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    #[test]
    fn every_symbol_is_drawn_about_equally_often() {
        let catalog = catalog(50);
        let mut times = [0_u32; 40];
        for number in 0..4_000 {
            let drawn = catalog.draw(10, Some(40), 1, number).names;
            assert_eq!(drawn.iter().collect::<std::collections::HashSet<_>>().len(), 10);
            for name in drawn {
                times[name[1..].parse::<usize>().unwrap()] += 1;
            }
        }
        // Each is expected 1000 times with a deviation of 27; five of them is one failure in a million.
        assert!(times.iter().all(|&times| times.abs_diff(1000) < 140), "{times:?}");
    }

    #[test]
    fn says_what_cannot_be_had() {
        let catalog = catalog(5);
        let draw = |per_client, of| catalog.check(&Symbols::Draw { per_client, of });
        assert!(draw(5, None).is_ok());
        assert!(matches!(draw(6, None), Err(CatalogError::TooFew { wanted: 6, there_are: 5 })));
        assert!(matches!(draw(4, Some(3)), Err(CatalogError::TooFew { there_are: 3, .. })));
        let named = Symbols::Named(vec!["S1".to_owned(), "NOPE".to_owned()]);
        assert!(matches!(catalog.check(&named), Err(CatalogError::Unknown { .. })));
    }
}
