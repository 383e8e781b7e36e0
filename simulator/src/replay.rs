//! What was recorded, or written down as CSV, as a source of ticks again.
//! Takes the simulation's place in front of a `Pacer`; `Rebased` moves it to the present.
//! Ends at the first thing it cannot read, and then says where and why; never skips a line or a section.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use feed_protocol::{Tick, Universe};
use thiserror::Error;

use crate::csv::{Csv, CsvError};
use crate::record::MAGIC;
use crate::recording::{Recording, RecordingError};

/// Why a file cannot be replayed, or not any further; names the file and the place.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// It cannot be opened or read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Its content is not what it should be.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The place (line and column, or byte), what was expected and what was found.
        what: String,
    },
}

/// An opened file. Iterates over its ticks, `ts_us` never decreasing, to its end or to an error:
/// see [`Replay::error`].
#[derive(Debug)]
pub struct Replay {
    path: PathBuf,
    universe: Arc<Universe>,
    input: Input,
    ended: bool,
    error: Option<ReplayError>,
}

#[derive(Debug)]
enum Input {
    Recording(Recording<BufReader<File>>),
    Csv(Csv),
}

/// Opens a recording (see [`crate::Recorder`]), or else a CSV file of trades.
///
/// A CSV has lines of `symbol,ts,price,size`, with or without that header, sorted by `ts`: µs since
/// 1970 as a whole number, or seconds with a decimal point. A symbol has as many decimal places as the
/// longest of its prices. It is read through once to check it.
///
/// # Errors
/// A file that cannot be read; a line that is not as described; a recording without a sound beginning.
pub fn open_replay(path: impl AsRef<Path>) -> Result<Replay, ReplayError> {
    let path = path.as_ref().to_owned();
    let failed = |cause| ReplayError::Read { path: path.clone(), cause };
    let mut file = BufReader::with_capacity(1 << 16, File::open(&path).map_err(failed)?);
    let mut head = Vec::with_capacity(MAGIC.len());
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(failed)?;
    let known_name = MAGIC.len() - 1;
    let opened = if head == MAGIC {
        Recording::new(file)
            .map(|(recording, universe)| (Input::Recording(recording), universe))
            .map_err(|error| error.at(&path))
    } else if head.len() == MAGIC.len() && head[..known_name] == MAGIC[..known_name] {
        let what = format!("a recording of layout {}, this program reads 1", head[known_name]);
        Err(ReplayError::Content { path: path.clone(), what })
    } else {
        Csv::open(&path)
            .map(|(csv, universe)| (Input::Csv(csv), universe))
            .map_err(|error| error.at(&path))
    };
    let (input, universe) = opened?;
    Ok(Replay { path, universe: Arc::new(universe), input, ended: false, error: None })
}

impl Replay {
    /// The symbols of the file.
    #[must_use]
    pub fn universe(&self) -> Arc<Universe> {
        self.universe.clone()
    }

    /// Why the iteration ended, if it did not reach the file's end.
    #[must_use]
    pub fn error(&self) -> Option<&ReplayError> {
        self.error.as_ref()
    }

    /// Takes that reason.
    pub fn take_error(&mut self) -> Option<ReplayError> {
        self.error.take()
    }
}

impl Iterator for Replay {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.ended {
            return None;
        }
        let next = match &mut self.input {
            Input::Recording(recording) => recording.next().map_err(|error| error.at(&self.path)),
            Input::Csv(csv) => csv.next().map_err(|error| error.at(&self.path)),
        };
        let tick = next.unwrap_or_else(|error| {
            self.error = Some(error);
            None
        });
        self.ended = tick.is_none();
        tick
    }
}

impl RecordingError {
    fn at(self, path: &Path) -> ReplayError {
        let path = path.to_owned();
        match self {
            Self::Read(cause) => ReplayError::Read { path, cause },
            damaged @ Self::Damaged { .. } => {
                ReplayError::Content { path, what: damaged.to_string() }
            }
        }
    }
}

impl CsvError {
    fn at(self, path: &Path) -> ReplayError {
        let path = path.to_owned();
        match self {
            Self::Read(cause) => ReplayError::Read { path, cause },
            content => ReplayError::Content { path, what: content.to_string() },
        }
    }
}
