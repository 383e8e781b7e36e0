//! Runs the rows: servers alternate within a round, rounds within a row. What the file of results has is not measured again,
//! and every measurement is in it before the next one begins.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use peers::interrupt;

use super::args::Arguments;
use super::measure::line;
use super::peer::Peer;
use super::result::{Report, Round, now};
use super::rows::{Kind, ROWS, Row};
use super::store::Store;

/// A server that delivered less than this part of what a row asked for is not asked for more.
const SATURATED: f64 = 0.5;
/// Rows of the same work at increasing rates.
const BY_RATE: [&str; 3] = ["1k", "10k", "60k"];

/// How a server is measured once: what is to be done, by whom, and the highest rate that was found for it, if one was.
pub type Measure<'a> = dyn FnMut(Kind, &Peer, Option<u64>) -> Result<Round> + 'a;

/// What rows need.
pub struct Bench<'a> {
    /// Which rows, how often.
    pub arguments: &'a Arguments,
    /// Where rounds are kept.
    pub store: &'a mut Store,
    /// See [`Measure`].
    pub measure: &'a mut Measure<'a>,
}

impl Bench<'_> {
    /// Measures what is asked for and not there yet.
    ///
    /// # Errors
    /// A row is not known, results cannot be written, or this was interrupted.
    pub fn run(&mut self, peers: &[&'static Peer]) -> Result<()> {
        let asked = &self.arguments.rows;
        if let Some(name) = asked.iter().find(|name| !ROWS.iter().any(|row| row.name == **name)) {
            let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            bail!("--rows {name}: known are {}", known.join(", "));
        }
        let is_asked = |row: &&Row| asked.is_empty() || asked.iter().any(|name| name == row.name);
        let rows: Vec<_> = ROWS.iter().filter(is_asked).collect();
        let entrants: Vec<Vec<_>> = rows
            .iter()
            .map(|row| peers.iter().copied().filter(|peer| (row.who)(peer)).collect())
            .collect();
        for (row, entrants) in rows.iter().zip(&entrants) {
            self.note_progress(row, entrants, self.missing(row, entrants));
        }
        for (row, entrants) in rows.iter().zip(entrants) {
            eprintln!("{}: {}", row.name, row.title);
            self.row(row, entrants)?;
        }
        self.store.save()
    }

    fn row(&mut self, row: &Row, mut entrants: Vec<&'static Peer>) -> Result<()> {
        entrants.retain(|peer| self.fits(row, peer));
        let missing = self.missing(row, &entrants);
        if missing == 0 && !entrants.is_empty() {
            eprintln!("   has been measured; --again adds to it");
        }
        let batch = self.batches(row).into_keys().map(|(batch, _)| batch + 1).max().unwrap_or(0);
        for round in 0..missing {
            let mut stay = Vec::new();
            for &peer in &entrants {
                let progress = format!("; {}, round {} of {missing}", row.name, round + 1);
                if self.enter(row, peer, (batch, round), &progress)? {
                    stay.push(peer);
                }
            }
            entrants = stay;
            self.note_progress(row, &entrants, missing - round - 1);
            self.store.save()?;
        }
        self.note_progress(row, &entrants, 0);
        Ok(())
    }

    /// Measures all cases of a row once; whether it makes sense to do so again.
    fn enter(
        &mut self,
        row: &Row,
        peer: &Peer,
        (batch, number): (u32, u32),
        progress: &str,
    ) -> Result<bool> {
        for (case, kind) in row.cases {
            interrupt::check()?;
            let at = now("%Y-%m-%dT%H:%M:%SZ")?;
            let name = format!("{}{case}", row.name);
            // Of `peak`: the best round so far is where the next begins to search.
            let found = self.store.report.of(&name, peer.name).map(|round| round.rate).max();
            match (self.measure)(*kind, peer, found) {
                Ok(round) => {
                    eprintln!("   {}{progress}", line(&round));
                    self.store.report.left_out.remove(&on(peer, row));
                    self.store.push(Round { row: name, at, batch, round: number, ..round })?;
                }
                Err(why) => {
                    interrupt::check()?;
                    self.leave_out(row, peer, format!("{why:#}"));
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether a server takes part in a row.
    fn fits(&mut self, row: &Row, peer: &Peer) -> bool {
        if let Some(why) = self.store.report.left_out.get(&on(peer, row))
            && !self.arguments.again
        {
            eprintln!("   {:<16} was left out: {why}; --again tries again", peer.name);
            return false;
        }
        let Kind::Fanout(shape) = row.cases[0].1 else { return true };
        let saturated = self.store.report.rounds.iter().find(|round| {
            let least = SATURATED * round.asked;
            round.peer == peer.name
                && BY_RATE.contains(&round.row.as_str())
                && round.rate < shape.3
                && (round.messages as f64) < least
        });
        let Some(round) = saturated else { return true };
        let share = round.messages as f64 / round.asked * 100.0;
        let why = format!("delivered {share:.0} % on {} already", round.row);
        self.leave_out(row, peer, why);
        false
    }

    fn leave_out(&mut self, row: &Row, peer: &Peer, why: String) {
        eprintln!("   {:<16} left out: {why}", peer.name);
        self.store.report.left_out.insert(on(peer, row), why);
    }

    /// The measurements of a row by batch and round.
    fn batches(&self, row: &Row) -> BTreeMap<(u32, u32), Vec<&Round>> {
        let mut batches: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for round in &self.store.report.rounds {
            if row.cases.iter().any(|(case, _)| round.row == format!("{}{case}", row.name)) {
                batches.entry((round.batch, round.round)).or_default().push(round);
            }
        }
        batches
    }

    /// Rounds that are still to be measured. Only those count in which all of these servers stood beside each other.
    fn missing(&self, row: &Row, entrants: &[&'static Peer]) -> u32 {
        if self.arguments.again {
            return self.arguments.rounds();
        }
        let left_out = &self.store.report.left_out;
        let batches = self.batches(row);
        let whole = batches.values().filter(|rounds| {
            entrants.iter().filter(|peer| !left_out.contains_key(&on(peer, row))).all(|peer| {
                rounds.iter().filter(|round| round.peer == peer.name).count() == row.cases.len()
            })
        });
        self.arguments.rounds().saturating_sub(whole.count() as u32)
    }

    /// Notes how far these servers are on a row. Others that were asked for before stay unfinished.
    fn note_progress(&mut self, row: &Row, entrants: &[&'static Peer], missing: u32) {
        let Report { unfinished, left_out, .. } = &mut self.store.report;
        let noted = unfinished.entry(row.name.to_owned()).or_default();
        let names = entrants.iter().map(|peer| peer.name.to_owned());
        if missing > 0 {
            noted.rounds = self.arguments.rounds();
            noted.done = noted.rounds - missing;
            noted.servers.extend(names);
        } else if noted.rounds <= self.arguments.rounds() {
            for name in names {
                noted.servers.remove(&name);
            }
        }
        noted.servers.retain(|name| !left_out.contains_key(&format!("{name} on {}", row.name)));
        if noted.servers.is_empty() {
            unfinished.remove(row.name);
        }
    }
}

/// How it is noted that a server is left out of a row.
fn on(peer: &Peer, row: &Row) -> String {
    format!("{} on {}", peer.name, row.name)
}

#[cfg(test)]
mod tests;
