//! Carries a plan out: asks for the symbols, starts the threads, waits until everybody is subscribed, lets them settle,
//! measures, stops, adds up. Every wait is bounded. Shows how it is going through a callback; prints nothing itself.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::watch;

use crate::catalog::{Catalog, CatalogError};
use crate::machine::{self, ProcessUse};
use crate::plan::Plan;
use crate::recorder::{Outbox, Shared, Tally, open};
use crate::report::{Outcome, ServerCost, Used};
use crate::worker::{Assignment, work};

/// How often is looked whether a phase is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the callback hears of it.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Files that are open besides sockets.
const OTHER_FILES: u64 = 64;
/// How long threads may take to say goodbye to everybody.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there was no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// No symbols.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
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

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Clients are being connected.
    Connecting,
    /// All are subscribed; not measuring yet.
    Settling,
    /// Measuring.
    Measuring,
}

/// How a run is going.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// How long until the phase is over, at most.
    pub left: Duration,
    /// Clients that are subscribed.
    pub ready: u32,
    /// Clients that could not be.
    pub failed: u32,
    /// Connections that ended early.
    pub ended: u64,
    /// Clients asked for.
    pub clients: u32,
    /// Messages a second since the last call.
    pub messages_per_s: f64,
    /// 99th percentile of latency in the measured window so far, µs.
    pub p99_us: Option<u64>,
    /// Breaches of the contract so far.
    pub breaches: u64,
}

/// Carries `plan` out; `tell` hears once a second how it is going.
///
/// # Errors
/// It could not even begin. A run that began has an outcome, good or bad.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&Progress)) -> Result<Outcome, RunError> {
    let needed = u64::from(plan.clients) + u64::from(plan.stuck) + OTHER_FILES;
    let limit = machine::allow_files(needed);
    if limit < needed {
        return Err(RunError::Files { needed, limit });
    }
    watch_server(plan)?;
    let catalog = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(Catalog::fetch(&plan.target))?;
    catalog.check(&plan.symbols)?;
    let started = SystemTime::now();
    let mut crew = Crew::start(plan, catalog, tell)?;
    let connect_s = crew.connect();
    if crew.shared.ready.load(Ordering::Relaxed) == 0 {
        let (_, _, tally) = crew.stop();
        let most = tally.failed.into_iter().max_by_key(|&(_, count)| count);
        let why = most.map_or("no answer".to_owned(), |(reason, _)| reason);
        return Err(RunError::Nobody { url: plan.target.url.clone(), why });
    }
    crew.wait(Phase::Settling, plan.warmup);
    let measured = crew.measure()?;
    let (threads_lost, shared, tally) = crew.stop();
    Ok(Outcome::new(plan, started, connect_s, threads_lost, &shared, &measured, tally))
}

fn watch_server(plan: &Plan) -> Result<Option<ProcessUse>, RunError> {
    match plan.server_pid {
        None => Ok(None),
        Some(pid) => machine::process_use(pid).map(Some).ok_or(RunError::NoProcess(pid)),
    }
}

/// The threads of a run.
struct Crew<'a> {
    plan: &'a Plan,
    tell: &'a mut dyn FnMut(&Progress),
    shared: Arc<Shared>,
    outboxes: Vec<Outbox>,
    threads: Vec<JoinHandle<std::io::Result<()>>>,
    stop: watch::Sender<bool>,
    tally: Tally,
    told: Instant,
    told_messages: u64,
}

