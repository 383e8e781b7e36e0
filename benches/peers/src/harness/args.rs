//! What can be asked for on the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

/// Tickcast and other servers at the same work, one after another, with ratios.
#[derive(Debug, Parser)]
// `run` gives `--tickcast`; who gives it again means another one.
#[command(args_override_self = true)]
pub struct Arguments {
    /// Servers to compare, as a comma list; all that are installed unless given
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Rows to measure, as a comma list: see README.md; all unless given
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// How often each server is measured on each row; what the file of results has already is counted
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..100))]
    pub rounds: u32,
    /// Measure so many rounds more, whatever the file of results has
    #[arg(long)]
    pub again: bool,
    /// How long each measurement lasts, s
    #[arg(long, default_value_t = 4.0, value_parser = window)]
    pub window: f64,
    /// One round of short windows: shows that it works, measures nothing well
    #[arg(long)]
    pub quick: bool,
    /// Where results are kept, as JSON, from the first measurement on; what is there already (of the same build and machine) stays,
    /// and is not measured again [default: benches/results/DATE-COMMIT.json, none with --quick]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print and plot these results instead of measuring
    #[arg(long)]
    pub show: Option<PathBuf>,
    /// Instead of measuring, spoil what one client gets of each server, in several ways, and see the contract check refuse it
    #[arg(long)]
    pub prove_contract: bool,
    /// Tickcast's server; its simulator is expected beside it
    #[arg(long, env = "FEED_SERVER")]
    pub tickcast: Option<PathBuf>,
    /// More arguments for Tickcast's server
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub tickcast_args: String,
    /// Processor of the server
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// Processor of the clients, and of the publisher that feeds brokers
    #[arg(long, default_value_t = 1)]
    pub client_core: usize,
}

fn window(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.5..=600.0).contains(&seconds) { Ok(seconds) } else { Err("0.5 to 600 s".to_owned()) }
}

impl Arguments {
    /// How long a measurement lasts.
    pub fn window(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 1.0 } else { self.window })
    }

    /// How often it is repeated.
    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// Where results go, if anywhere: to the newest file of this commit, or a new one of this day.
    pub fn out(&self, date: &str, commit: &str, home: &Path) -> Option<PathBuf> {
        let standard = || {
            let (folder, end) = (home.join("../results"), format!("-{commit}.json"));
            let names = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
            let newest = names.filter(|name| name.ends_with(&end)).max();
            folder.join(newest.unwrap_or_else(|| format!("{date}{end}")))
        };
        self.out.clone().or_else(|| (!self.quick).then(standard))
    }
}
