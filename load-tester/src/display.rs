//! Shows how a run is going: on a terminal one line that is rewritten each second, elsewhere a line a lane every five
//! seconds and whenever the phase changes. Writes to standard error, so that the report alone is on standard output.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use load_tester::{LaneProgress, Phase, Progress};

/// How often a line is written where it cannot be rewritten.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub enum Display {
    Terminal(ProgressBar),
    Log { written: Option<(Instant, usize, Phase)> },
}

impl Display {
    pub fn new() -> Self {
        if !stderr().is_terminal() {
            return Self::Log { written: None };
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a constant template is valid"));
        Self::Terminal(bar)
    }

    #[expect(clippy::print_stderr, reason = "this is the part of the program that shows progress")]
    pub fn show(&mut self, progress: &Progress) {
        match self {
            Self::Terminal(bar) => bar.set_message(lines(progress).join("\n")),
            Self::Log { written } => {
                let now = (progress.done, progress.phase);
                let is_new = written.is_none_or(|(at, done, phase)| {
                    at.elapsed() >= LINE_EVERY || (done, phase) != now
                });
                if is_new {
                    lines(progress).iter().for_each(|line| eprintln!("{line}"));
                    *written = Some((Instant::now(), now.0, now.1));
                }
            }
        }
    }

    pub fn finish(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn lines(progress: &Progress) -> Vec<String> {
    let phase = match progress.phase {
        Phase::Starting => "starting",
        Phase::Connecting => "connecting",
        Phase::Settling => "settling",
        Phase::Measuring => "measuring",
        Phase::Draining => "draining",
    };
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
