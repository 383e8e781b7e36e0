//! Shows how a run is going: on a terminal one line that is rewritten each second, elsewhere a line every five seconds.
//! Writes to standard error, so that the report alone is on standard output.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use load_tester::{Phase, Progress};

/// How often a line is written where it cannot be rewritten.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub enum Display {
    Terminal(ProgressBar),
    Log { written: Option<Instant> },
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
            Self::Terminal(bar) => bar.set_message(line(progress)),
            Self::Log { written } => {
                if written.is_none_or(|written| written.elapsed() >= LINE_EVERY) {
                    eprintln!("{}", line(progress));
                    *written = Some(Instant::now());
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

fn line(progress: &Progress) -> String {
    let phase = match progress.phase {
        Phase::Connecting => "connecting",
        Phase::Settling => "settling",
        Phase::Measuring => "measuring",
    };
    let Progress { ready, clients, failed, ended, messages_per_s, breaches, left, .. } = progress;
    let left = left.as_secs_f64().round();
    let mut text = format!(
        "{phase:<10} {left:>3} s left   {ready}/{clients} subscribed   {messages_per_s:.0} messages/s"
    );
    if let Some(p99_us) = progress.p99_us {
        text += &format!("   p99 {:.3} ms", p99_us as f64 / 1e3);
    }
    text += &format!("   {breaches} breaches");
    if failed + u32::try_from(*ended).unwrap_or(u32::MAX) > 0 {
        text += &format!("   {failed} failed, {ended} ended early");
    }
    text
}
