//! What was typed, and what it means as a [`Plan`].

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use hyper::header::{HeaderName, HeaderValue};
use load_tester::result::Order;
use load_tester::{
    Format, Mode, Objective, Plan, Spawn, Symbols, Target, Transport, channels, read_duration,
    read_header,
};

use crate::{cli, stored};

const HELP: &str = "Examples:
  load-tester run --clients 1000 --for 30s
      a thousand WebSocket clients, each on ten symbols of its own, on the server at 127.0.0.1:8080
  load-tester run --transport all --clients 200 --for 60s --out run.json \\
      --spawn 'feed-server --seed 7 --symbols 100 --rate 1000'
      every transport in turn, each on a fresh server with the same events, every figure into run.json
  load-tester run --transport sse,poll:1s,poll:1s/h2 --order together
      side by side on one server; /h2 is HTTP/2
  load-tester run --slo 'p99<50ms' --slo 'poll:1s.staleness.p99<=1.1s'
      exits with 3 unless both are kept
  load-tester run --transport ws-msgpack --clients 20000 --threads 2 --server-pid $(pgrep -x feed-server)
      what the server spends on each delivered message

Latency is the client's clock less the event's `ts`, the instant at which it was due: a server that stalls, a queue that \
fills and a socket that does not drain are all in it, and there is no coordinated omission to correct. Staleness is how \
old, at each instant, the oldest event is that a client should have and has not; age, how old the newest one is that it has.

Exit codes:
  0  the server kept its contract, the figures are valid, the SLOs are met
  1  the server broke its contract: an unannounced gap, a repeat, disorder, a wrong merge …
  2  the run could not begin: usage, server not reachable, no such symbol, too few open files
  3  an SLO is not met
  4  the figures are invalid or not complete: clients missing, tester too busy, server died, interrupted …

To keep tester and server apart, pin both: `taskset -c 1 load-tester run …`, and `--pin-server 0` or `taskset -c 0` for the \
server.";

