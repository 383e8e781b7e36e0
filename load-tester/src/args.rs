//! What was typed, and what it means as a [`Plan`].

use std::path::PathBuf;
use std::time::Duration;

use crate::stored;
use clap::{Args, Parser, Subcommand, ValueEnum};
use load_tester::{Format, Mode, Plan, Symbols, Target, channels};

const EXIT_CODES: &str = "Exit codes:
  0  the server kept its contract, and the figures are valid
  1  the server broke its contract: an unannounced gap, a repeat, disorder, a wrong merge …
  2  the run could not begin: usage, server not reachable, no such symbol, too few open files
  4  the figures are invalid: not every client was there from beginning to end, negative latencies, nothing came

To keep tester and server apart, pin both: `taskset -c 1 load-tester run …`, `taskset -c 0` for the server.";

/// Opens thousands of subscribers on a market-data stream, times what they get, checks that nothing is missing.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect clients, measure for a while, report
    #[command(after_help = EXIT_CODES)]
    Run(Box<Run>),
    /// Write the report of a stored run
    Report(stored::Report),
    /// Say which figures of two stored runs differ, and how sure that is
    Compare(stored::Compare),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatArg {
    Json,
    Msgpack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    Every,
    Latest,
}

#[derive(Debug, Args)]
pub struct Run {
    /// WebSocket address of the server
    #[arg(long, default_value = "ws://127.0.0.1:8080/v1/ws")]
    pub url: String,
    /// Test another machine than this one. It must be yours, or its owner must agree
    #[arg(long)]
    pub allow_remote: bool,
    /// Form of the frames
    #[arg(long, value_enum, default_value = "json")]
    pub format: FormatArg,
    /// Clients to connect
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub clients: u32,
    /// Symbols that each client draws at random from the server's
    #[arg(long, value_name = "K", default_value_t = 10, conflicts_with = "symbols")]
    pub symbols_per_client: usize,
    /// Draw from the server's first M symbols only
    #[arg(long, value_name = "M", conflicts_with = "symbols")]
    pub symbols_of: Option<usize>,
    /// The same symbols for every client: AAPL,MSFT or '*'
    #[arg(long, value_name = "LIST")]
    pub symbols: Option<String>,
    /// Channels: trades, quotes, status, bars:1s …
    #[arg(long, value_name = "LIST", default_value = "trades")]
    pub channels: String,
    /// Each event, or the latest at an interval
    #[arg(long, value_enum, default_value = "every")]
    pub mode: ModeArg,
    /// Interval of --mode latest, ms, 0 to 60000
    #[arg(long, value_name = "MS", default_value_t = 250)]
    pub interval_ms: u32,
    /// Subscribe without asking for a snapshot
    #[arg(long)]
    pub no_snapshot: bool,
    /// How long to measure: 30s, 500ms, 5m
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub measure: Duration,
    /// How long to settle first, once all are subscribed
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub warmup: Duration,
    /// Threads that clients are spread over
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Clients started a second
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub connect_rate: u32,
    /// How long a client may take to be connected and subscribed
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub connect_timeout: Duration,
    /// What symbols are drawn with: the same seed, the same draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Time one connection of so many; sequence numbers are checked on all [default: about 1000 are timed]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<u32>,
    /// Receive buffer of each client's socket, bytes; 0 leaves it to the system, which may let seconds of data pile up
    /// in front of a client that is behind, so that the server does not see it and merges late
    #[arg(long, value_name = "BYTES", default_value_t = 65536)]
    pub receive_buffer: u32,
    /// Further clients that subscribe and then never read
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stuck: u32,
    /// Watch the server's process: CPU time a delivered message, memory
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Write the result to FILE as JSON, with all settings and the machine
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Run {
    /// The plan that this asks for.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let names = |list: &str| {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        let symbols = match self.symbols.as_deref().map(str::trim) {
            Some("*") => Symbols::All,
            Some(list) => Symbols::Named(names(list)),
            None => Symbols::Draw { per_client: self.symbols_per_client, of: self.symbols_of },
        };
        let plan = Plan {
            target: Target::new(&self.url, self.allow_remote)?,
            format: match self.format {
                FormatArg::Json => Format::Json,
                FormatArg::Msgpack => Format::Msgpack,
            },
            clients: self.clients,
            receive_buffer: self.receive_buffer,
            stuck: self.stuck,
            symbols,
            channels: channels(&self.channels)?,
            mode: match self.mode {
                ModeArg::Every => Mode::Every,
                ModeArg::Latest => Mode::Latest { interval_ms: self.interval_ms },
            },
            snapshot: !self.no_snapshot,
            measure: self.measure,
            warmup: self.warmup,
            connect_timeout: self.connect_timeout,
            connect_rate: self.connect_rate,
            threads: self.threads,
            seed: self.seed,
            sample_every: self.sample_every,
            server_pid: self.server_pid,
        };
        Ok(plan.checked()?)
    }
}

/// `30s`, `500ms`, `5m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: give one like 30s, 500ms, 5m or 1h");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let amount: f64 = digits.parse().map_err(|_| wrong())?;
    let unit_s = match &text[digits.len()..] {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(amount * unit_s).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_times() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["", "s", "-1s", "5 min", "1d", "inf"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
