//! The `load-tester` program: arguments in, a run, a report and an exit code out.

mod args;
mod progress;
mod stored;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use load_tester::{Outcome, Verdict, text};

use args::{Cli, Command, Run};
use progress::Display;

const EXIT_BROKEN: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_SLO: u8 = 3;
const EXIT_INVALID: u8 = 4;

#[expect(clippy::print_stderr, reason = "errors of the program go to standard error")]
fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(run) => execute(&run),
        Command::Report(report) => report.execute().map(|()| Verdict::Ok),
        Command::Compare(compare) => match compare.execute() {
            Ok(true) => return EXIT_SLO.into(),
            other => other.map(|_| Verdict::Ok),
        },
    };
    match outcome {
        Ok(Verdict::Ok) => ExitCode::SUCCESS,
        Ok(Verdict::Broken(_)) => EXIT_BROKEN.into(),
        Ok(Verdict::Invalid(_)) => EXIT_INVALID.into(),
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
    let file = run.json.as_ref().map(|path| {
        std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))
    });
    let file = file.transpose()?;
    let mut display = Display::new();
    let outcome = load_tester::run(&plan, &mut |progress| display.show(progress));
    display.finish();
    let outcome: Outcome = outcome?;
    print!("{}", text::report(&outcome));
    if let Some(file) = file {
        serde_json::to_writer_pretty(file, &outcome).context("cannot write the result")?;
    }
    Ok(outcome.verdict)
}
