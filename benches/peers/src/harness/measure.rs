//! One measurement of a row, of whatever kind; and what is shown of it while others still run.

use anyhow::Result;

use super::args::Arguments;
use super::launch::Place;
use super::market::Market;
use super::peer::Peer;
use super::result::Round;
use super::rows::Kind;
use super::{fanout, flood, idle, peak, storm};

/// What measurements need.
#[derive(Debug)]
pub struct Measurer<'a> {
    /// How long.
    pub arguments: &'a Arguments,
    /// Where servers are.
    pub place: &'a Place,
    /// The work.
    pub market: &'a Market,
}

impl Measurer<'_> {
    /// Measures a server once. `found` is the highest rate that it delivered whole before, if it did, events/s.
    ///
    /// # Errors
    /// It cannot be measured; the text says why.
    pub fn measure(&self, kind: Kind, peer: &Peer, found: Option<u64>) -> Result<Round> {
        let (place, market) = (self.place, self.market);
        let window = self.arguments.window();
        match kind {
            Kind::Fanout(shape) => fanout::measure(place, market, peer, &shape.work(window)),
            Kind::Peak(shape) => {
                let mut work = shape.work(window);
                work.rate = peak::search(place, market, peer, &work, found)?;
                peak::measure(place, market, peer, &work)
            }
            Kind::Idle(connections) => idle::measure(place, market, peer, connections),
            Kind::Storm => storm::measure(place, market, peer),
            Kind::Flood(shape, what) => flood::measure(place, market, &shape.work(window), what),
        }
    }
}

/// What is shown of a round while others still run.
pub fn line(round: &Round) -> String {
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
