//! Published comparisons of transports, measured again: each study's event rate, message size and pacing, on our wire, with
//! the real server, which is started afresh for each run on a market made for the study. What is arithmetic is said to be.
//! Prints nothing; says how it goes through a callback.

mod bench;
mod bth;
mod heads;
mod infinity;
mod lubbers;
mod market;
mod pimentel;
mod probe;
mod row;
mod text;
mod vandevyvere;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::machine::Machine;
use crate::run::{RunError, Stop};
use crate::spawn::SpawnError;

use bench::Bench;
pub use row::Row;
pub use text::text;

/// A published comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Study {
    /// Lubbers & Greco 2010.
    Lubbers,
    /// Pimentel & Nickerson 2012.
    Pimentel,
    /// Appelqvist & Örnmyr 2017.
    Bth,
    /// theinfinity.dev 2026.
    Infinity,
    /// Van de Vyvere 2020.
    VanDeVyvere,
}

impl Study {
    /// All of them, in order of their year.
    pub const ALL: [Self; 5] =
        [Self::Lubbers, Self::Pimentel, Self::Bth, Self::VanDeVyvere, Self::Infinity];

    /// As it is asked for.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lubbers => "lubbers",
            Self::Pimentel => "pimentel",
            Self::Bth => "bth",
            Self::Infinity => "infinity",
            Self::VanDeVyvere => "vandevyvere",
        }
    }
}

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("no study `{0}`: there are all, lubbers, pimentel, bth, vandevyvere, infinity")]
pub struct StudyError(String);

impl FromStr for Study {
    type Err = StudyError;

    fn from_str(name: &str) -> Result<Self, StudyError> {
        let found = Self::ALL.into_iter().find(|study| study.name() == name);
        found.ok_or_else(|| StudyError(name.to_owned()))
    }
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's program.
    pub server: PathBuf,
    /// Processors that it may use.
    pub pin_server: Option<String>,
    /// Part of the clients and of the times that the studies are measured with, above 0 to 1.
    pub scale: f64,
    /// Part of its processors that the tester may use, 0 to 1.
    pub busy_max: f64,
}

/// A study measured again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduced {
    /// Which.
    pub study: Study,
    /// Who, and when.
    pub source: &'static str,
    /// What they did.
    pub claim: &'static str,
    /// What was simulated here, and how it was measured.
    pub simulated: String,
    /// Their figure, ours, whether they agree, and why not.
    pub rows: Vec<Row>,
    /// What follows.
    pub notes: Vec<String>,
    /// Validity checks of our runs that failed.
    pub invalid: Vec<String>,
}

/// All that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduction {
    /// Layout of this.
    pub schema: u32,
    /// The command line, program first.
    pub command: Vec<String>,
    /// Where it ran.
    pub machine: Machine,
    /// Whether every study was measured.
    pub complete: bool,
    /// Why not.
    pub incomplete_why: Option<String>,
    /// One for each study.
    pub studies: Vec<Reproduced>,
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum ReproduceError {
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No server.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The market could not be written, or the server not be asked.
    #[error("{what}: {why}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        why: std::io::Error,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// Measures `studies`; `tell` hears of each run as it begins. Those that were done when it was interrupted are kept.
///
/// # Errors
/// A run could not begin.
pub fn reproduce(
    studies: &[Study],
    settings: &Settings,
    tell: &mut dyn FnMut(&str),
    stop: &Stop,
) -> Result<Reproduction, ReproduceError> {
    let mut done = Vec::new();
    let mut incomplete_why = None;
    for &study in studies {
        let mut bench = Bench::new(settings, study, tell, stop);
        let measured = match study {
            Study::Lubbers => lubbers::measure(&mut bench),
            Study::Pimentel => pimentel::measure(&mut bench),
            Study::Bth => bth::measure(&mut bench),
            Study::Infinity => infinity::measure(&mut bench),
            Study::VanDeVyvere => vandevyvere::measure(&mut bench),
        };
        match measured {
            Ok(measured) => done.push(Reproduced { invalid: bench.invalid, ..measured }),
            Err(ReproduceError::Interrupted) => {
                incomplete_why = Some(format!("interrupted at {study}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Reproduction {
        schema: 1,
        command: Vec::new(),
        machine: Machine::this(),
        complete: incomplete_why.is_none(),
        incomplete_why,
        studies: done,
    })
}
