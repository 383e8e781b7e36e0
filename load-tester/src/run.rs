//! Carries a plan out: lanes one after another or side by side, each with a server of its own if that is asked for, and
//! puts what they showed into a [`RunResult`]. Shows how it is going through a callback; prints nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;

use crate::admin;
use crate::catalog::{Catalog, CatalogError};
use crate::checks;
use crate::crew::{Crew, Ended, Job, Used};
use crate::fetch::fetch;
use crate::machine::{self, Machine};
use crate::outcome;
use crate::plan::Plan;
use crate::progress::{Phase, Progress};
use crate::recorder::now_us;
use crate::result::{
    Check, GeneratorUse, Lane, Order, RunResult, SCHEMA, ServerInfo, Tool, Verdict,
};
use crate::spawn::{SpawnError, Spawned};
use crate::transport::Transport;

/// Files that are open besides sockets.
const OTHER_FILES: u64 = 256;
/// How long a server that was measured may take to answer when the window is over.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Why there was no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// No symbols.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// No server.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Too low a limit of open files.
    #[error(
        "{needed} connections need {needed} open files, and the limit is {limit}: raise it (ulimit -n, LimitNOFILE) or ask for fewer clients"
    )]
    Files {
        /// Files that the plan needs.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// No process to watch.
    #[error("there is no process {0} to watch (--server-pid)")]
    NoProcess(u32),
    /// Not one client was subscribed.
    #[error("no client could be subscribed at {url}: {why}")]
    Nobody {
        /// The address, with its path.
        url: String,
        /// The most frequent reason.
        why: String,
    },
    /// A thread or its runtime could not be started.
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
}

/// Asks a run to end early; what it has is kept and marked. Clones ask the same run.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was done.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Carries `plan` out; `tell` hears once a second how it is going.
///
/// # Errors
/// It could not even begin. A run that began has a result, good or bad.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&Progress)) -> Result<RunResult, RunError> {
    run_until(plan, tell, &Stop::default())
}

/// As [`run`], until `stop` is asked.
///
/// # Errors
/// As [`run`].
pub fn run_until(
    plan: &Plan,
    tell: &mut dyn FnMut(&Progress),
    stop: &Stop,
) -> Result<RunResult, RunError> {
    let at_once = u64::from(plan.lanes_at_once());
    let needed = (u64::from(plan.clients) + u64::from(plan.stuck)) * at_once + OTHER_FILES;
    let limit = machine::allow_files(needed);
    if limit < needed {
        return Err(RunError::Files { needed, limit });
    }
    if let Some(pid) = plan.server_pid.filter(|&pid| machine::process_use(pid).is_none()) {
        return Err(RunError::NoProcess(pid));
    }
    let mut order = plan.transports.clone();
    let groups: Vec<Vec<Transport>> = match plan.order {
        Order::Together => vec![order],
        Order::OneByOne => {
            fastrand::Rng::with_seed(plan.seed).shuffle(&mut order);
            order.into_iter().map(|transport| vec![transport]).collect()
        }
    };
    let mut whole = Whole::new(plan);
    for group in groups {
        match whole.group(&group, tell, stop) {
            Ok(()) => {}
            Err(error) if whole.lanes.is_empty() => return Err(error),
            Err(error) => whole.incomplete(format!("{}: {error}", names(&group))),
        }
        if whole.cut_short {
            break;
        }
    }
    whole.end()
}

/// A run as far as it has come.
struct Whole<'a> {
    plan: &'a Plan,
    started_us: i64,
    server: ServerInfo,
    lanes: Vec<Lane>,
    checks: Vec<Check>,
    generator: GeneratorUse,
    incomplete: Option<String>,
    /// No further lanes are to be run.
    cut_short: bool,
}

impl<'a> Whole<'a> {
    fn new(plan: &'a Plan) -> Self {
        let spawned = plan.spawn.is_some();
        let command = plan.spawn.as_ref().map(|spawn| spawn.command.clone());
        Self {
            plan,
            started_us: now_us(),
            server: ServerInfo { command, spawned, ..ServerInfo::default() },
            lanes: Vec::new(),
            checks: Vec::new(),
            generator: GeneratorUse::default(),
            incomplete: None,
            cut_short: false,
        }
    }

