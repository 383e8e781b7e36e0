//! The threads of one or more lanes that run at the same time: starts them, waits until everybody is subscribed, lets
//! them settle, opens and closes the measured window, stops them, and adds up what they hand over. Every wait is bounded.

mod intervals;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::admin::{self, Lateness};
use crate::catalog::Catalog;
use crate::machine::{self, ProcessUse};
use crate::plan::Plan;
use crate::progress::{LaneProgress, Phase, Progress};
use crate::recorder::{Outbox, Shared, Tally, now_us, open};
use crate::result::Interval;
use crate::run::Stop;
use crate::spawn::Spawned;
use crate::transport::Transport;
use crate::worker::{Share, work};
use intervals::Intervals;

/// Begin of the names of threads.
const THREAD_NAME: &str = "clients-";
/// How often is looked whether a phase is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the callback hears of it.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long threads may take to say goodbye to everybody.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// How long what was under way at the window's end is waited for.
const DRAIN: Duration = Duration::from_millis(300);
/// The longest polling interval that is waited for, before and after the window.
const POLL_WAIT_MAX: Duration = Duration::from_secs(15);

/// What is measured, and who hears of it.
pub struct Job<'a> {
    /// The plan, its target being the server that there is.
    pub plan: &'a Arc<Plan>,
    /// Lanes that run at the same time.
    pub transports: &'a [Transport],
    /// How many lanes have run before these, and how many there are in all.
    pub place: (usize, usize),
    /// The server's symbols.
    pub catalog: Catalog,
    /// The server, if it was started for this.
    pub spawned: Option<&'a mut Spawned>,
    /// Asks everybody to end early.
    pub stop: &'a Stop,
}

/// One lane while it runs.
struct Running {
    transport: Transport,
    shared: Arc<Shared>,
    outboxes: Vec<Outbox>,
    tally: Tally,
    intervals: Intervals,
    told_messages: u64,
}

/// What a lane came to.
pub struct Ended {
    /// Its transport.
    pub transport: Transport,
    /// Clients that were subscribed.
    pub ready: u32,
    /// Clients that never read and were there at the end.
    pub stuck: u32,
    /// All its figures.
    pub tally: Tally,
    /// By second of the window.
    pub intervals: Vec<Interval>,
}

/// What was used while lanes ran.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// How long connecting took, seconds.
    pub connect_s: f64,
    /// Begin of the window, µs since the Unix epoch.
    pub begin_us: i64,
    /// Length of the window.
    pub wall: Duration,
    /// The tester's own CPU time in it.
    pub own_cpu: Duration,
    /// Time in it for which clients' threads were ready to run and had no processor.
    pub waited: Duration,
    /// The server before the first client came, when all had settled, and at the end of the window.
    pub server: [Option<ProcessUse>; 3],
    /// How late its source had been when the window began, and when it ended.
    pub source: [Option<Lateness>; 2],
    /// Threads that ended badly.
    pub threads_lost: usize,
    /// Threads that clients were spread over.
    pub threads: usize,
    /// Why it ended early, if it did.
    pub cut_short: Option<String>,
}

/// The threads.
pub struct Crew<'a> {
    job: Job<'a>,
    tell: &'a mut dyn FnMut(&Progress),
    lanes: Vec<Running>,
    threads: Vec<JoinHandle<std::io::Result<()>>>,
    stop: watch::Sender<bool>,
    used: Used,
    told: Instant,
}

