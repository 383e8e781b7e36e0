//! What the Rust servers have in common: the schedule they play is their only argument, and they say where they listen.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::schedule::Schedule;

/// What comes before the port in a server's first line.
pub const LISTENING: &str = "listening on ";

/// Reads the schedule that is named on the command line.
///
/// # Errors
/// There is none.
pub fn schedule() -> Result<Schedule> {
    let file = std::env::args_os().nth(1).context("usage: SERVER SCHEDULE")?;
    Schedule::read(Path::new(&file))
}

/// Says where it listens.
///
/// # Errors
/// Nobody reads it.
pub fn announce(port: u16) -> Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{LISTENING}{port}")?;
    Ok(output.flush()?)
}

/// The places in `symbols` of a comma list; unknown names are left out.
#[must_use]
pub fn places(symbols: &[String], list: &str) -> Vec<usize> {
    let place = |name: &str| symbols.iter().position(|symbol| symbol == name);
    list.split(',').filter_map(place).collect()
}
