//! The `load-tester` program: arguments in, a run, a report and an exit code out.

mod args;
mod cli;
mod display;
mod live;
mod out;
mod stored;

use std::process::ExitCode;

use clap::Parser;
use load_tester::result::{RunResult, Verdict};
use load_tester::{Stop, report, run_until, text};
use tokio::signal::unix::{SignalKind, signal};

use args::{Cli, Command, Run};
use display::Display;
use out::Out;

const EXIT_BROKEN: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_SLO: u8 = 3;
const EXIT_INVALID: u8 = 4;
/// As shells have it for a program that was ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

#[expect(clippy::print_stderr, reason = "errors of the program go to standard error")]
fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(run) => execute(&run),
        Command::Report(report) => report.execute().map(|()| Verdict::Ok),
        Command::Capacity(command) => return several(|stop| command.execute(stop)),
        Command::Reproduce(command) => return several(|stop| command.execute(stop)),
        Command::Compare(compare) => match compare.execute() {
            Ok(true) => return EXIT_SLO.into(),
            other => other.map(|_| Verdict::Ok),
        },
    };
    match outcome {
        Ok(Verdict::Ok) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => EXIT_BROKEN.into(),
        Ok(Verdict::SloBroken) => EXIT_SLO.into(),
        Ok(Verdict::Invalid | Verdict::Incomplete) => EXIT_INVALID.into(),
        Err(error) => {
            eprintln!("load-tester: {error:#}");
            EXIT_USAGE.into()
        }
    }
}

/// A subcommand that makes several runs, and says itself what its exit code is.
#[expect(clippy::print_stderr, reason = "errors of the program go to standard error")]
fn several(command: impl FnOnce(&Stop) -> anyhow::Result<u8>) -> ExitCode {
    let stop = Stop::default();
    let done = stop_on_interrupt(stop.clone()).map_err(Into::into);
    match done.and_then(|()| command(&stop)) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("load-tester: {error:#}");
            EXIT_USAGE.into()
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report goes to standard output")]
fn execute(run: &Run) -> anyhow::Result<Verdict> {
    let plan = run.plan()?;
    // Found out now rather than after the run.
    let [out, html, hlog] =
        [&run.out, &run.html, &run.hlog].map(|path| path.as_deref().map(Out::open).transpose());
    let (out, html, hlog) = (out?, html?, hlog?);
    let stop = Stop::default();
    stop_on_interrupt(stop.clone())?;
    let mut display = Display::new(run.plain);
    let result = run_until(&plan, &mut |progress| display.show(progress), &stop);
    display.finish();
    let command = std::env::args().collect();
    let result = RunResult { command, ..result? };
    print!("{}", text::report(&result));
    if let Some(out) = out {
        out.write(&format!("{}\n", serde_json::to_string(&result)?))?;
    }
    if let Some(hlog) = hlog {
        hlog.write(&report::hlog::hlog(&result)?)?;
    }
    if let Some(html) = html {
        html.write(&report::html::html(&result)?)?;
    }
    Ok(result.verdict)
}

/// The first Ctrl-C (or SIGTERM, or a terminal that goes away) ends the run early and keeps what it has; the second ends the
/// program.
fn stop_on_interrupt(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = runtime.block_on(async {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(signal).collect::<std::io::Result<Vec<_>>>()
    })?;
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        let [mut interrupt, mut terminate, mut hangup] =
            <[_; 3]>::try_from(signals).expect("there are three");
        let mut wait = || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            });
        };
        wait();
        stop.ask();
        wait();
        live::screen::restore();
        std::process::exit(EXIT_INTERRUPTED);
    })?;
    Ok(())
}
