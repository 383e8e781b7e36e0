//! The work: which symbols there are, who asks for which, and the schedules of events, one a rate.

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
}

/// Symbols that a market has at most here.
const SYMBOLS_MAX: usize = 1000;

impl Market {
    /// Asks Tickcast for its symbols.
    ///
    /// # Errors
    /// It does not start or does not answer.
    pub fn new(place: &Place) -> Result<Self> {
        let server = place.tickcast(SYMBOLS_MAX, 10)?;
        let body = server.get("/v1/symbols").context("cannot read Tickcast's symbols")?;
        let listed: Vec<serde_json::Value> = serde_json::from_str(&body)?;
        let names = listed.iter().filter_map(|symbol| symbol["S"].as_str());
        let names: Vec<_> = names.map(str::to_owned).collect();
        ensure!(names.len() == SYMBOLS_MAX, "{} symbols", names.len());
        Ok(Self { names })
    }

    /// The first `count` of them.
    pub fn symbols(&self, count: usize) -> &[String] {
        &self.names[..count]
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
        let file = place.work.join(format!("{symbols}-{rate}.schedule"));
        if !file.exists() {
            Schedule::write(&place.simulator, self.symbols(symbols), rate, &file)?;
        }
        Ok(file)
    }
}

/// How long all connections may take to open.
pub const OPEN_WITHIN: Duration = Duration::from_secs(30);
