//! Load tester for market-data streams: opens thousands of subscribers on one server, times what each of them gets from
//! the event's own `ts`, and checks by sequence numbers that nothing is missing, repeated or out of order.
//!
//! [`Plan`] (what to do, as values) → [`run()`] (threads of clients, one loop for every plan) → [`Outcome`] → a report.
//! Latency is open-loop: `ts` is when an event was *due*, so no correction for coordinated omission is needed.
//! The library neither prints nor exits.

mod breaches;
mod catalog;
pub mod compare;
mod ledger;
mod machine;
mod plan;
mod recorder;
pub mod report;
pub mod result;
mod run;
pub mod scan;
mod target;
mod transport;
mod worker;

pub use breaches::{Breach, BreachKind, Breaches};
pub use catalog::{Catalog, CatalogError, Selection};
pub use ledger::Ledger;
pub use machine::Machine;
pub use plan::{Format, Mode, Plan, PlanError, Symbols, channels};
pub use recorder::{Tally, Traffic};
pub use report::{Outcome, Percentiles, ServerCost, Verdict, text};
pub use run::{Phase, Progress, RunError, run};
pub use target::{Target, TargetError};
