//! The server's program: settings, the source of ticks, signals. The one file that knows the simulator.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use clap::Parser;
use feed_protocol::{Interval, Tick, Universe};
use feed_server::config::{Config, Given, LogFormat, SourceSettings};
use feed_server::lab::Rate;
use feed_server::market::{Ingest, Market};
use feed_server::metrics;
use feed_server::server::Server;
use simulator::{Origin, Pace, Pacer, Plan, Reach, Rebased, Simulation, wall_clock_us};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// When clients are told to come back after a restart, ms; spread over them.
const RETRY_MS: std::ops::Range<u64> = 500..5000;
/// Symbols that get bars of the past; more would make the start slow, and nobody looks at them all.
const PAST_SYMBOLS_MAX: usize = 2000;

fn main() -> ExitCode {
    let given = Given::parse();
    let check_only = given.check;
    let config = match given.with_file().and_then(Given::check) {
        Ok(config) => config,
        Err(error) => return fail(&format!("{error}"), 2),
    };
    start_log(config.log_format);
    let source = match Source::open(&config.source) {
        Ok(source) => source,
        Err(error) => return fail(&format!("{error:#}"), 2),
    };
    let retention = match config.retention(source.universe().len()) {
        Ok(retention) => retention,
        Err(error) => return fail(&format!("{error}"), 2),
    };
    if check_only {
        return say("the settings are good");
    }
    let epoch = format!("{:x}", wall_clock_us());
    let market = Market::new(source.universe(), &epoch, retention);
    match run(&config, source, &market) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}"), 1),
    }
}

fn run(config: &Config, source: Source, market: &Arc<Market>) -> Result<()> {
    let pacer = Pacer::new(Pace::Speed(1.0), Origin::wall(wall_clock_us()));
    let lateness = Box::new(PacerLateness(pacer.lateness()));
    let (server, ingest) = Server::start(&config.server, market.clone(), Some(lateness))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    let stop = Arc::new(AtomicBool::new(false));
    let feeding =
        feed(source, market.clone(), ingest, pacer, config.server.lab.clone(), stop.clone())?;
    say(&format!("listening on http://{}/", server.address));
    tracing::info!(
        symbols = market.universe().len(),
        shards = config.server.shards,
        admin = %format!("http://{}/metrics", server.admin_address),
        "serving"
    );
    let failed = server.failed();
    runtime.block_on(async {
        tokio::select! {
            () = signals.next() => Ok(()),
            () = failed => Err(anyhow::anyhow!("a shard has ended; see the log above")),
        }
    })?;
    tracing::info!("draining; a second signal ends it at once");
    std::thread::spawn(move || {
        runtime.block_on(signals.next());
        std::process::exit(1);
    });
    let all = server.drain(RETRY_MS, config.drain);
    stop.store(true, Ordering::Relaxed);
    let _ = feeding.join();
    tracing::info!(all_clients_left = all, "stopped");
    Ok(())
}

/// What asks the program to stop. Once it listens no signal is lost, and none kills.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Where ticks come from.
enum Source {
    Simulation { simulation: Box<Simulation>, plan: Plan },
    Replay(Box<simulator::Replay>),
}

impl Source {
    fn open(settings: &SourceSettings) -> Result<Self> {
        if let Some(path) = &settings.replay {
            let replay = simulator::open_replay(path)
                .with_context(|| format!("--replay {}", path.display()))?;
            return Ok(Self::Replay(Box::new(replay)));
        }
        let named = |setting: &str, name: &str, error: String| {
            anyhow::anyhow!("--{setting} {name}: {error}")
        };
        let popularity = settings.popularity.parse();
        let scenario = settings.scenario.parse();
        let plan = Plan {
            symbols: settings.symbols,
            rate: settings.rate,
            seed: settings.seed,
            popularity: popularity.map_err(|e: String| {
                named("popularity", &settings.popularity, format!("{e}; there are zipf, uniform"))
            })?,
            scenario: scenario.map_err(|e: String| {
                let choices = "there are calm, open, crash, halt, burst, quiet";
                named("scenario", &settings.scenario, format!("{e}; {choices}"))
            })?,
            trades_only: settings.trades_only,
            start_us: wall_clock_us(),
        };
        let simulation = Box::new(Simulation::new(&plan)?);
        Ok(Self::Simulation { simulation, plan })
    }

    fn universe(&self) -> Arc<Universe> {
        match self {
            Self::Simulation { simulation, .. } => simulation.universe(),
            Self::Replay(replay) => replay.universe(),
        }
    }
}

/// Feeds the market on a thread of its own.
fn feed(
    source: Source,
    market: Arc<Market>,
    mut ingest: Ingest,
    mut pacer: Pacer,
    rate: Option<Rate>,
    stop: Arc<AtomicBool>,
) -> Result<JoinHandle<()>> {
    let body = move || {
        let publish = |ticks: &[Tick], watermark_us| ingest.publish(ticks, watermark_us);
        match source {
            Source::Simulation { mut simulation, plan } => {
                fill_past(&market, &plan);
                simulation.start_at(wall_clock_us());
                match rate {
                    None => pacer.run(simulation, publish, &stop),
                    Some(rate) => pacer.run(Adjustable { simulation, rate }, publish, &stop),
                }
            }
            Source::Replay(mut replay) => {
                pacer.run(Rebased::new(&mut *replay, wall_clock_us(), 1.0), publish, &stop);
                match replay.take_error() {
                    Some(error) => tracing::error!(%error, "the replay broke off"),
                    None if !stop.load(Ordering::Relaxed) => {
                        tracing::warn!("the replay is over; clients keep what it left");
                    }
                    None => {}
                }
            }
        }
    };
    Ok(std::thread::Builder::new().name("ingest".into()).spawn(body)?)
}

/// A simulation whose rate the laboratory sets.
struct Adjustable {
    simulation: Box<Simulation>,
    rate: Rate,
}

impl Iterator for Adjustable {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        self.simulation.set_rate(self.rate.get());
        self.simulation.next()
    }
}

/// Gives every symbol (the most popular ones, if there are very many) bars of the past, so that a chart is not empty.
fn fill_past(market: &Market, plan: &Plan) {
    let reach: Vec<Reach> = [Interval::S1, Interval::M1, Interval::M5, Interval::H1, Interval::D1]
        .into_iter()
        .map(|interval| Reach { interval, bars: market.bars.kept(interval) as u32 })
        .collect();
    for (symbol, _) in market.universe().iter().take(PAST_SYMBOLS_MAX) {
        let price = simulator::first_price(plan, symbol);
        market.bars.seed(symbol, simulator::past_bars(plan, symbol, price, &reach));
    }
}

#[derive(Debug)]
struct PacerLateness(simulator::Lateness);

impl metrics::Lateness for PacerLateness {
    fn snapshot(&self) -> hdrhistogram::Histogram<u64> {
        self.0.snapshot()
    }
}

fn start_log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TICKCAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

#[allow(clippy::print_stdout, reason = "the one line that programs wait for")]
fn say(text: &str) -> ExitCode {
    use std::io::Write;
    println!("{text}");
    let _ = std::io::stdout().flush();
    ExitCode::SUCCESS
}

#[allow(clippy::print_stderr, reason = "settings are wrong before there is a log")]
fn fail(text: &str, code: u8) -> ExitCode {
    eprintln!("feed-server: {text}");
    ExitCode::from(code)
}
