//! Runs the rows: servers alternate within a round, rounds within a row.

use anyhow::{Result, bail};

use super::args::Arguments;
use super::launch::Place;
use super::market::Market;
use super::peer::Peer;
use super::result::{Report, Round};
use super::rows::{Kind, ROWS, Row};
use super::{fanout, flood, idle, peak, storm};

/// A server that delivered less than this part of what a row asked for is not asked for more.
const SATURATED: f64 = 0.5;

/// What measurements need.
pub struct Bench<'a> {
    /// How long, how often.
    pub arguments: &'a Arguments,
    /// Where servers are.
    pub place: &'a Place,
    /// The work.
    pub market: &'a Market,
    /// Where rounds are kept.
    pub report: &'a mut Report,
}

/// A server in a row, with the rate that was found for it.
struct Entrant {
    peer: &'static Peer,
    rate: Option<u64>,
}

impl Bench<'_> {
    /// Measures the rows that are asked for.
    ///
    /// # Errors
    /// A row is not known.
    pub fn run(&mut self, peers: &[&'static Peer]) -> Result<()> {
        let asked = &self.arguments.rows;
        for name in asked {
            if !ROWS.iter().any(|row| row.name == name) {
                let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
                bail!("--rows {name}: known are {}", known.join(", "));
            }
        }
        for row in ROWS.iter().filter(|row| asked.is_empty() || asked.iter().any(|n| n == row.name))
        {
            eprintln!("{}: {}", row.name, row.title);
            self.row(row, peers);
        }
        Ok(())
    }

    fn row(&mut self, row: &Row, peers: &[&'static Peer]) {
        let mut entrants: Vec<_> = peers
            .iter()
            .filter(|peer| self.fits(row, peer))
            .map(|&peer| Entrant { peer, rate: None })
            .collect();
        // Memory is the same every time.
        let is_memory = matches!(row.cases[0].1, Kind::Idle(_));
        let rounds = if is_memory { 1 } else { self.arguments.rounds() };
        for number in 0..rounds {
            entrants.retain_mut(|entrant| self.enter(row, number, entrant));
        }
    }

    /// Measures all cases of a row once; whether it makes sense to do so again.
    fn enter(&mut self, row: &Row, number: u32, entrant: &mut Entrant) -> bool {
        let rounds = self.arguments.rounds();
        for (case, kind) in row.cases {
            let progress = format!("; {}{case}, round {} of {rounds}", row.name, number + 1);
            match self.measure(*kind, entrant) {
                Ok(round) => {
                    let row = format!("{}{case}", row.name);
                    let round = Round { row, round: number, ..round };
                    eprintln!("   {}{}", line(&round), progress);
                    self.report.rounds.push(round);
                }
                Err(why) => {
                    self.leave_out(row, entrant.peer, format!("{why:#}"));
                    return false;
                }
            }
        }
        true
    }

    /// Whether a server takes part in a row.
    fn fits(&mut self, row: &Row, peer: &Peer) -> bool {
        if !(row.who)(peer) {
            return false;
        }
        let Kind::Fanout(shape) = row.cases[0].1 else { return true };
        let saturated = self.report.rounds.iter().find(|round| {
            let least = SATURATED * round.asked;
            round.peer == peer.name && round.rate < shape.3 && (round.messages as f64) < least
        });
        let Some(round) = saturated else { return true };
        let share = round.messages as f64 / round.asked * 100.0;
        let why = format!("delivered {share:.0} % on {} already", round.row);
        self.leave_out(row, peer, why);
        false
    }

    fn leave_out(&mut self, row: &Row, peer: &Peer, why: String) {
        eprintln!("   {:<16} left out: {why}", peer.name);
        self.report.left_out.insert(format!("{} on {}", peer.name, row.name), why);
    }

    fn measure(&self, kind: Kind, entrant: &mut Entrant) -> Result<Round> {
        let (place, market, peer) = (self.place, self.market, entrant.peer);
        let window = self.arguments.window();
        match kind {
            Kind::Fanout(shape) => fanout::measure(place, market, peer, &shape.work(window)),
            Kind::Peak(shape) => {
                let mut work = shape.work(window);
                work.rate = match entrant.rate {
                    Some(rate) => rate,
                    None => peak::search(place, market, peer, &work)?,
                };
                let round = peak::measure(place, market, peer, &work)?;
                entrant.rate = Some(round.rate);
                Ok(round)
            }
            Kind::Idle(connections) => idle::measure(place, market, peer, connections),
            Kind::Storm => storm::measure(place, market, peer),
            Kind::Flood(shape, what) => flood::measure(place, market, &shape.work(window), what),
        }
    }
}

/// What is shown of a round while others still run.
fn line(round: &Round) -> String {
    let peer = &round.peer;
    if round.reads > 0 {
        return format!(
            "{peer:<16} {:.2} M messages/s, {:.3} M reads/s for a processor, of which {:.0} % was used",
            round.messages as f64 / round.client_cpu_s / 1e6,
            round.reads as f64 / round.client_cpu_s / 1e6,
            round.client_share() * 100.0
        );
    }
    if let Some(kib) = round.memory_kib {
        return format!("{peer:<16} {kib:>6.2} KiB a connection");
    }
    let mut line = format!(
        "{peer:<16} {:>6.3} µs a message, {:>6.2} M messages/s, p50 {:.2} ms, p99 {:.1} ms, {:.1} a frame, client {:.0} %",
        round.cpu_us(),
        round.rate_delivered() / 1e6,
        round.latency.p50_ms,
        round.latency.p99_ms,
        round.messages as f64 / round.frames as f64,
        round.client_share() * 100.0
    );
    if round.asked > 0.0 {
        line += &format!("; {:.1} % delivered", round.messages as f64 / round.asked * 100.0);
    }
    if round.merged + round.broken > 0 {
        line += &format!("; of samples {} merged, {} lost", round.merged, round.broken);
    }
    if let Some(served_s) = round.served_s {
        line += &format!("; all served after {served_s:.2} s");
    }
    line
}
