//! The search for one transport: steps as [`Search`] says, then the confirmation, and who was the limit. Bounded in time.

use std::time::Instant;

use super::{Audience, CapacityError, Carried, Limit, Search, Settings, Step, step};
use crate::progress::Progress;
use crate::result::{Breach, Verdict};
use crate::run::{Stop, run_until};
use crate::transport::Transport;

/// A found number that is not confirmed is lessened to this part and tried again …
const LESSENED: f64 = 0.9;
/// … so often.
const CONFIRMATIONS: u32 = 3;

/// The search for one transport.
pub(super) struct Hunt<'a> {
    settings: &'a Settings,
    transport: Transport,
    search: Search,
    most: u32,
    steps: Vec<Step>,
    confirmed: bool,
    late: bool,
    audience: &'a mut dyn Audience,
    stop: &'a Stop,
    deadline: Instant,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        transport: Transport,
        start: u32,
        most: u32,
        audience: &'a mut dyn Audience,
        stop: &'a Stop,
    ) -> Self {
        Self {
            settings,
            transport,
            search: Search::new(start, most),
            most,
            steps: Vec::new(),
            confirmed: false,
            late: false,
            audience,
            stop,
            deadline: Instant::now() + settings.time,
        }
    }

    /// Doubles, bisects, confirms.
    pub(super) fn search(&mut self) -> Result<(), CapacityError> {
        let mut longest = self.settings.step;
        while let Some(clients) = self.search.next() {
            // The confirmation has to fit in too.
            self.late = !self.steps.is_empty() && Instant::now() + 2 * longest > self.deadline;
            if self.late {
                break;
            }
            let begin = Instant::now();
            if !self.run(clients, false)? {
                return Ok(());
            }
            longest = longest.max(begin.elapsed());
        }
        let mut clients = self.search.holds();
        for _ in 0..CONFIRMATIONS {
            if clients == 0 || !self.run(clients, true)? {
                return Ok(());
            }
            self.confirmed = self.search.holds() == clients;
            if self.confirmed || Instant::now() + longest > self.deadline {
                return Ok(());
            }
            clients = (f64::from(clients) * LESSENED) as u32;
        }
        Ok(())
    }

    /// One step. Whether it ran to its end.
    fn run(&mut self, clients: u32, confirms: bool) -> Result<bool, CapacityError> {
        let step = one(self.settings, self.transport, clients, self.audience, self.stop)?;
        let Some(mut step) = step else { return Ok(false) };
        let again = step.limit == Some(Limit::Machine)
            && Instant::now() + 3 * self.settings.step < self.deadline;
        if again {
            // What somebody else did to it is gone the next time; what the number of clients did is not.
            self.audience.step(&self.transport.to_string(), &step);
            self.steps.push(step);
            let second = one(self.settings, self.transport, clients, self.audience, self.stop)?;
            let Some(second) = second else { return Ok(false) };
            step = second;
        }
        let step = Step { confirms, ..step };
        self.search.has_room(step.generator_busy.max(step.server_cores.unwrap_or(1.0)));
        self.search.enter(clients, step.holds);
        self.audience.step(&self.transport.to_string(), &step);
        self.steps.push(step);
        Ok(true)
    }

    pub(super) fn end(self, by_files: bool, failed: Option<&CapacityError>) -> Carried {
        let clients = match self.confirmed {
            true => self.search.holds(),
            // The most that has held at all and was not taken back.
            false => self.search.holds().max(self.lowest_held()),
        };
        let broke_at = self.search.breaks();
        let breaking = self.steps.iter().rev().find(|step| Some(step.clients) == broke_at);
        let (limit, why) = match breaking.and_then(|step| Some((step.limit?, step.why.clone()?))) {
            Some((limit, why)) => (Some(limit), why),
            None if failed.is_some() => (None, "the search ended here: see INCOMPLETE".to_owned()),
            None if clients >= self.most && by_files => {
                (Some(Limit::Most), "no more sockets: the tester's limit of open files".to_owned())
            }
            None if clients >= self.most => {
                (Some(Limit::Most), "no more were to be tried (--clients-max)".to_owned())
            }
            None if self.stop.is_asked() => (None, "interrupted".to_owned()),
            None => (Some(Limit::Time), "time was up before anything broke".to_owned()),
        };
        let at_least = !matches!(limit, Some(Limit::Slo | Limit::Server));
        let slos = step::plan(&self.settings.plan, self.transport, 1, self.settings.step);
        Carried {
            transport: self.transport.to_string(),
            clients,
            confirmed: self.confirmed,
            at_least,
            broke_at,
            limit,
            why: if self.late { format!("{why} (time was up before 5 %)") } else { why },
            slos: slos.objectives.iter().map(|slo| slo.expression.clone()).collect(),
            steps: self.steps,
        }
    }

    /// The greatest number that held and below which nothing broke.
    fn lowest_held(&self) -> u32 {
        let broke = |clients: u32| {
            self.steps
                .iter()
                .any(|s| !s.holds && s.limit != Some(Limit::Machine) && s.clients <= clients)
        };
        let held = self.steps.iter().filter(|step| step.holds && !broke(step.clients));
        held.map(|step| step.clients).max().unwrap_or(0)
    }
}

/// One run of `transport` with so many clients; `None` if it was interrupted.
pub(super) fn one(
    settings: &Settings,
    transport: Transport,
    clients: u32,
    audience: &mut dyn Audience,
    stop: &Stop,
) -> Result<Option<Step>, CapacityError> {
    let plan = step::plan(&settings.plan, transport, clients, settings.step);
    let name = transport.to_string();
    let mut tell = |progress: &Progress| audience.progress(&name, clients, progress);
    let result = match run_until(&plan, &mut tell, stop) {
        Ok(result) => result,
        Err(_) if stop.is_asked() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if stop.is_asked() {
        return Ok(None);
    }
    let lane = &result.lanes[0];
    if result.verdict == Verdict::Broken {
        let breach = lane.first_breaches.first().map(Breach::to_string).unwrap_or_default();
        return Err(CapacityError::Broken { transport: name, clients, breach });
    }
    Ok(Some(step::judge(&result, lane)))
}
