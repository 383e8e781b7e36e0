//! What the commands do: a source of ticks, a limit, a pacer, and somewhere for the ticks to go.
//! Last stage of the program. All commands are one drive with another source and another end.
//! Holds no model and no format: those are the library's.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use feed_protocol::{Tick, Universe};
use simulator::{
    Lateness, Origin, Pace, Pacer, Plan, Recorder, Simulation, open_replay, write_line,
};

use super::arguments::{Arguments, Command, Limits, Market};

/// Market time that is counted or recorded when no limit is given.
const USUAL_TIME: std::time::Duration = std::time::Duration::from_secs(60);

/// Does what was typed.
///
/// # Errors
/// A plan out of range (`PlanError`), a file that cannot be read or written, output that fails.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Print { market, limits, speed } => {
            let (plan, simulation) = simulate(&market)?;
            let universe = simulation.universe();
            print(simulation, plan.start_us, limits, speed, &universe)
        }
        Command::Record { file, market, limits, speed } => record(&file, &market, limits, speed),
        Command::Replay { file, limits, speed } => replay(&file, limits, speed),
        Command::Count { market, limits, speed } => count(&market, limits, speed),
    }
}

/// Whether the output was a pipe whose reader had seen enough: no error of ours.
pub(crate) fn reader_has_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn simulate(market: &Market) -> Result<(Plan, Simulation)> {
    let plan = market.plan();
    let simulation = Simulation::new(&plan)?;
    Ok((plan, simulation))
}

fn print<S: Iterator<Item = Tick>>(
    source: S,
    start_us: i64,
    limits: Limits,
    pace: Pace,
    universe: &Universe,
) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut text = Vec::new();
    drive(source, start_us, limits, pace, |batch| {
        text.clear();
        for tick in batch {
            write_line(&mut text, universe.get(tick.symbol), tick);
        }
        out.write_all(&text)?;
        out.flush()
    })?;
    Ok(())
}

fn record(file: &Path, market: &Market, limits: Limits, pace: Pace) -> Result<()> {
    let (plan, simulation) = simulate(market)?;
    let context = || format!("cannot record to {}", file.display());
    let out = BufWriter::new(File::create(file).with_context(context)?);
    let mut recorder = Recorder::new(out, &simulation.universe()).with_context(context)?;
    drive(simulation, plan.start_us, or_usual(limits), pace, |batch| {
        batch.iter().try_for_each(|tick| recorder.add(tick))
    })
    .with_context(context)?;
    let ticks = recorder.ticks();
    let file = recorder.finish().with_context(context)?;
    let bytes = file.get_ref().metadata().with_context(context)?.len();
    say(&format!("{ticks} events, {bytes} bytes, {:.2} each", bytes as f64 / ticks.max(1) as f64))?;
    Ok(())
}

fn replay(file: &Path, limits: Limits, pace: Pace) -> Result<()> {
    let mut replay = open_replay(file)?;
    let universe = replay.universe();
    let mut ticks = replay.by_ref().peekable();
    if let Some(first) = ticks.peek() {
        let start_us = first.ts_us;
        print(ticks, start_us, limits, pace, &universe)?;
    }
    replay.take_error().map_or(Ok(()), |error| Err(error.into()))
}

fn count(market: &Market, limits: Limits, pace: Pace) -> Result<()> {
    let (plan, simulation) = simulate(market)?;
    let mut events = 0u64;
    let started = Instant::now();
    let lateness = drive(simulation, plan.start_us, or_usual(limits), pace, |batch| {
        events += batch.len() as u64;
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("{events} events in {seconds:.3} s, {:.0} events/s", events as f64 / seconds))?;
    let lateness = lateness.snapshot();
    if !lateness.is_empty() {
        let at = |quantile| lateness.value_at_quantile(quantile);
        say(&format!(
            "late by p50 {} µs, p90 {} µs, p99 {} µs, p99.9 {} µs, at most {} µs",
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            lateness.max()
        ))?;
    }
    Ok(())
}

/// Lets `source` happen up to the limits and gives every batch to `take`, until that fails.
fn drive<S: Iterator<Item = Tick>>(
    source: S,
    start_us: i64,
    limits: Limits,
    pace: Pace,
    mut take: impl FnMut(&[Tick]) -> io::Result<()>,
) -> io::Result<Lateness> {
    let time_us = limits.time.map_or(i64::MAX, |time| time.as_micros() as i64);
    let events = usize::try_from(limits.events.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let source = source.take(events).take_while(|tick| tick.ts_us - start_us < time_us);
    let mut pacer = Pacer::new(pace, Origin::now(start_us));
    let stop = AtomicBool::new(false);
    let mut outcome = Ok(());
    let publish = |batch: &[Tick], _now_us: i64| {
        outcome = take(batch);
        stop.store(outcome.is_err(), Ordering::Relaxed);
    };
    pacer.run(source, publish, &stop);
    outcome.map(|()| pacer.lateness())
}

/// Recording and counting end by themselves.
fn or_usual(limits: Limits) -> Limits {
    let unlimited = limits.time.is_none() && limits.events.is_none();
    Limits { time: if unlimited { Some(USUAL_TIME) } else { limits.time }, ..limits }
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
