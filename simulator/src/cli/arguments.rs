//! What can be typed, with help that teaches it.
//! First stage of the program: `commands` gets these values, the library checks the plan in them.
//! Never does anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use simulator::{Pace, Plan, Popularity, Scenario, wall_clock_us};

/// A simulated market: trades, quotes and statuses that behave like a market's. The same seed gives
/// the same events, byte for byte, at any speed and on any machine. All prices are simulated.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  simulator print                                     watch 500 symbols at 1000 events/s
  simulator print --symbols 3 --rate 5 --trades-only  something a human can follow
  simulator print --scenario crash --speed 20         a crash, 20 times as fast
  simulator print --seed 7 --for 60s --speed max      a minute of data, at once
  simulator record day.ticks --for 6h                 the same to a compact file
  simulator replay day.ticks --speed 10               and back
  simulator count --symbols 500 --for 60s --rate 1e6  how fast it generates
`simulator help print` explains the settings of a market."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print events as NDJSON, one object a line, when they are due
    #[command(after_help = "\
Lines: {\"T\":\"t\",\"S\":\"AAPL\",\"ts\":…,\"p\":187.23,\"v\":100,\"d\":1}   a trade (d: 1 buyer, -1 seller, 0 unknown)
       {\"T\":\"q\",\"S\":\"AAPL\",\"ts\":…,\"b\":187.22,\"B\":300,\"a\":187.24,\"A\":200}   best bid and ask
       {\"T\":\"s\",\"S\":\"AAPL\",\"ts\":…,\"st\":\"halted\"}   a trading status
`ts` is when the event is due in the market's time, µs since 1970.")]
    Print {
        #[command(flatten)]
        market: Market,
        #[command(flatten)]
        limits: Limits,
        #[arg(long, default_value = "1", value_name = "X|max", help = SPEED)]
        speed: Pace,
    },
    /// Record events to a compact file, about 9 bytes each
    Record {
        /// The file to write; it is replaced
        file: PathBuf,
        #[command(flatten)]
        market: Market,
        #[command(flatten)]
        limits: Limits,
        #[arg(long, default_value = "max", value_name = "X|max", help = SPEED)]
        speed: Pace,
    },
    /// Print the events of a recording, or the trades of a CSV file
    #[command(after_help = "\
A CSV file has lines of symbol,ts,price,size, with or without that header, sorted by ts: µs since
1970 as a whole number, or seconds with a decimal point. What is damaged or wrong is told by byte,
or by line and column; everything before it is printed.")]
    Replay {
        /// A recording, or a CSV file
        file: PathBuf,
        #[command(flatten)]
        limits: Limits,
        #[arg(long, default_value = "1", value_name = "X|max", help = SPEED)]
        speed: Pace,
    },
    /// Count events and say how fast they came, and how late if they are paced
    Count {
        #[command(flatten)]
        market: Market,
        #[command(flatten)]
        limits: Limits,
        #[arg(long, default_value = "max", value_name = "X|max", help = SPEED)]
        speed: Pace,
    },
}

const SPEED: &str = "Seconds of the market a second: 1 is real time, `max` does not wait";

/// What market.
#[derive(Debug, Args)]
pub(crate) struct Market {
    /// Number of symbols, 1 to 100000: well-known tickers first, then invented ones
    #[arg(long, default_value_t = 500, value_name = "N")]
    symbols: u32,
    /// Trades and quotes together, events/s over all symbols, on average
    #[arg(long, default_value_t = 1000.0, value_name = "EVENTS/S", allow_negative_numbers = true)]
    rate: f64,
    /// Chooses the market: the same seed, the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How events are spread over the symbols
    #[arg(long, default_value = "zipf")]
    popularity: Popularity,
    /// What happens to the market as a whole
    #[arg(long, default_value = "calm")]
    scenario: Scenario,
    /// No quotes and no statuses
    #[arg(long)]
    trades_only: bool,
    /// First `ts`: µs since 1970, or `now` (the default is 2025-11-21 14:30 UTC, so that runs are equal)
    #[arg(long, value_name = "µs|now", value_parser = start)]
    start: Option<i64>,
}

impl Market {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            symbols: self.symbols,
            rate: self.rate,
            seed: self.seed,
            popularity: self.popularity,
            scenario: self.scenario,
            trades_only: self.trades_only,
            start_us: self.start.unwrap_or(Plan::default().start_us),
        }
    }
}

/// When to end; without a limit, never (or where the file ends).
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Limits {
    /// End after so much of the market's time, e.g. 500ms, 10s, 5m, 6h
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<u64>,
}

fn start(text: &str) -> Result<i64, String> {
    match text {
        "now" => Ok(wall_clock_us()),
        _ => text.parse().map_err(|_| "expected µs since 1970, or `now`".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("expected a number with ms, s, m, h or d, e.g. 10s".to_owned()),
    };
    let seconds = digits.parse::<f64>().ok().map(|number| number * unit_s);
    seconds
        .filter(|seconds| (0.0..=1e9).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("`{digits}` is no number between 0 and a billion seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["10", "s", "-1s", "10 parsecs", "infs", "1e99s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