impl<'a> Crew<'a> {
    /// Starts the threads, and with them the clients.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn start(mut job: Job<'a>, tell: &'a mut dyn FnMut(&Progress)) -> std::io::Result<Self> {
        let plan = job.plan.clone();
        let catalog = Arc::new(std::mem::take(&mut job.catalog));
        let (stop, stopped) = watch::channel(false);
        let everybody = plan.clients + plan.stuck;
        let lanes_at_once = u32::try_from(job.transports.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(plan.threads).unwrap_or(u32::MAX);
        let count = count.min(everybody.saturating_mul(lanes_at_once));
        let mut lanes: Vec<_> = job.transports.iter().map(|&each| Running::new(each)).collect();
        let server = plan.server_pid.and_then(machine::process_use);
        let mut threads = Vec::new();
        for thread in 0..count {
            let mut shares = Vec::new();
            for (place, lane) in (0..).zip(&mut lanes) {
                let outbox: Outbox = Arc::new(Mutex::default());
                lane.outboxes.push(outbox.clone());
                // Lanes of few clients begin on different threads.
                let first = (thread + place) % count;
                shares.push(Share {
                    plan: plan.clone(),
                    transport: lane.transport,
                    place: (place, lanes_at_once),
                    catalog: catalog.clone(),
                    clients: (first..everybody).step_by(count as usize).collect(),
                    shared: lane.shared.clone(),
                    outbox,
                });
            }
            let (builder, stopped) = (std::thread::Builder::new(), stopped.clone());
            let builder = builder.name(format!("{THREAD_NAME}{thread}"));
            threads.push(builder.spawn(move || work(shares, stopped))?);
        }
        let used = Used { server: [server, None, None], threads: threads.len(), ..Used::default() };
        Ok(Self { job, tell, lanes, threads, stop, used, told: Instant::now() })
    }

    /// Connects, settles, measures, stops.
    pub fn run(mut self) -> (Vec<Ended>, Used) {
        self.connect();
        if self.count(|shared| &shared.ready) > 0 {
            // Who polls is in step once every client's first poll is over.
            let settle = self.job.plan.warmup.max(self.poll_every());
            self.wait(Phase::Settling, settle);
            self.measure();
        }
        self.finish()
    }

    /// Waits until every client is subscribed or has failed.
    fn connect(&mut self) {
        let plan = self.job.plan.clone();
        let begin = Instant::now();
        let everybody = self.everybody();
        let arriving = Duration::from_secs_f64(f64::from(everybody) / f64::from(plan.connect_rate));
        let deadline = begin + arriving + plan.connect_timeout + Duration::from_secs(1);
        loop {
            let settled = self.settled();
            let dead = self.threads.iter().all(JoinHandle::is_finished);
            if settled >= everybody || dead || Instant::now() >= deadline || self.is_cut_short() {
                self.used.connect_s = begin.elapsed().as_secs_f64();
                return;
            }
            self.look(Phase::Connecting, deadline);
        }
    }

    /// Lets `duration` pass, or less if there is no point in going on.
    fn wait(&mut self, phase: Phase, duration: Duration) {
        let end = Instant::now() + duration;
        while Instant::now() < end && !self.is_cut_short() {
            self.look(phase, end);
        }
    }

    fn measure(&mut self) {
        if self.used.cut_short.is_some() {
            return;
        }
        self.used.source[0] = self.source();
        self.used.server[1] = self.server();
        let (own_before, waited_before) = (machine::own_cpu(), machine::waited(THREAD_NAME));
        let (begin, begin_us) = (Instant::now(), now_us());
        self.used.begin_us = begin_us;
        for lane in &mut self.lanes {
            lane.shared.begin(begin_us);
            lane.intervals.begin(begin_us, self.used.server[1]);
        }
        self.wait(Phase::Measuring, self.job.plan.measure);
        let end_us = now_us();
        self.lanes.iter().for_each(|lane| lane.shared.end(end_us));
        self.used.wall = begin.elapsed();
        self.used.own_cpu = machine::own_cpu().saturating_sub(own_before);
        self.used.waited = machine::waited(THREAD_NAME).saturating_sub(waited_before);
        self.used.server[2] = self.server();
        self.used.source[1] = self.source();
        self.wait(Phase::Draining, DRAIN + self.poll_every());
    }

    /// The longest polling interval that is waited for.
    fn poll_every(&self) -> Duration {
        let polls = self.job.transports.iter().filter_map(Transport::poll_every);
        polls.max().unwrap_or_default().min(POLL_WAIT_MAX)
    }

    fn source(&self) -> Option<Lateness> {
        self.job.plan.admin.as_ref().and_then(admin::lateness)
    }

    fn server(&self) -> Option<ProcessUse> {
        self.job.plan.server_pid.and_then(machine::process_use)
    }