/// Opens thousands of subscribers on a market-data stream, times what they get, checks that nothing is missing.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Connect clients, measure for a while, report
    #[command(after_help = HELP)]
    Run(Box<Run>),
    /// Write the report of a stored run
    Report(stored::Report),
    /// Search how many clients each transport carries under an SLO
    Capacity(cli::capacity::Capacity),
    /// Measure what others have published, beside their figures
    Reproduce(cli::reproduce::Reproduce),
    /// Say which figures of two stored runs differ, and how sure that is
    Compare(stored::Compare),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FormatArg {
    Json,
    Msgpack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    Every,
    Latest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderArg {
    /// All lanes at once, on one server
    Together,
    /// Each lane alone, in an order drawn from --seed
    OneByOne,
}

#[derive(Debug, Args)]
pub struct Run {
    /// How clients get their events: ws-json, ws-msgpack, sse, stream, long-poll, poll:INTERVAL (poll:1s), the HTTP ones
    /// also as sse/h2 …; several by comma, or `all` for the six over HTTP/1.1
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "ws-json")]
    pub transport: Vec<String>,
    /// Several transports at once, or one after another
    #[arg(long, value_enum, default_value = "one-by-one")]
    pub order: OrderArg,
    /// Address of the server: ws://HOST:PORT/v1/ws or http://HOST:PORT/
    #[arg(long, default_value = "ws://127.0.0.1:8080/v1/ws")]
    pub url: String,
    /// Start this server afresh for each lane, on free ports, and stop it afterwards
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["url", "server_pid", "admin_url"])]
    pub spawn: Option<String>,
    /// Processors that the spawned server may use: 0 or 0,2-3
    #[arg(long, value_name = "LIST", requires = "spawn")]
    pub pin_server: Option<String>,
    /// Admin listener of the server, for its version and its source's lateness: http://127.0.0.1:9080/
    #[arg(long, value_name = "URL")]
    pub admin_url: Option<String>,
    /// What is promised: ws-json.p99<20ms for a lane, p99<100ms for each; fields p50 … p999 max, age.p99, staleness.p99,
    /// missed, bytes_per_event, cpu_us_per_event. May be given several times
    #[arg(long = "slo", value_name = "EXPRESSION")]
    pub slos: Vec<String>,
    /// Polls say what they have (If-None-Match), so that nothing new costs a 304 instead of an empty answer
    #[arg(long)]
    pub conditional: bool,
    /// Poll so long after each answer (closed loop) instead of on a schedule; what a slow server costs is then hidden
    #[arg(long)]
    pub poll_pause: bool,
    /// Simulate a network that takes so long, each way (in the client; 1 ms exact): 40ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = read_duration)]
    pub delay: Duration,
    /// A further header of every request, as in 'Accept-Language: en'. May be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = read_header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Test another machine than this one. It must be yours, or its owner must agree
    #[arg(long)]
    pub allow_remote: bool,
    /// `--format msgpack` is short for --transport ws-msgpack, json for ws-json
    #[arg(long, value_enum, conflicts_with = "transport")]
    pub format: Option<FormatArg>,
    /// Clients to connect on each transport
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub clients: u32,
    /// Symbols that each client draws at random from the server's
    #[arg(long, value_name = "K", default_value_t = 10, conflicts_with = "symbols")]
    pub symbols_per_client: usize,
    /// Draw from the server's first M symbols only
    #[arg(long, value_name = "M", conflicts_with = "symbols")]
    pub symbols_of: Option<usize>,
    /// The same symbols for every client: AAPL,MSFT or '*'
    #[arg(long, value_name = "LIST")]
    pub symbols: Option<String>,
    /// Channels: trades, quotes, status, bars:1s …
    #[arg(long, value_name = "LIST", default_value = "trades")]
    pub channels: String,
    /// Each event, or the latest at an interval
    #[arg(long, value_enum, default_value = "every")]
    pub mode: ModeArg,
    /// Interval of --mode latest, ms, 0 to 60000
    #[arg(long, value_name = "MS", default_value_t = 250)]
    pub interval_ms: u32,
    /// Subscribe without asking for a snapshot
    #[arg(long)]
    pub no_snapshot: bool,
    /// How long to measure: 30s, 500ms, 5m
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = read_duration)]
    pub measure: Duration,
    /// How long to settle first, once all are subscribed
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = read_duration)]
    pub warmup: Duration,
    /// Threads that clients are spread over
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Clients started a second
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub connect_rate: u32,
    /// How long a client may take to be connected and subscribed
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = read_duration)]
    pub connect_timeout: Duration,
    /// What symbols are drawn with: the same seed, the same draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Time one connection of so many; sequence numbers are checked on all [default: about 1000 are timed]
    #[arg(long, value_name = "N")]
    pub sample_every: Option<u32>,
    /// Receive buffer of each client's socket, bytes; 0 leaves it to the system, which may let seconds of data pile up
    /// in front of a client that is behind, so that the server does not see it and merges late
    #[arg(long, value_name = "BYTES", default_value_t = 65536)]
    pub receive_buffer: u32,
    /// Further clients that subscribe and then never read
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stuck: u32,
    /// Above this part of its processors, used or waited for, the tester's own queueing makes the figures invalid, percent
    #[arg(long, value_name = "PERCENT", default_value_t = 70.0)]
    pub generator_max: f64,
    /// Watch the server's process: CPU time a delivered message, memory
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Write the result to FILE as JSON, with all histograms, settings and the machine
    #[arg(long, value_name = "FILE", alias = "json")]
    pub out: Option<PathBuf>,
    /// Write the report to FILE: one HTML page, below 400 kB, that needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the latencies of each second and transport to FILE, as a HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    pub hlog: Option<PathBuf>,
    /// Show how it is going as plain lines, also on a terminal
    #[arg(long)]
    pub plain: bool,
}

