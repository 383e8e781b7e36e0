//! What market is asked for: the settings of a simulation, checked before anything is made of them.
//! Stands at the head of the flow; `Simulation` and `past_bars` work from it alone, so equal plans give equal streams.
//! Never reads a clock: the first instant is a setting like any other.

use clap::ValueEnum;
use thiserror::Error;

/// Most symbols a universe may have.
pub const SYMBOLS_MAX: u32 = 100_000;
/// Highest mean rate that may be asked for, events/s.
pub const RATE_MAX: f64 = 20_000_000.0;
/// Lowest mean rate, events/s: one event in a quarter of an hour.
pub const RATE_MIN: f64 = 0.001;

/// The settings of a simulated market. Two equal plans give the same stream, byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Number of symbols, 1 to [`SYMBOLS_MAX`]; well-known tickers come first.
    pub symbols: u32,
    /// Mean of trades and quotes together, events/s over all symbols. It is the mean of scenario
    /// `calm`, and what the others multiply; statuses come on top.
    pub rate: f64,
    /// Chooses one of 2^64 markets.
    pub seed: u64,
    /// How the rate is spread over the symbols.
    pub popularity: Popularity,
    /// What happens to the market as a whole.
    pub scenario: Scenario,
    /// Trades alone: no quotes, no statuses (halted symbols still fall silent).
    pub trades_only: bool,
    /// First instant, µs since the Unix epoch.
    pub start_us: i64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            symbols: 500,
            rate: 1000.0,
            seed: 1,
            popularity: Popularity::Zipf,
            scenario: Scenario::Calm,
            trades_only: false,
            start_us: 1_763_735_400_000_000,
        }
    }
}

impl Plan {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting that is out of range, by name.
    pub fn validate(&self) -> Result<(), PlanError> {
        if !(1..=SYMBOLS_MAX).contains(&self.symbols) {
            return Err(PlanError::Symbols(self.symbols));
        }
        if !(RATE_MIN..=RATE_MAX).contains(&self.rate) {
            return Err(PlanError::Rate(self.rate));
        }
        // A century of stream must fit behind the start.
        if !(0..=i64::MAX / 2).contains(&self.start_us) {
            return Err(PlanError::Start(self.start_us));
        }
        Ok(())
    }

    /// Mean trades a second over all symbols.
    pub(crate) fn trade_rate(&self) -> f64 {
        if self.trades_only { self.rate } else { self.rate * crate::price::TRADE_SHARE }
    }
}

/// A setting that cannot be simulated.
#[derive(Debug, Error, PartialEq)]
pub enum PlanError {
    /// Too few or too many symbols.
    #[error("symbols: {0} is out of range, 1 to {SYMBOLS_MAX} are possible")]
    Symbols(u32),
    /// No such rate.
    #[error("rate: {0} events/s is out of range, {RATE_MIN} to {RATE_MAX} are possible")]
    Rate(f64),
    /// Before 1970, or too far ahead.
    #[error("start: {0} µs since the Unix epoch is out of range")]
    Start(i64),
}

/// How events are spread over the symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Popularity {
    /// The symbol of rank k gets a share of 1/k (Zipf's law, exponent 1): a few names dominate.
    Zipf,
    /// Every symbol gets the same share.
    Uniform,
}

/// What happens to the market as a whole; times count from the start of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A late morning: exactly the asked-for mean rate for 90 minutes, then the day's U-shape.
    Calm,
    /// The opening: an auction of some seconds, then 8 times the rate, falling over 5 minutes.
    Open,
    /// Every 10 minutes, from 0:20 on: 10 % down within a minute, then a slow recovery.
    Crash,
    /// Every minute, from 0:10 on: a fifth of the 100 leading symbols is halted for 30 s.
    Halt,
    /// 50 times the rate for 200 ms, every 5 s from 0:02 on.
    Burst,
    /// 5 s of trading, then 25 s without a single event, again and again.
    Quiet,
}

/// `Display` and `FromStr` by the names the command line uses.
macro_rules! named_like_on_the_command_line {
    ($($kind:ty),*) => {$(
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let value = self.to_possible_value().expect("no variant is hidden");
                f.write_str(value.get_name())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = String;

            fn from_str(name: &str) -> Result<Self, String> {
                <Self as ValueEnum>::from_str(name, false)
            }
        }
    )*};
}
named_like_on_the_command_line!(Popularity, Scenario);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_wrong_setting() {
        let plan = |change: fn(&mut Plan)| {
            let mut plan = Plan::default();
            change(&mut plan);
            plan.validate().map_err(|error| error.to_string())
        };
        assert!(plan(|_| {}).is_ok());
        assert!(plan(|p| p.symbols = 0).unwrap_err().starts_with("symbols: 0 is"));
        assert!(plan(|p| p.symbols = 100_001).unwrap_err().starts_with("symbols: 100001"));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Plan { rate, ..Plan::default() }.validate(), Err(PlanError::Rate(_))));
        }
        assert!(plan(|p| p.start_us = -1).unwrap_err().starts_with("start:"));
    }

    #[test]
    fn names_go_there_and_back() {
        for &scenario in Scenario::value_variants() {
            assert_eq!(scenario.to_string().parse(), Ok(scenario));
        }
        assert_eq!("uniform".parse(), Ok(Popularity::Uniform));
        assert!("loud".parse::<Scenario>().is_err());
    }
}
