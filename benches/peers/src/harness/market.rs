//! The work: which symbols there are, who asks for which, and the schedules of events, one a rate.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;

use peers::schedule::Schedule;

use super::launch::Place;

/// Symbols of Tickcast's simulated market.
#[derive(Debug)]
pub struct Market {
    names: Vec<String>,
    /// All that it can have; asked for when they are needed, because there are many.
    all: OnceCell<Vec<String>>,
}

/// Symbols of most rows at most.
const SYMBOLS: usize = 1000;
/// Symbols of any row at most.
const SYMBOLS_MAX: usize = 100_000;

impl Market {
    /// Asks Tickcast for its symbols.
    ///
    /// # Errors
    /// It does not start or does not answer.
    pub fn new(place: &Place) -> Result<Self> {
        Ok(Self { names: names(place, SYMBOLS)?, all: OnceCell::new() })
    }

    /// Gets ready for this many symbols.
    ///
    /// # Errors
    /// As [`Market::new`].
    pub fn prepare(&self, place: &Place, symbols: usize) -> Result<()> {
        if symbols > SYMBOLS && self.all.get().is_none() {
            let _ = self.all.set(names(place, SYMBOLS_MAX)?);
        }
        Ok(())
    }

    /// The first `count` of them; for more than a thousand, [`Market::prepare`] comes first.
    pub fn symbols(&self, count: usize) -> &[String] {
        if count > SYMBOLS {
            &self.all.get().expect("prepared")[..count]
        } else {
            &self.names[..count]
        }
    }

    /// A set of `each` symbols for every connection, drawn at random but so that each symbol has equally many subscribers:
    /// cards are dealt from a shuffled deck, and it is shuffled again when it is used up.
    ///
    /// # Errors
    /// That does not come out even.
    pub fn sets(&self, symbols: usize, each: usize, connections: usize) -> Result<Vec<Vec<&str>>> {
        let decks = connections * each / symbols;
        ensure!(
            symbols.is_multiple_of(each) && decks * symbols == connections * each,
            "{connections} connections with {each} of {symbols} symbols do not come out even"
        );
        let mut random = Rng::with_seed(1);
        let mut sets = Vec::with_capacity(connections);
        for _ in 0..decks {
            let mut deck: Vec<_> = self.symbols(symbols).iter().map(String::as_str).collect();
            random.shuffle(&mut deck);
            sets.extend(deck.chunks(each).map(<[&str]>::to_vec));
        }
        Ok(sets)
    }

    /// The file with a schedule for this rate, written if it is not there.
    ///
    /// # Errors
    /// The simulator does not run.
    pub fn schedule(&self, place: &Place, symbols: usize, rate: u64) -> Result<PathBuf> {
        self.prepare(place, symbols)?;
        let file = place.work.join(format!("{symbols}-{rate}.schedule"));
        if !file.exists() {
            Schedule::write(&place.simulator, self.symbols(symbols), rate, &file)?;
        }
        Ok(file)
    }
}

/// How long all connections may take to open.
pub const OPEN_WITHIN: Duration = Duration::from_secs(60);

/// The names of a market with so many symbols.
fn names(place: &Place, symbols: usize) -> Result<Vec<String>> {
    let server = place.tickcast(symbols, 10)?;
    let body = server.get("/v1/symbols").context("cannot read Tickcast's symbols")?;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&body)?;
    let names = listed.iter().filter_map(|symbol| symbol["S"].as_str());
    let names: Vec<_> = names.map(str::to_owned).collect();
    ensure!(names.len() == symbols, "{} symbols", names.len());
    Ok(names)
}