    /// Runs lanes at the same time, with a fresh server if there is to be one.
    fn group(
        &mut self,
        group: &[Transport],
        tell: &mut dyn FnMut(&Progress),
        stop: &Stop,
    ) -> Result<(), RunError> {
        let place = (self.lanes.len(), self.plan.transports.len());
        let (done, total) = place;
        tell(&Progress {
            phase: Phase::Starting,
            left: Duration::ZERO,
            lanes: Vec::new(),
            done,
            total,
        });
        let mut plan = self.plan.clone();
        let mut spawned = plan.spawn.as_ref().map(Spawned::start).transpose()?;
        if let Some(server) = &spawned {
            plan.target = server.target.clone();
            plan.server_pid = Some(server.pid());
            plan.admin = server.admin.clone();
        }
        // What a server does before its first event is no part of what clients cost it.
        if let Some(admin) = plan.admin.as_ref().filter(|_| spawned.is_some()) {
            admin::until_ready(admin);
        }
        if let Some(admin) = &plan.admin {
            let version = admin::version(admin);
            (self.server.version, self.server.commit) = (version.version, version.commit);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let catalog = runtime.block_on(Catalog::fetch(&plan.target))?;
        catalog.check(&plan.symbols)?;
        let plan = Arc::new(plan);
        let spawned = spawned.as_mut();
        let job = Job { plan: &plan, transports: group, place, catalog, spawned, stop };
        let (ended, used) = Crew::start(job, tell)?.run();
        // A server of its own that died is replaced for the next lane; a person who interrupts means the whole run.
        self.cut_short = stop.is_asked() || (used.cut_short.is_some() && plan.spawn.is_none());
        self.close_group(&plan, ended, &used);
        Ok(())
    }

    /// Enters what the lanes of a group came to.
    fn close_group(&mut self, plan: &Plan, ended: Vec<Ended>, used: &Used) {
        let answered = used.cut_short.is_none().then(|| answers(plan));
        let [before, after] = &used.source;
        let source = after.as_ref().zip(before.as_ref());
        let source = source.and_then(|(after, before)| after.p99_since(before));
        for ended in ended {
            let lane = outcome::lane(plan, ended, used);
            if let Some(why) = &lane.incomplete_why {
                self.incomplete(format!("{}: {why}", lane.transport));
            }
            self.checks.extend(checks::lane(plan, &lane, used));
            self.generator.busy = self.generator.busy.max(lane.generator.busy);
            self.generator.waited = self.generator.waited.max(lane.generator.waited);
            self.generator.late_ms = self.generator.late_ms.max(lane.generator.late_ms);
            self.generator.threads = lane.generator.threads;
            let lane_name = Some(lane.transport.clone());
            self.checks
                .extend(answered.clone().map(|answered| checks::answers(answered, &lane_name)));
            self.checks.extend(source.map(|p99_s| checks::source(p99_s, &lane_name)));
            self.lanes.push(lane);
        }
    }

    fn incomplete(&mut self, why: String) {
        match &mut self.incomplete {
            Some(all) => *all = format!("{all}; {why}"),
            None => self.incomplete = Some(why),
        }
    }

    fn end(mut self) -> Result<RunResult, RunError> {
        let nobody = self.lanes.iter().all(|lane| lane.connected == 0);
        let missing = self.plan.transports.len() - self.lanes.len();
        if nobody {
            let most =
                self.lanes.iter().flat_map(|lane| &lane.failed).max_by_key(|(_, count)| **count);
            let cut_short = self.incomplete.clone().unwrap_or_else(|| "no answer".to_owned());
            let why = most.map_or(cut_short, |(reason, _)| reason.clone());
            return Err(RunError::Nobody { url: self.plan.target.url.clone(), why });
        }
        if missing > 0 && self.incomplete.is_none() {
            self.incomplete(format!("{missing} lanes were not run"));
        }
        let plan = self.plan;
        let place = |lane: &Lane| {
            plan.transports.iter().position(|transport| transport.to_string() == lane.transport)
        };
        self.lanes.sort_by_key(place);
        let held = self.lanes.iter().flat_map(|lane| {
            let mine = plan.objectives.iter().filter(|slo| slo.concerns(&lane.transport));
            mine.map(|slo| slo.hold(lane))
        });
        let slos: Vec<_> = held.collect();
        let broken = self.lanes.iter().any(|lane| lane.breaches.values().any(|&count| count > 0));
        let verdict = if broken {
            Verdict::Broken
        } else if self.incomplete.is_some() {
            Verdict::Incomplete
        } else if self.checks.iter().any(|check| !check.ok) {
            Verdict::Invalid
        } else if slos.iter().any(|slo| !slo.ok) {
            Verdict::SloBroken
        } else {
            Verdict::Ok
        };
        Ok(RunResult {
            schema: SCHEMA,
            tool: Tool {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                commit: option_env!("TICKCAST_COMMIT").map(str::to_owned),
            },
            started_us: self.started_us,
            ended_us: now_us(),
            complete: self.incomplete.is_none(),
            incomplete_why: self.incomplete,
            command: Vec::new(),
            order: plan.order,
            seed: plan.seed,
            settings: plan.settings(),
            machine: Machine::this(),
            server: self.server,
            verdict,
            checks: self.checks,
            slos,
            generator: self.generator,
            lanes: self.lanes,
        })
    }
}

/// How long the server takes to answer now, or why it does not.
fn answers(plan: &Plan) -> Result<Duration, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| why.to_string())?;
    let begin = std::time::Instant::now();
    let path = plan.target.path_of("symbols", "");
    let body = runtime.block_on(fetch(&plan.target, &path, ANSWER_WITHIN));
    body.map(|_| begin.elapsed()).map_err(|why| why.to_string())
}

fn names(group: &[Transport]) -> String {
    group.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
