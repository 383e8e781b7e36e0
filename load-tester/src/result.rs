//! The stored result of a run (`run.json`, schema 1): what was asked for, where it ran, what each transport showed, and
//! whether the figures may be used. The one contract between a run and everything that reads it later: the terminal
//! text, the HTML report, comparisons. Values only: measures nothing, judges nothing, writes no file.

mod hist;
mod lane;

use serde::{Deserialize, Serialize};

pub use crate::breaches::{Breach, BreachKind};
pub use crate::machine::Machine;
pub use hist::{Hist, HistError, decode, encode};
pub use lane::{
    Announced, Bytes, Events, Interval, Lane, LayerBytes, ServerUse, StuckClients, TcpSource,
};

/// The schema that this crate writes, and the only one it reads.
pub const SCHEMA: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What wrote it.
    pub tool: Tool,
    /// When it began, µs since the Unix epoch.
    pub started_us: i64,
    /// When it ended, µs since the Unix epoch.
    pub ended_us: i64,
    /// Whether everything that was asked for was done.
    pub complete: bool,
    /// Why not.
    pub incomplete_why: Option<String>,
    /// The command line, program first; empty for a run that a program started.
    pub command: Vec<String>,
    /// Lanes side by side, or one after another.
    pub order: Order,
    /// What symbols and the order of lanes were drawn with.
    pub seed: u64,
    /// All settings that make two runs comparable or not.
    pub settings: serde_json::Value,
    /// Where it ran.
    pub machine: Machine,
    /// What was tested.
    pub server: ServerInfo,
    /// What follows from checks, breaches and SLOs.
    pub verdict: Verdict,
    /// Validity: whether the figures may be used at all.
    pub checks: Vec<Check>,
    /// What was promised, and whether it was kept.
    pub slos: Vec<Slo>,
    /// What the tester itself used.
    pub generator: GeneratorUse,
    /// One for each transport, in the order asked for; `window_start_us` tells in which they ran.
    pub lanes: Vec<Lane>,
}

/// The program that wrote a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Release.
    pub version: String,
    /// Commit it was built from, where that is known.
    pub commit: Option<String>,
}

/// How lanes follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// All at once.
    Together,
    /// Each alone, in an order drawn from the seed.
    OneByOne,
}

/// The server that was tested.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its release, if it says so.
    pub version: Option<String>,
    /// Its commit, if it says so.
    pub commit: Option<String>,
    /// The command that started it, if the tester did.
    pub command: Option<String>,
    /// Whether the tester started it.
    pub spawned: bool,
}

/// What a run comes to. The first that applies, in this order: a server that breaks its contract is told whatever the
/// figures are worth; a promise can only be broken by figures that are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The server broke its contract.
    Broken,
    /// Not everything that was asked for was done.
    Incomplete,
    /// A validity check failed.
    Invalid,
    /// The figures are valid, and an SLO is not met.
    SloBroken,
    /// The contract was kept, the figures are valid, and the SLOs are met.
    Ok,
}

/// A validity check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// The transport it is about; `None` for the whole run.
    pub lane: Option<String>,
    /// Whether it was passed.
    pub ok: bool,
    /// The figure, and the limit.
    pub detail: String,
}

/// A service-level objective on one lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// As it was given.
    pub expression: String,
    /// The transport.
    pub lane: String,
    /// What was measured; `None` if there was nothing to measure, which does not meet an objective.
    pub measured: Option<f64>,
    /// What was promised.
    pub limit: f64,
    /// Of both: `ms`, `bytes`, `us` or `events`.
    pub unit: String,
    /// Whether it is met.
    pub ok: bool,
}

/// What the tester itself used in a measured window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorUse {
    /// CPU time as a part of the processors its threads could have, 0 to 1.
    pub busy: f64,
    /// Time for which its threads were ready to run and had no processor, as a part of the same.
    #[serde(default)]
    pub waited: f64,
    /// Longest time by which one of its threads was late for its own timer, ms.
    pub late_ms: f64,
    /// Threads that clients were spread over.
    pub threads: usize,
}

#[cfg(test)]
mod tests;