impl Run {
    /// The plan that this asks for.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let names = |list: &str| {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        let symbols = match self.symbols.as_deref().map(str::trim) {
            Some("*") => Symbols::All,
            Some(list) => Symbols::Named(names(list)),
            None => Symbols::Draw { per_client: self.symbols_per_client, of: self.symbols_of },
        };
        let plan = Plan {
            transports: self.transports()?,
            order: match self.order {
                OrderArg::Together => Order::Together,
                OrderArg::OneByOne => Order::OneByOne,
            },
            clients: self.clients,
            receive_buffer: self.receive_buffer,
            stuck: self.stuck,
            symbols,
            channels: channels(&self.channels)?,
            mode: match self.mode {
                ModeArg::Every => Mode::Every,
                ModeArg::Latest => Mode::Latest { interval_ms: self.interval_ms },
            },
            snapshot: !self.no_snapshot,
            measure: self.measure,
            warmup: self.warmup,
            connect_timeout: self.connect_timeout,
            connect_rate: self.connect_rate,
            threads: self.threads,
            seed: self.seed,
            sample_every: self.sample_every,
            conditional: self.conditional,
            busy_max: self.generator_max / 100.0,
            poll_pause: self.poll_pause,
            delay: self.delay,
            headers: self.headers.iter().cloned().collect(),
            server_pid: self.server_pid,
            admin: match &self.admin_url {
                Some(url) => Some(Target::new(url, self.allow_remote)?),
                None => None,
            },
            spawn: match &self.spawn {
                Some(command) => Some(Spawn::new(command, self.pin_server.as_deref())?),
                None => None,
            },
            objectives: self
                .slos
                .iter()
                .map(|slo| slo.parse().context("--slo"))
                .collect::<anyhow::Result<Vec<Objective>>>()?,
            ..Plan::new(Target::new(&self.url, self.allow_remote)?)
        };
        Ok(plan.checked()?)
    }

    fn transports(&self) -> anyhow::Result<Vec<Transport>> {
        match self.format {
            Some(FormatArg::Json) => return Ok(vec![Transport::web_socket(Format::Json)]),
            Some(FormatArg::Msgpack) => return Ok(vec![Transport::web_socket(Format::Msgpack)]),
            None => {}
        }
        let mut transports = Vec::new();
        for name in self.transport.iter().map(|name| name.trim()) {
            match name {
                "all" => transports.extend(Transport::all()),
                name => transports.push(name.parse().context("--transport")?),
            }
        }
        Ok(transports)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        let arguments = ["load-tester", "run"].iter().chain(arguments);
        let Command::Run(run) = Cli::try_parse_from(arguments)?.command else {
            unreachable!("the arguments are those of `run`")
        };
        run.plan()
    }

    fn lanes(arguments: &[&str]) -> Vec<String> {
        plan(arguments).unwrap().transports.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn understands_transports_in_every_way_of_writing() {
        assert_eq!(lanes(&[]), ["ws-json"]);
        assert_eq!(lanes(&["--format", "msgpack"]), ["ws-msgpack"]);
        assert_eq!(
            lanes(&["--transport", "sse,poll:1s", "--transport", "stream/h2"]),
            ["sse", "poll:1s", "stream/h2"]
        );
        assert_eq!(lanes(&["--transport", "all"]).len(), 6);
    }

    #[test]
    fn refuses_before_anything_is_opened() {
        for (arguments, why) in [
            (&["--transport", "poll"][..], "needs its interval"),
            (&["--transport", "sse", "--format", "json"], "cannot be used with"),
            (&["--slo", "p98<1ms"], "no field `p98`"),
            (&["--slo", "sse.p99<1ms"], "no lane sse"),
            (&["--spawn", "x 'y"], "a quote is not closed"),
            (&["--pin-server", "0"], "--spawn"),
            (&["--url", "wss://127.0.0.1/"], "TLS is not supported"),
            (&["--admin-url", "nonsense"], "is no address"),
        ] {
            let error = format!("{:#}", plan(arguments).unwrap_err());
            assert!(error.contains(why), "{arguments:?}: {error}");
        }
    }
}
