//! A market that looks like one: bursts, volatility that clusters, fat tails, spreads, a trading day.
//! [`Plan`] → [`Simulation`] (or a file, see [`open_replay`]) → [`Pacer`] → whoever publishes.
//! Everything follows from a seed. The library neither prints nor exits, and starts no thread.
//!
//! # The model
//! Two clocks: *market time*, in which the market is always the same, and the clock on the wall. The day's
//! U-shape and the scenarios say how much market time passes in a second.
//! - **Arrivals** are a Hawkes process with exponential kernel: 0.6 events are set off by each one, on average
//!   30 ms later and in the same symbol; the spontaneous rate is corrected, so that the mean is the plan's.
//! - **Popularity** is Zipf's law with exponent 1, or uniform. A session has 6.5 h and mean activity 1; `calm`
//!   begins where the activity is exactly 1, and stays so for 90 minutes.
//! - **Prices** follow a martingale in market time with stochastic volatility (log-normal, memories of 30 s and
//!   15 min) and a common market factor. Quotes stand around it in whole steps; trades happen at the quotes
//!   (hence the bounce), on the side that the hidden price is nearer to. Two events of five are trades.
//! - **Statuses**: each symbol begins with `trading`, spread over the first second (5 s for 100,000 symbols);
//!   scenarios `open` and `halt` change them. They come on top of the rate.
//!
//! `tests/stylised_facts.rs` holds it to all this by statistics.
//!
//! ```
//! use simulator::{Plan, Simulation};
//!
//! let mut market = Simulation::new(&Plan { symbols: 10, ..Plan::default() })?;
//! let tick = market.next_tick();
//! assert_eq!(&*market.universe().get(tick.symbol).name, "AAPL");
//! # Ok::<(), simulator::PlanError>(())
//! ```

mod arrivals;
mod calendar;
mod chance;
mod csv;
mod lateness;
mod ndjson;
mod notices;
mod pace;
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

pub use lateness::Lateness;
pub use ndjson::write_line;
pub use pace::{Origin, Pace, wall_clock_us};
pub use pacer::{BATCH_MAX, Pacer};
pub use past::{Reach, past_bars};
pub use plan::{Plan, PlanError, Popularity, RATE_MAX, RATE_MIN, SYMBOLS_MAX, Scenario};
pub use rebase::Rebased;
pub use record::Recorder;
pub use replay::{Replay, ReplayError, open_replay};
pub use simulation::{Simulation, first_price};