impl<'a> Crew<'a> {
    /// Starts the threads, and with them the clients.
    fn start(
        plan: &'a Plan,
        catalog: Catalog,
        tell: &'a mut dyn FnMut(&Progress),
    ) -> Result<Self, RunError> {
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = watch::channel(false);
        let (shared_plan, catalog) = (Arc::new(plan.clone()), Arc::new(catalog));
        let everybody = plan.clients + plan.stuck;
        let count = u32::try_from(plan.threads).unwrap_or(u32::MAX).min(everybody);
        let (mut outboxes, mut threads) = (Vec::new(), Vec::new());
        for thread in 0..count {
            let outbox: Outbox = Arc::new(Mutex::new(Tally::default()));
            let assignment = Assignment {
                plan: shared_plan.clone(),
                catalog: catalog.clone(),
                clients: (thread..everybody).step_by(count as usize).collect(),
                shared: shared.clone(),
                outbox: outbox.clone(),
                stop: stopped.clone(),
            };
            outboxes.push(outbox);
            let builder = std::thread::Builder::new().name(format!("clients-{thread}"));
            threads.push(builder.spawn(move || work(assignment))?);
        }
        let (told, told_messages, tally) = (Instant::now(), 0, Tally::default());
        Ok(Self { plan, tell, shared, outboxes, threads, stop, tally, told, told_messages })
    }

    /// Waits until every client is subscribed or has failed. Returns how long that took, in seconds.
    fn connect(&mut self) -> f64 {
        let begin = Instant::now();
        let everybody = f64::from(self.plan.clients + self.plan.stuck);
        let arriving = Duration::from_secs_f64(everybody / f64::from(self.plan.connect_rate));
        let deadline = begin + arriving + self.plan.connect_timeout + Duration::from_secs(1);
        loop {
            let count = |counter: &std::sync::atomic::AtomicU32| counter.load(Ordering::Relaxed);
            let (ready, failed) = (count(&self.shared.ready), count(&self.shared.failed));
            let settled = ready + failed + count(&self.shared.stuck);
            let dead = !self.threads.iter().any(|thread| !thread.is_finished());
            if settled >= self.plan.clients + self.plan.stuck || dead || Instant::now() >= deadline
            {
                return begin.elapsed().as_secs_f64();
            }
            self.look(Phase::Connecting, deadline);
        }
    }

    /// Lets `duration` pass.
    fn wait(&mut self, phase: Phase, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.look(phase, end);
        }
    }

    /// Measures. Returns what was used meanwhile.
    fn measure(&mut self) -> Result<Used, RunError> {
        let server_before = watch_server(self.plan)?;
        let (own_before, begin) = (machine::own_cpu(), Instant::now());
        self.shared.begin();
        self.wait(Phase::Measuring, self.plan.measure);
        self.shared.end();
        let wall = begin.elapsed();
        let own_cpu = machine::own_cpu().saturating_sub(own_before);
        let server_after = self.plan.server_pid.and_then(machine::process_use);
        let server = server_before
            .map(|before| server_after.map(|after| ServerCost::between(&before, &after)));
        Ok(Used { wall, own_cpu, server })
    }

    /// Sleeps for a moment, and tells how it is going if it is time for that.
    fn look(&mut self, phase: Phase, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        std::thread::sleep(LOOK_EVERY.min(left));
        let since = self.told.elapsed();
        if since < TELL_EVERY {
            return;
        }
        self.collect();
        let messages = self.tally.whole.messages;
        let histogram = &self.tally.latency.histogram;
        let progress = Progress {
            phase,
            left,
            ready: self.shared.ready.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            ended: self.tally.ended.values().sum(),
            clients: self.plan.clients,
            messages_per_s: (messages - self.told_messages) as f64 / since.as_secs_f64(),
            p99_us: (!histogram.is_empty()).then(|| histogram.value_at_quantile(0.99)),
            breaches: self.tally.breaches.total(),
        };
        (self.told, self.told_messages) = (Instant::now(), messages);
        (self.tell)(&progress);
    }

    fn collect(&mut self) {
        for outbox in &self.outboxes {
            self.tally.absorb(&mut open(outbox));
        }
    }

    /// Stops everybody. Returns how many threads were lost, who was ready, and all figures.
    fn stop(mut self) -> (usize, Arc<Shared>, Tally) {
        // Nobody listens only if every thread is gone already.
        let _ = self.stop.send(true);
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut lost = 0;
        for thread in std::mem::take(&mut self.threads) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(LOOK_EVERY);
            }
            let ended_well = thread.is_finished() && matches!(thread.join(), Ok(Ok(())));
            lost += usize::from(!ended_well);
        }
        self.collect();
        (lost, self.shared, self.tally)
    }
}
