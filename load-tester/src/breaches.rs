//! Everything a server did against the contract, counted by kind, and the first few in words.
//! Filled by ledgers, shown by reports; decides nothing itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// So many breaches a thread are kept in words; the rest is only counted.
const KEPT_MAX: usize = 10;

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreachKind {
    /// Numbers are missing and no `gap` said so.
    Gap,
    /// A number came again, or an older one.
    Repeat,
    /// `o` went back, or something came before its turn.
    Disorder,
    /// An `m`, or a merged `q`, that contradicts itself.
    Merge,
    /// A `gap` that does not fit what had come before.
    Announcement,
    /// A snapshot was asked for, and a symbol began in the middle without one.
    Snapshot,
    /// A symbol or channel that was not subscribed to.
    Stranger,
    /// A frame that is not what the contract says.
    Malformed,
}

impl BreachKind {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Gap,
        Self::Repeat,
        Self::Disorder,
        Self::Merge,
        Self::Announcement,
        Self::Snapshot,
        Self::Stranger,
        Self::Malformed,
    ];

    /// In words, after a number.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "unannounced gaps",
            Self::Repeat => "repeats",
            Self::Disorder => "out of order",
            Self::Merge => "wrong merges",
            Self::Announcement => "wrong announcements of gaps",
            Self::Snapshot => "missing snapshots",
            Self::Stranger => "not subscribed to",
            Self::Malformed => "malformed frames",
        }
    }
}

/// One breach, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// What kind.
    pub kind: BreachKind,
    /// Number of the client, from 0.
    pub client: u32,
    /// Symbol and channel, as far as they are known.
    pub subject: String,
    /// What was expected, and what came.
    pub detail: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, client, subject, detail } = self;
        write!(f, "{}: client {client} {subject}: {detail}", kind.as_str())
    }
}

/// All breaches of some clients.
#[derive(Clone, Debug, Default)]
pub struct Breaches {
    counts: [u64; BreachKind::ALL.len()],
    /// Events that unannounced gaps have swallowed.
    pub missing_events: u64,
    /// No breach, but nothing to check it with: messages of symbols that are new on the server, under `*`.
    pub unchecked: u64,
    first: Vec<Breach>,
}

impl Breaches {
    /// Counts one; `describe` is called for the first few only.
    pub fn add(&mut self, kind: BreachKind, describe: impl FnOnce() -> Breach) {
        self.counts[kind as usize] += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(describe());
        }
    }

    /// How many of a kind.
    #[must_use]
    pub fn count(&self, kind: BreachKind) -> u64 {
        self.counts[kind as usize]
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The first few, in words.
    #[must_use]
    pub fn first(&self) -> &[Breach] {
        &self.first
    }

    /// Adds those of `other`.
    pub fn add_all(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.missing_events += other.missing_events;
        self.unchecked += other.unchecked;
        let room = KEPT_MAX - self.first.len().min(KEPT_MAX);
        self.first.extend(other.first.iter().take(room).cloned());
    }
}
