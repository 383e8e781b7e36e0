//! From the arguments to the printed table, in the order in which it happens.

pub mod args;
mod bench;
mod commands;
mod contract;
mod fanout;
mod flood;
mod idle;
mod launch;
mod market;
mod peak;
mod peer;
mod plot;
mod result;
mod rows;
mod server;
mod statistics;
mod storm;
mod table;
mod targets;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use self::args::Arguments;
use self::bench::Bench;
use self::launch::Place;
use self::market::Market;
use self::peer::Peer;
use self::result::Report;

/// Runs what is asked for; the exit code tells whether all targets that were measured are met.
///
/// # Errors
/// Tickcast itself cannot be measured, or results cannot be written.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(file) = &arguments.show {
        return show(file);
    }
    let place = Place::new(arguments)?;
    let mut report = Report::begin(arguments, &place)?;
    eprintln!("Tickcast {}: {}", report.build(), place.tickcast.display());
    let market = Market::new(&place)?;
    let mut peers = Vec::new();
    for peer in peer::asked_for(&arguments.only)? {
        match present(&place, &market, peer) {
            Ok(version) => {
                eprintln!("{:<14} {version}; keeps the contract", peer.name);
                report.versions.insert(peer.name.to_owned(), version);
                peers.push(peer);
            }
            Err(why) => {
                eprintln!("{:<14} left out: {why:#}", peer.name);
                report.left_out.insert(peer.name.to_owned(), format!("{why:#}"));
            }
        }
    }
    Bench { arguments, place: &place, market: &market, report: &mut report }.run(&peers)?;
    if let Some(file) = arguments.out(&report.date, &report.build(), &place.home) {
        report.add_to(&file).with_context(|| format!("{}", file.display()))?;
        if let Some(svg) = plot::svg(&report) {
            std::fs::write(file.with_extension("svg"), svg)?;
        }
        eprintln!("results are in {}", file.display());
    }
    print!("{}", table::text(&report));
    Ok(if targets::missed(&report) { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// Prints and plots results that were kept.
fn show(file: &Path) -> Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let report: Report = serde_json::from_str(&text)?;
    if let Some(svg) = plot::svg(&report) {
        std::fs::write(file.with_extension("svg"), svg)?;
    }
    print!("{}", table::text(&report));
    Ok(ExitCode::SUCCESS)
}

/// A server's version, if it is installed and delivers each event to each subscriber, in order.
fn present(place: &Place, market: &Market, peer: &'static Peer) -> Result<String> {
    let version = place.version(peer)?;
    contract::check(place, market, peer).context("breaks the contract")?;
    Ok(version)
}
