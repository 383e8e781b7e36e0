//! The rows of the table: what each measures, and the alternation of rounds and servers.

use anyhow::{Result, bail};

use super::args::Arguments;
use super::fanout::{self, Work};
use super::launch::Place;
use super::market::Market;
use super::peak;
use super::peer::{Feed, Peer};
use super::result::{Report, Round};

/// A row.
#[derive(Debug)]
pub struct Row {
    /// As in `--rows` and results.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// 1000 connections on distinct sets of 10 of 100 symbols, at this rate.
    Distinct(u64),
    /// The same, each server at the highest rate that it delivers whole.
    Peak,
}

/// All rows.
pub static ROWS: [Row; 4] = [
    Row {
        name: "1k",
        title: "1000 connections, 10 of 100 symbols, 1,000 events/s",
        kind: Kind::Distinct(1_000),
    },
    Row { name: "10k", title: "the same, 10,000 events/s", kind: Kind::Distinct(10_000) },
    Row { name: "60k", title: "the same, 60,000 events/s", kind: Kind::Distinct(60_000) },
    Row { name: "peak", title: "the same, highest rate delivered whole", kind: Kind::Peak },
];

/// A server that delivered less than this part of what a row asked for is not asked for more.
const SATURATED: f64 = 0.5;

/// Measures the rows that are asked for.
///
/// # Errors
/// A row is not known.
pub fn run(
    arguments: &Arguments,
    place: &Place,
    market: &Market,
    peers: &[&'static Peer],
    report: &mut Report,
) -> Result<()> {
    for name in &arguments.rows {
        if !ROWS.iter().any(|row| row.name == name) {
            let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            bail!("--rows {name}: known are {}", known.join(", "));
        }
    }
    let mut bench = Bench { arguments, place, market, report };
    for row in &ROWS {
        if arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row.name) {
            eprintln!("{}: {}", row.name, row.title);
            bench.row(row, peers);
        }
    }
    Ok(())
}

struct Bench<'a> {
    arguments: &'a Arguments,
    place: &'a Place,
    market: &'a Market,
    report: &'a mut Report,
}

impl Bench<'_> {
    fn row(&mut self, row: &Row, peers: &[&'static Peer]) {
        let mut peers: Vec<_> = peers.iter().filter(|peer| self.fits(row, peer)).copied().collect();
        let mut rates = vec![None; peers.len()];
        for number in 0..self.arguments.rounds() {
            let mut failed = Vec::new();
            for (at, peer) in peers.iter().enumerate() {
                match self.measure(row, peer, &mut rates[at]) {
                    Ok(round) => self.keep(row, number, round),
                    Err(why) => {
                        eprintln!("   {:<16} {why:#}", peer.name);
                        let name = format!("{} on {}", peer.name, row.name);
                        self.report.left_out.insert(name, format!("{why:#}"));
                        failed.push(at);
                    }
                }
            }
            for at in failed.into_iter().rev() {
                peers.remove(at);
                rates.remove(at);
            }
        }
    }

    /// Whether a server takes part in a row.
    fn fits(&mut self, row: &Row, peer: &Peer) -> bool {
        if peer.name == "tickcast-msgpack" {
            return false;
        }
        let saturated = self.report.rounds.iter().find(|round| {
            round.peer == peer.name && (round.messages as f64) < SATURATED * round.asked
        });
        let (why, fits) = match (row.kind, saturated) {
            (Kind::Peak, _) if peer.feed == Feed::Publisher => (
                "its publisher shares the clients' processor and would be the limit".to_owned(),
                false,
            ),
            (Kind::Distinct(rate), Some(round)) if rate > round.rate => {
                let share = round.messages as f64 / round.asked * 100.0;
                (format!("delivered {share:.0} % on {} already", round.row), false)
            }
            _ => (String::new(), true),
        };
        if !fits {
            eprintln!("   {:<16} left out: {why}", peer.name);
            self.report.left_out.insert(format!("{} on {}", peer.name, row.name), why);
        }
        fits
    }

    fn measure(&self, row: &Row, peer: &Peer, rate: &mut Option<u64>) -> Result<Round> {
        let window = self.arguments.window();
        let work = Work { connections: 1000, symbols: 100, each: 10, rate: 0, window };
        match row.kind {
            Kind::Distinct(rate) => {
                fanout::measure(self.place, self.market, peer, &Work { rate, ..work })
            }
            Kind::Peak => {
                let found = match *rate {
                    Some(rate) => rate,
                    None => peak::search(self.place, self.market, peer, &work)?,
                };
                let round =
                    peak::measure(self.place, self.market, peer, &Work { rate: found, ..work })?;
                *rate = Some(round.rate);
                Ok(round)
            }
        }
    }

    fn keep(&mut self, row: &Row, number: u32, round: Round) {
        let round = Round { row: row.name.to_owned(), round: number, ..round };
        eprintln!(
            "   {:<16} {:>6.3} µs a message, {:>6.2} M messages/s ({:.1} %), p50 {:.2} ms, p99 {:.1} ms, {:.1} a frame, client {:.0} %{}",
            round.peer,
            round.cpu_us(),
            round.rate_delivered() / 1e6,
            round.messages as f64 / round.asked * 100.0,
            round.latency.p50_ms,
            round.latency.p99_ms,
            round.messages as f64 / round.frames as f64,
            round.client_share() * 100.0,
            match (round.merged, round.broken) {
                (0, 0) => String::new(),
                (merged, broken) => format!("; of samples {merged} merged, {broken} lost"),
            }
        );
        self.report.rounds.push(round);
    }
}
