//! What was measured, as it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::args::Arguments;
use super::launch::Place;
use super::versions::output;

/// How far a row is.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Unfinished {
    /// Rounds of these servers beside each other that are there.
    pub done: u32,
    /// Rounds that were asked for.
    pub rounds: u32,
    /// Servers that are not finished.
    pub servers: BTreeSet<String>,
}

/// All rounds with what is needed to judge them.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Report {
    /// Day on which it was begun, UTC.
    pub date: String,
    /// Whether everything that was asked for has been measured.
    #[serde(default = "before_it_was_told")]
    pub complete: bool,
    /// Of rows that are not: how far they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unfinished: BTreeMap<String, Unfinished>,
    /// Of Tickcast, as its `/version` tells.
    pub commit: String,
    /// Built with changes that are not in the commit.
    pub dirty: bool,
    /// SHA-256 of its program, which tells builds of one commit apart.
    #[serde(default)]
    pub program: String,
    /// Processor, kernel, compiler.
    pub machine: BTreeMap<String, String>,
    /// Of each server that was measured.
    pub versions: BTreeMap<String, String>,
    /// Which were not, and why.
    pub left_out: BTreeMap<String, String>,
    /// In the order in which they were measured.
    pub rounds: Vec<Round>,
}

/// Older files were written only when all was measured.
fn before_it_was_told() -> bool {
    true
}

/// One measurement. Shares and figures a message are derived, see the methods.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Round {
    /// What was to be done; see `README.md`.
    pub row: String,
    /// When it was begun, UTC (`2026-11-21T20:15:00Z`); older files do not tell.
    #[serde(default)]
    pub at: String,
    /// From 0; rounds of the same number and batch stand in the same alternation.
    pub round: u32,
    /// Counts the runs whose rounds were collected in one file.
    #[serde(default)]
    pub batch: u32,
    /// Whose.
    pub peer: String,
    /// WebSockets.
    pub connections: u64,
    /// Events a second that were asked for.
    pub rate: u64,
    /// How long, s.
    pub seconds: f64,
    /// Events and merged records that all connections received.
    pub messages: u64,
    /// The same, of the connection that received the fewest.
    pub fewest: u64,
    /// WebSocket data frames.
    pub frames: u64,
    /// System calls of the clients that gave something; counted where they are what is measured.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reads: u64,
    /// Bytes with WebSocket's headers.
    pub bytes: u64,
    /// Messages that the events of the window would be, by the stream's own numbering.
    pub offered: f64,
    /// Messages by the rate that was asked for.
    pub asked: f64,
    /// Merged records that samples received.
    pub merged: u64,
    /// Missing, repeated or foreign messages that samples received.
    pub broken: u64,
    /// Processor time of the server, s.
    pub server_cpu_s: f64,
    /// Processor time of the clients, s.
    pub client_cpu_s: f64,
    /// Of samples.
    pub latency: Latency,
    /// Of the server for an idle connection, KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_kib: Option<f64>,
    /// How long it took until all newcomers had what they asked for, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_s: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Receipt − the instant at which an event was due, ms.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    /// Percentiles of all messages of samples.
    pub p50_ms: f64,
    /// See above.
    pub p90_ms: f64,
    /// See above.
    pub p99_ms: f64,
    /// See above.
    pub p999_ms: f64,
    /// The greatest.
    pub max_ms: f64,
    /// Median of the window's last quarter − that of its first.
    pub growth_ms: f64,
}

impl Round {
    /// Server's processor time a delivered message, µs.
    pub fn cpu_us(&self) -> f64 {
        self.server_cpu_s * 1e6 / self.messages as f64
    }

    /// Server's processor time a frame, µs.
    pub fn cpu_us_frame(&self) -> f64 {
        self.server_cpu_s * 1e6 / self.frames as f64
    }

    /// Messages delivered a second.
    pub fn rate_delivered(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Bytes a message, with WebSocket's headers.
    pub fn bytes_each(&self) -> f64 {
        self.bytes as f64 / self.messages as f64
    }

    /// How much of their processor the clients used.
    pub fn client_share(&self) -> f64 {
        self.client_cpu_s / self.seconds
    }
}

impl Report {
    /// Without any rounds yet.
    ///
    /// # Errors
    /// Tickcast does not start or does not tell what it was built from, or there is no `date`.
    pub fn begin(arguments: &Arguments, place: &Place) -> Result<Self> {
        // Not that of the folder this program was built in: another build may be measured.
        let (commit, dirty) = place.tickcast(1, 10)?.built_from()?;
        let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.unwrap_or("unknown").trim_start_matches(['\t', ' ', ':']);
        let mut machine = vec![
            ("processor", model.to_owned()),
            (
                "processors",
                cpu.lines().filter(|line| line.starts_with("processor")).count().to_string(),
            ),
            ("kernel", output(Command::new("uname").arg("-sr"))?),
            ("compiler", output(Command::new("rustc").arg("--version"))?),
            ("window", format!("{:?}", arguments.window())),
        ];
        if !arguments.tickcast_args.is_empty() {
            machine.push(("tickcast's arguments", arguments.tickcast_args.clone()));
        }
        let sum = output(Command::new("sha256sum").arg(&place.tickcast))?;
        Ok(Self {
            date: now("%Y-%m-%d")?,
            commit,
            dirty,
            program: sum.split_whitespace().next().unwrap_or_default().to_owned(),
            machine: machine.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ..Self::default()
        })
    }

    /// What Tickcast was built from, for people and file names: the commit, `-dirty` behind it if there were changes.
    pub fn build(&self) -> String {
        format!("{}{}", self.commit, if self.dirty { "-dirty" } else { "" })
    }

    /// Rounds of a row and server.
    pub fn of<'a>(&'a self, row: &'a str, peer: &'a str) -> impl Iterator<Item = &'a Round> {
        self.rounds.iter().filter(move |round| round.row == row && round.peer == peer)
    }
}

/// The time, UTC, as `date` writes it.
///
/// # Errors
/// There is no `date`.
pub fn now(format: &str) -> Result<String> {
    output(Command::new("date").arg("-u").arg(format!("+{format}")))
}
