//! `simulator`: prints, records, replays and counts simulated market data.
//! Only understands what was typed and tells what went wrong; the market is the library's.
//! Exit codes: 0 done (also when the reader of the output has gone), 1 a file or the output failed, 2 usage.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cli::reader_has_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr)] // where a program's errors go
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::from(if error.is::<simulator::PlanError>() { 2 } else { 1 })
        }
    }
}
