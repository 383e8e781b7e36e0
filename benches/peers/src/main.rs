//! The harness: starts each server on its own processor, checks that it keeps the contract, gives all the same work one
//! after another, several rounds, and prints ratios with their spread. See `README.md`.

mod harness;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use peers::interrupt;

fn main() -> Result<ExitCode> {
    let arguments = harness::args::Arguments::parse();
    match harness::run(&arguments) {
        Err(_) if interrupt::asked() => {
            eprintln!("interrupted; what was measured is kept");
            Ok(ExitCode::from(interrupt::EXIT_CODE))
        }
        outcome => outcome,
    }
}
