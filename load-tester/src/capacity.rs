//! How many clients each transport carries on this machine under an SLO: short fresh runs, doubling until one breaks the SLO
//! or is invalid, then bisecting to 5 %, and one more run of what was found, to confirm it. What the tester could not do is
//! said to be that, and never sold as the server's limit. Prints nothing; says how it goes through callbacks.

mod break_even;
mod even;
mod hunt;
mod search;
mod step;
mod text;

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::machine::{self, Machine};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::run::{RunError, Stop};

use hunt::Hunt;

pub use break_even::PollCost;
pub use even::{BreakEven, PollMeasured};
pub use search::{CLOSE, Search};
pub use step::{Limit, Step};
pub use text::text;

/// Files that a step has open besides its clients' sockets.
const OTHER_FILES: u64 = 512;

/// What to search.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Server, subscription, transports and objectives; its clients and times are the search's.
    pub plan: Plan,
    /// How long a step takes.
    pub step: Duration,
    /// Clients of the first step.
    pub start: u32,
    /// No more clients than this.
    pub clients_max: u32,
    /// How long the search may take for each transport.
    pub time: Duration,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Layout of this.
    pub schema: u32,
    /// The command line, program first; empty where there was none.
    pub command: Vec<String>,
    /// Whether every transport was searched to the end.
    pub complete: bool,
    /// Why not.
    pub incomplete_why: Option<String>,
    /// Where it ran: server and tester share this machine.
    pub machine: Machine,
    /// Subscription and server, as a run has them.
    pub settings: serde_json::Value,
    /// The objectives as they were given.
    pub slos: Vec<String>,
    /// How long a step took, seconds.
    pub step_s: f64,
    /// One for each transport, in the order asked for.
    pub transports: Vec<Carried>,
    /// Against the first polling transport.
    pub break_even: Vec<BreakEven>,
    /// What that is computed from.
    pub poll: Option<PollMeasured>,
}

/// What one transport carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Carried {
    /// Its name.
    pub transport: String,
    /// Clients; 0 if not even one.
    pub clients: u32,
    /// Whether a second run with as many clients held too.
    pub confirmed: bool,
    /// The server may carry more: something else than the server or the SLO ended the search.
    pub at_least: bool,
    /// The least number of clients that did not hold.
    pub broke_at: Option<u32>,
    /// Who would not go further.
    pub limit: Option<Limit>,
    /// With the figure.
    pub why: String,
    /// The objectives as they were applied.
    pub slos: Vec<String>,
    /// All runs, in order.
    pub steps: Vec<Step>,
}

impl Carried {
    /// The last step that held with the clients found.
    #[must_use]
    pub fn found(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.holds && step.clients == self.clients)
    }
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum CapacityError {
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The server's figures cannot be trusted.
    #[error(
        "{transport} with {clients} clients: the server broke its contract ({breach}); what it carries is of no interest until that is mended"
    )]
    Broken {
        /// Name of the lane.
        transport: String,
        /// Clients of the step.
        clients: u32,
        /// The first breach.
        breach: String,
    },
}

/// What ended a search, and what was found before.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct Ended {
    /// Why.
    pub error: CapacityError,
    /// Marked as incomplete; empty if nothing had been found.
    pub found: Box<Capacity>,
}

/// Hears how a search goes.
pub trait Audience {
    /// About once a second, while a step runs.
    fn progress(&mut self, transport: &str, clients: u32, progress: &Progress);
    /// A step is over.
    fn step(&mut self, transport: &str, step: &Step);
}

/// Searches each transport of the plan. What was found before `stop` was asked is kept, and marked.
///
/// # Errors
/// A step could not begin, or the server broke its contract; what was found before comes with the error.
pub fn capacity(
    settings: &Settings,
    audience: &mut dyn Audience,
    stop: &Stop,
) -> Result<Capacity, Ended> {
    let plan = &settings.plan;
    let mut found = Capacity {
        schema: 1,
        command: Vec::new(),
        complete: true,
        incomplete_why: None,
        machine: Machine::this(),
        settings: plan.settings(),
        slos: plan.objectives.iter().map(|slo| slo.expression.clone()).collect(),
        step_s: settings.step.as_secs_f64(),
        transports: Vec::new(),
        break_even: Vec::new(),
        poll: None,
    };
    match search(settings, &mut found, audience, stop) {
        Ok(()) => Ok(found),
        Err(error) => {
            found.complete = false;
            found.incomplete_why = Some(error.to_string());
            Err(Ended { error, found: Box::new(found) })
        }
    }
}

/// Enters what each transport carries, then the break-even.
fn search(
    settings: &Settings,
    found: &mut Capacity,
    audience: &mut dyn Audience,
    stop: &Stop,
) -> Result<(), CapacityError> {
    let files = machine::allow_files(u64::from(settings.clients_max) + OTHER_FILES);
    let by_files = u32::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(u32::MAX);
    let plan = &settings.plan;
    let mut start = settings.start;
    for &transport in &plan.transports {
        let most = settings.clients_max.min(by_files);
        let mut hunt = Hunt::new(settings, transport, start, most, audience, stop);
        let searched = hunt.search();
        let carried = hunt.end(settings.clients_max > by_files, searched.as_ref().err());
        // The next one's answer is likely near: two doublings below it is a good place to begin.
        start = if carried.clients > 0 { (carried.clients / 4).max(1) } else { settings.start };
        if searched.is_ok() || !carried.steps.is_empty() {
            found.transports.push(carried);
        }
        searched?;
        if stop.is_asked() {
            let (done, all) = (found.transports.len(), plan.transports.len());
            found.complete = false;
            found.incomplete_why = Some(format!("interrupted at {transport}, {done} of {all}"));
            return Ok(());
        }
    }
    even::enter(settings, found, audience, stop)
}