    /// Clients of all lanes.
    fn everybody(&self) -> u32 {
        (self.job.plan.clients + self.job.plan.stuck) * self.lanes.len() as u32
    }

    /// Those that are subscribed, or will not be.
    fn settled(&self) -> u32 {
        self.count(|shared| &shared.ready)
            + self.count(|shared| &shared.failed)
            + self.count(|shared| &shared.stuck)
    }

    /// Over all lanes.
    fn count(&self, of: impl Fn(&Shared) -> &AtomicU32) -> u32 {
        self.lanes.iter().map(|lane| of(&lane.shared).load(Ordering::Relaxed)).sum()
    }

    /// Whether there is no point in going on: asked to stop, server gone, nobody left.
    fn is_cut_short(&mut self) -> bool {
        if self.used.cut_short.is_some() {
            return true;
        }
        let (ready, ended) =
            (self.count(|shared| &shared.ready), self.count(|shared| &shared.ended));
        let all_settled = self.settled() >= self.everybody();
        self.used.cut_short = if self.job.stop.is_asked() {
            Some("it was interrupted".to_owned())
        } else if let Some(how) = self.job.spawned.as_mut().and_then(|server| server.has_ended()) {
            Some(format!("the server died: {how}"))
        } else if self.job.plan.server_pid.is_some_and(|pid| machine::process_use(pid).is_none()) {
            Some("the watched server went away".to_owned())
        } else if all_settled && ready > 0 && ended >= ready {
            Some("every connection had ended".to_owned())
        } else {
            None
        };
        self.used.cut_short.is_some()
    }

    /// Sleeps for a moment, and tells how it is going if it is time for that.
    fn look(&mut self, phase: Phase, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        std::thread::sleep(LOOK_EVERY.min(left));
        let now_us = now_us();
        let pid = self.job.plan.server_pid;
        for lane in &mut self.lanes {
            lane.intervals.look(now_us, pid);
        }
        let since = self.told.elapsed();
        if since < TELL_EVERY {
            return;
        }
        let plan = self.job.plan;
        let lanes = self.lanes.iter_mut().map(|lane| lane.progress(plan.clients, since)).collect();
        let (done, total) = self.job.place;
        (self.tell)(&Progress { phase, left, lanes, done, total });
        self.told = Instant::now();
    }

    /// Stops everybody and adds up.
    fn finish(mut self) -> (Vec<Ended>, Used) {
        // Nobody listens only if every thread is gone already.
        let _ = self.stop.send(true);
        let deadline = Instant::now() + STOP_TIMEOUT;
        for thread in std::mem::take(&mut self.threads) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(LOOK_EVERY);
            }
            let ended_well = thread.is_finished() && matches!(thread.join(), Ok(Ok(())));
            self.used.threads_lost += usize::from(!ended_well);
        }
        let ended = self.lanes.into_iter().map(Running::end).collect();
        (ended, self.used)
    }
}

impl Running {
    fn new(transport: Transport) -> Self {
        Self {
            transport,
            shared: Arc::new(Shared::new()),
            outboxes: Vec::new(),
            tally: Tally::default(),
            intervals: Intervals::default(),
            told_messages: 0,
        }
    }

    fn collect(&mut self) {
        for outbox in &self.outboxes {
            let parts = std::mem::take(&mut *open(outbox));
            for part in parts {
                self.tally.add(&part.tally);
                if let Some(interval) = part.interval {
                    self.intervals.add(interval, &part.tally);
                }
            }
        }
    }

    fn progress(&mut self, clients: u32, since: Duration) -> LaneProgress {
        self.collect();
        let messages = self.tally.whole.messages;
        let messages_per_s = (messages - self.told_messages) as f64 / since.as_secs_f64();
        self.told_messages = messages;
        LaneProgress::new(&self.transport, clients, messages_per_s, &self.shared, &self.tally)
    }

    fn end(mut self) -> Ended {
        self.collect();
        let Self { transport, shared, tally, intervals, .. } = self;
        Ended {
            transport,
            ready: shared.ready.load(Ordering::Relaxed),
            stuck: shared.stuck.load(Ordering::Relaxed),
            tally,
            intervals: intervals.end(),
        }
    }
}
