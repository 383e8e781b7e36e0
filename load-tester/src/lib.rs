//! Load tester for market-data streams: opens thousands of subscribers on one server over any of its transports, times
//! what each of them gets from the event's own `ts`, and checks by sequence numbers that nothing is missing, repeated or
//! out of order.
//!
//! [`Plan`] (what to do, as values) → [`run()`] (lanes of clients on threads, one loop for every plan) →
//! [`result::RunResult`] → a report. Latency is open-loop: `ts` is when an event was *due*, so no correction for
//! coordinated omission is needed. The library neither prints nor exits.

mod admin;
mod breaches;
pub mod capacity;
mod catalog;
mod checks;
pub mod compare;
mod crew;
mod fetch;
mod freshness;
mod ledger;
mod machine;
mod outcome;
mod plan;
mod progress;
mod ramps;
mod recorder;
pub mod report;
pub mod reproduce;
pub mod result;
mod run;
pub mod scan;
mod slo;
mod spawn;
mod target;
pub mod text;
mod transport;
mod worker;

pub use breaches::{Breach, BreachKind, Breaches};
pub use catalog::{Catalog, CatalogError, Selection};
pub use ledger::Ledger;
pub use machine::Machine;
pub use plan::{Format, Mode, Plan, PlanError, Symbols, channels, read_duration, read_header};
pub use progress::{LaneProgress, Phase, Progress};
pub use run::{RunError, Stop, run, run_until};
pub use slo::{Objective, ObjectiveError};
pub use spawn::{Spawn, SpawnError};
pub use target::{Target, TargetError};
pub use transport::{HttpVersion, Kind, Transport, TransportError};
