//! `load-tester reproduce`: arguments in, a table a study and a file out.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use load_tester::Stop;
use load_tester::reproduce::{Reproduction, Settings, Study, reproduce, text};

use crate::out::Out;

const HELP: &str = "Studies:
  lubbers      Lubbers & Greco 2010: headers of polls and WebSocket messages in Mbps
  pimentel     Pimentel & Nickerson 2012: latency of polling and WebSocket over a slow network (simulated in the client)
  bth          Appelqvist & Örnmyr 2017: overhead bytes a message
  vandevyvere  Van de Vyvere et al. 2020: clients of polling and SSE, and when polling carries more
  infinity     theinfinity.dev 2026: bytes an event and latency

Examples:
  load-tester reproduce bth
      one study, on the feed-server that lies beside this program
  load-tester reproduce all --out published.json
      all five, in about four minutes
  load-tester reproduce infinity pimentel --server target/release/feed-server --pin-server 0
      two of them, the server on a processor of its own

Each figure is measured on the wire with a fresh server that replays a market made for the study. `comparable` is ours without \
what theirs has not, each part named with its size; `agrees` is decided on that, within the part of theirs that is stated. What \
is arithmetic or extrapolated is said to be. A NO is a result, not a failure.

Exit codes: 0 measured · 2 could not begin · 4 figures not valid, or interrupted: what was measured is printed and written";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Reproduce {
    /// all, lubbers, pimentel, bth, vandevyvere, infinity
    #[arg(required = true, value_name = "STUDY")]
    studies: Vec<String>,
    /// The server's program [default: the feed-server beside this program, else that of the PATH]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Processors that the server may use: 0 or 0,2-3
    #[arg(long, value_name = "LIST")]
    pin_server: Option<String>,
    /// Measure with this part of the clients and times, 0.01 to 1: quicker, and less sure
    #[arg(long, value_name = "PART", default_value_t = 1.0)]
    scale: f64,
    /// Percentage of its processors above which the tester's own queueing makes figures invalid
    #[arg(long, value_name = "PERCENT", default_value_t = 70.0)]
    generator_max: f64,
    /// Write all rows to FILE as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Reproduce {
    /// Measures; the exit code.
    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "tables and progress are shown here"
    )]
    pub fn execute(&self, stop: &Stop) -> anyhow::Result<u8> {
        let mut studies: Vec<Study> = Vec::new();
        for name in &self.studies {
            match name.as_str() {
                "all" => studies.extend(Study::ALL),
                name => studies.push(name.parse()?),
            }
        }
        anyhow::ensure!(
            (0.01..=1.0).contains(&self.scale),
            "--scale is {}; it must be 0.01 to 1",
            self.scale
        );
        anyhow::ensure!(
            (1.0..=100.0).contains(&self.generator_max),
            "--generator-max is {}; it must be 1 to 100",
            self.generator_max
        );
        let settings = Settings {
            server: self.server.clone().unwrap_or_else(beside),
            pin_server: self.pin_server.clone(),
            scale: self.scale,
            busy_max: self.generator_max / 100.0,
        };
        let out = self.out.as_deref().map(Out::open).transpose()?;
        let done = reproduce(&studies, &settings, &mut |run| eprintln!("{run}"), stop);
        let command = std::env::args().collect();
        let done = Reproduction { command, ..done.context("reproduce")? };
        print!("{}", text(&done));
        if let Some(out) = out {
            out.write(&format!("{}\n", serde_json::to_string(&done)?))?;
        }
        let valid = done.studies.iter().all(|study| study.invalid.is_empty());
        Ok(if done.complete && valid { 0 } else { crate::EXIT_INVALID })
    }
}

/// The server that was built with this program, if it is there.
fn beside() -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| Some(own.parent()?.join("feed-server")));
    beside.filter(|path| path.exists()).unwrap_or_else(|| "feed-server".into())
}
