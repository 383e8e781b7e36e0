//! `load-tester capacity`: arguments in, a line a step, a table and a file out.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use load_tester::capacity::{Audience, CapacityError, Ended, Settings, Step, capacity, text};
use load_tester::{
    Objective, Plan, Progress, Spawn, Stop, Symbols, Target, Transport, channels, read_duration,
};

use crate::out::Out;

const HELP: &str = "Examples:
  load-tester capacity --slo 'p99<100ms' --spawn 'feed-server --seed 7 --symbols 100 --rate 1000'
      how many clients each of the six transports carries, each step on a fresh server with the same events
  load-tester capacity --transport ws-json,sse --slo 'p99<20ms' --pin-server 0 --spawn 'feed-server --shards 1'
      two of them, the server on a processor of its own (start the tester with taskset -c 1)
  load-tester capacity --transport sse,poll:1s --slo 'p99<100ms' --slo 'poll:1s.staleness.p99<2s' --url http://127.0.0.1:8080/ \\
      --server-pid $(pgrep -x feed-server)
      on a server that runs already, and at which interval polling would cost it as little as SSE

Each step is a run of --step in all: a quarter to connect, an eighth to settle, the rest measured. Clients are doubled, or \
more where server and tester are nearly idle, until a step breaks the SLO or is not valid, then bisected to 5 %; what was found \
is run once more, to confirm it. A promise to every transport (p99<100ms) leaves a poller its interval (poll:1s: p99<1100ms); \
one by name (poll:1s.p99<1050ms) is taken as it is.

Who was the limit is said. A source that is late beside an idle server is the machine's doing; the step is run again. Above \
70 % of its processors the tester measures itself: then it is `at least N: the tester was the limit`, and nothing is known of the server beyond N. Tester and server share this machine.

Break-even: a poller at interval T costs the server a/T + b a second, a and b from runs at T and 2T; polling carries as many \
clients as a push transport with N at T* = a / (c1·N1/N - b), c1 and N1 being cost and clients at the measured interval.

Exit codes: 0 found · 1 the server broke its contract · 2 could not begin · 3 not even one client under the SLO · \
4 interrupted, or a step could not begin; with 1 and 4 what was found so far is printed and written";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Capacity {
    /// What is promised, as in `run`: p99<100ms, sse.staleness.p99<1s … May be given several times
    #[arg(long = "slo", value_name = "EXPRESSION", required = true)]
    slos: Vec<String>,
    /// Transports to search, by comma, or `all` for the six over HTTP/1.1
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "all")]
    transport: Vec<String>,
    /// Start this server afresh for each step, on free ports
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["url", "server_pid"])]
    spawn: Option<String>,
    /// Processors that the spawned server may use: 0 or 0,2-3
    #[arg(long, value_name = "LIST", requires = "spawn")]
    pin_server: Option<String>,
    /// A server that runs already
    #[arg(long, default_value = "ws://127.0.0.1:8080/v1/ws")]
    url: String,
    /// Its process, for its CPU time
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Symbols that each client draws at random
    #[arg(long, value_name = "K", default_value_t = 10)]
    symbols_per_client: usize,
    /// Channels: trades, quotes, status, bars:1s …
    #[arg(long, value_name = "LIST", default_value = "trades")]
    channels: String,
    /// How long a step takes: 2s to 10m
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = read_duration)]
    step: Duration,
    /// How long the search may take for each transport; it is then as exact as it has become
    #[arg(long, value_name = "TIME", default_value = "74s", value_parser = read_duration)]
    time: Duration,
    /// Clients of the first step
    #[arg(long, value_name = "N", default_value_t = 250)]
    start: u32,
    /// No more clients than this [default: what the limit of open files allows]
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    clients_max: u32,
    /// Threads that clients are spread over
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// What symbols are drawn with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write all steps to FILE as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Capacity {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut transports: Vec<Transport> = Vec::new();
        for name in self.transport.iter().map(|name| name.trim()) {
            match name {
                "all" => transports.extend(Transport::all()),
                name => transports.push(name.parse().context("--transport")?),
            }
        }
        let slos = self.slos.iter().map(|slo| slo.parse().context("--slo"));
        let plan = Plan {
            transports,
            symbols: Symbols::Draw { per_client: self.symbols_per_client, of: None },
            channels: channels(&self.channels)?,
            threads: self.threads,
            seed: self.seed,
            server_pid: self.server_pid,
            spawn: match &self.spawn {
                Some(command) => Some(Spawn::new(command, self.pin_server.as_deref())?),
                None => None,
            },
            objectives: slos.collect::<anyhow::Result<Vec<Objective>>>()?,
            ..Plan::new(Target::new(&self.url, false)?)
        };
        let seconds = 2.0..=600.0;
        anyhow::ensure!(
            seconds.contains(&self.step.as_secs_f64()),
            "--step is {} s; it must be 2 s to 600 s",
            self.step.as_secs_f64()
        );
        anyhow::ensure!(self.start > 0, "--start is 0; it must be at least 1");
        anyhow::ensure!(self.clients_max > 0, "--clients-max is 0; it must be at least 1");
        Ok(Settings {
            plan: plan.checked()?,
            step: self.step,
            start: self.start,
            clients_max: self.clients_max,
            time: self.time,
        })
    }

    /// Searches; the exit code.
    #[expect(clippy::print_stdout, reason = "the report goes to standard output")]
    pub fn execute(&self, stop: &Stop) -> anyhow::Result<u8> {
        let settings = self.settings()?;
        let out = self.out.as_deref().map(Out::open).transpose()?;
        let (mut found, error) = match capacity(&settings, &mut Lines, stop) {
            Ok(found) => (found, None),
            Err(Ended { error, found }) => (*found, Some(error)),
        };
        found.command = std::env::args().collect();
        // Nothing begun is nothing to show: the error says it all.
        if let (Some(error @ CapacityError::Run(_)), true) = (&error, found.transports.is_empty()) {
            anyhow::bail!("{error}");
        }
        print!("{}", text(&found));
        if let Some(out) = out {
            out.write(&format!("{}\n", serde_json::to_string(&found)?))?;
        }
        let nobody = found.transports.iter().any(|carried| carried.clients == 0);
        Ok(match (error, found.complete, nobody) {
            (Some(CapacityError::Broken { .. }), ..) => crate::EXIT_BROKEN,
            (_, false, _) => crate::EXIT_INVALID,
            (_, true, true) => crate::EXIT_SLO,
            (_, true, false) => 0,
        })
    }
}

/// A line a step.
struct Lines;

impl Audience for Lines {
    fn progress(&mut self, _transport: &str, _clients: u32, _progress: &Progress) {}

    #[expect(clippy::print_stderr, reason = "progress goes to standard error")]
    fn step(&mut self, transport: &str, step: &Step) {
        let confirms = if step.confirms { ", once more" } else { "" };
        let held = match &step.why {
            None => "holds".to_owned(),
            Some(why) => format!("no: {why}"),
        };
        eprintln!(
            "{transport:<11} {:>6} clients{confirms}: p99 {:.1} ms, tester {:.0} %, server {:.2} processors: {held}",
            step.clients,
            step.p99_ms,
            step.generator_busy * 100.0,
            step.server_cores.unwrap_or_default(),
        );
    }
}
