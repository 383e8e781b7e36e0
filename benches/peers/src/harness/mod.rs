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
mod measure;
mod peak;
mod peer;
mod plot;
mod result;
mod rows;
mod server;
mod statistics;
mod store;
mod storm;
mod table;
mod tamper;
mod targets;
mod versions;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use peers::interrupt;

use self::args::Arguments;
use self::bench::Bench;
use self::launch::Place;
use self::market::Market;
use self::measure::Measurer;
use self::peer::Peer;
use self::result::Report;
use self::store::Store;

/// Runs what is asked for; the exit code tells whether all targets that were measured are met.
///
/// # Errors
/// Tickcast itself cannot be measured, or results cannot be written.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(file) = &arguments.show {
        return show(file);
    }
    interrupt::watch()?;
    let place = Place::new(arguments)?;
    if arguments.prove_contract {
        return prove(&place, &peer::asked_for(&arguments.only)?);
    }
    let report = Report::begin(arguments, &place)?;
    let file = arguments.out(&report.date, &report.build(), &place.home);
    let mut store = Store::open(file, report)?;
    eprintln!("Tickcast {}: {}", store.report.build(), place.tickcast.display());
    if let Some(file) = store.file() {
        eprintln!("results go to {} after every measurement", file.display());
    }
    let market = Market::new(&place)?;
    let peers = present(&place, &market, &mut store, peer::asked_for(&arguments.only)?)?;
    let measurer = Measurer { arguments, place: &place, market: &market };
    let mut measure = |kind, peer: &Peer, found| measurer.measure(kind, peer, found);
    let outcome = Bench { arguments, store: &mut store, measure: &mut measure }.run(&peers);
    if !interrupt::asked() {
        outcome?;
    }
    print!("{}", table::text(&store.report));
    Ok(if interrupt::asked() {
        ExitCode::from(interrupt::EXIT_CODE)
    } else if targets::missed(&store.report) {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

/// Prints and plots results that were kept.
fn show(file: &Path) -> Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let report: Report = serde_json::from_str(&text)?;
    if let Some(svg) = plot::svg(&report) {
        store::replace(&file.with_extension("svg"), &svg)?;
    }
    print!("{}", table::text(&report));
    Ok(ExitCode::SUCCESS)
}

/// Shows for each server that is installed that breaking the contract is noticed.
fn prove(place: &Place, peers: &[&'static Peer]) -> Result<ExitCode> {
    let market = Market::new(place)?;
    for peer in peers {
        match place.version(peer) {
            Ok(_) => contract::prove(place, &market, peer).context(peer.name)?,
            Err(why) => eprintln!("{:<16} left out: {why:#}", peer.name),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The servers that are installed and deliver each event to each subscriber, in order.
///
/// # Errors
/// Tickcast does not, or what was measured before was of other versions.
fn present(
    place: &Place,
    market: &Market,
    store: &mut Store,
    asked: Vec<&'static Peer>,
) -> Result<Vec<&'static Peer>> {
    let mut peers = Vec::new();
    for peer in asked {
        let checked = place.version(peer).and_then(|version| {
            contract::check(place, market, peer).context("breaks the contract")?;
            Ok(version)
        });
        interrupt::check()?;
        match checked {
            Ok(version) => {
                eprintln!("{:<14} {version}; keeps the contract", peer.name);
                store.note_version(peer.name, version)?;
                peers.push(peer);
            }
            Err(why) if peer.is_tickcast() => return Err(why.context(peer.name)),
            Err(why) => {
                eprintln!("{:<14} left out: {why:#}", peer.name);
                store.report.left_out.insert(peer.name.to_owned(), format!("{why:#}"));
            }
        }
    }
    Ok(peers)
}
