//! Shows how a run is going: on a terminal the live view, elsewhere a line a lane every five seconds and whenever the phase
//! changes. Writes to standard error, so that the report alone is on standard output.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use load_tester::{LaneProgress, Phase, Progress};

use crate::live::screen::Screen;
use crate::live::state::{Now, State};

/// How often a line is written where it cannot be rewritten.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub enum Display {
    Live { screen: Box<Screen>, state: State },
    Log { written: Option<(Instant, usize, Phase)> },
}

impl Display {
    pub fn new(plain: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if plain || dumb || !stderr().is_terminal() {
            return Self::Log { written: None };
        }
        match Screen::open() {
            Ok(screen) => Self::Live { screen: Box::new(screen), state: State::default() },
            Err(_) => Self::Log { written: None },
        }
    }

    #[expect(clippy::print_stderr, reason = "this is the part of the program that shows progress")]
    pub fn show(&mut self, progress: &Progress) {
        match self {
            Self::Live { screen, state } => {
                let Progress { phase, left, lanes, done, total } = progress;
                state.update(word(*phase), *left, *done, *total);
                lanes.iter().map(now).for_each(|lane| state.lane(lane));
                if screen.show(state).is_err() {
                    *self = Self::Log { written: None };
                }
            }
            Self::Log { written } => {
                let at_now = (progress.done, progress.phase);
                let is_new = written.is_none_or(|(at, done, phase)| {
                    at.elapsed() >= LINE_EVERY || (done, phase) != at_now
                });
                if is_new {
                    lines(progress).iter().for_each(|line| eprintln!("{line}"));
                    *written = Some((Instant::now(), at_now.0, at_now.1));
                }
            }
        }
    }

    /// Gives the terminal back.
    pub fn finish(self) {}
}

fn now(lane: &LaneProgress) -> Now {
    let errors = u64::from(lane.failed) + u64::from(lane.ended) + lane.breaches;
    Now {
        transport: lane.transport.clone(),
        clients: lane.clients,
        ready: lane.ready,
        messages_per_s: lane.messages_per_s,
        p50_us: lane.p50_us,
        p99_us: lane.p99_us,
        staleness_p99_us: lane.staleness_p99_us,
        errors,
    }
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Connecting => "connecting",
        Phase::Settling => "settling",
        Phase::Measuring => "measuring",
        Phase::Draining => "draining",
    }
}

fn lines(progress: &Progress) -> Vec<String> {
    let phase = word(progress.phase);
    let left = progress.left.as_secs_f64().round();
    let head = format!("{phase:<10} {left:>3} s left");
    progress.lanes.iter().map(|lane| format!("{head}   {}", line(lane))).collect()
}

fn line(lane: &LaneProgress) -> String {
    let LaneProgress { transport, ready, clients, failed, ended, breaches, .. } = lane;
    let mut text = format!(
        "{transport:<12} {ready}/{clients} subscribed   {:.0} messages/s",
        lane.messages_per_s
    );
    for (name, us) in
        [("p50", lane.p50_us), ("p99", lane.p99_us), ("stale p99", lane.staleness_p99_us)]
    {
        if let Some(us) = us {
            text += &format!("   {name} {:.3} ms", us as f64 / 1e3);
        }
    }
    text += &format!("   {breaches} breaches");
    if failed + ended > 0 {
        text += &format!("   {failed} failed, {ended} ended early");
    }
    text
}
