//! A market that looks like one: bursts, volatility that clusters, fat tails, spreads, a trading day.
//! `Plan` → [`Simulation`] (or a recording, see [`open_replay`]) → [`Pacer`] → whoever publishes.
//! Everything follows from a seed. The library neither prints nor exits, and simulates on no thread of its own.

mod arrivals;
mod calendar;
mod chance;
mod csv;
mod ndjson;
mod notices;
mod pacer;
mod past;
mod plan;
mod popularity;
mod price;
mod rebase;
mod record;
mod recording;
mod replay;
mod simulation;
mod tickers;
mod universe;

pub use ndjson::write_line;
pub use pacer::{BATCH_MAX, Lateness, Origin, Pace, Pacer, wall_clock_us};
pub use past::{Reach, past_bars};
pub use plan::{Plan, PlanError, Popularity, RATE_MAX, RATE_MIN, SYMBOLS_MAX, Scenario};
pub use rebase::Rebased;
pub use record::Recorder;
pub use replay::{Replay, ReplayError, open_replay};
pub use simulation::{Simulation, first_price};
