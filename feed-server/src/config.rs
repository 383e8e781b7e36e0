//! Settings in two stages: what was given (command line, then environment, then the TOML file), and what it means. Every
//! value is checked before a port is bound, and a wrong one is named together with where it came from.
//! Longer than most files here: every setting stands in it three times, as given, as merged and as checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use feed_protocol::Limits;
use serde::Deserialize;
use thiserror::Error;

use crate::http::cors::Origins;
use crate::lab::Rate;
use crate::market::Retention;
use crate::server::Settings;

/// File descriptors left for everything but clients.
const DESCRIPTORS_SPARE: u64 = 256;
/// What one event takes in history, bytes.
const EVENT_BYTES: usize = size_of::<feed_protocol::Event>();
/// What an event of history means when `--history` is given: events a symbol, on average.
const HISTORY_MAX: u64 = 1_000_000_000;

const ABOUT: &str = "Streams market data to thousands of subscribers over WebSocket, with a simulated market built in.";
const EXAMPLES: &str = "\
Every setting is also read from the environment (--listen is TICKCAST_LISTEN) and from a TOML file \
(--config tickcast.toml, with lines like `listen = \"127.0.0.1:8080\"`, names as on the command line). \
The command line wins over the environment, the environment over the file.

Examples:
  feed-server                                       500 simulated symbols, dashboards at http://127.0.0.1:8080/
  feed-server --symbols 5000 --rate 100000          a busy market
  feed-server --scenario burst --seed 7             bursts of 50 times the rate, the same every time
  feed-server --replay day.ticks                    what `simulator record` wrote, or a CSV of symbol,ts,price,size
  feed-server --listen 0.0.0.0:8080 --shards 8      for other machines, eight threads";

/// What was given. Nothing is checked but its form.
#[derive(Clone, Debug, Default, Deserialize, Parser)]
#[command(name = "feed-server", version, about = ABOUT, after_help = EXAMPLES)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Given {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = "TICKCAST_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where clients connect; port 0 lets the system choose [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "TICKCAST_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where /metrics, /livez, /readyz and /version are read [default: 127.0.0.1:9080]
    #[arg(long, value_name = "ADDR", env = "TICKCAST_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,
    /// Threads that serve clients [default: one a core]
    #[arg(long, value_name = "N", env = "TICKCAST_SHARDS")]
    shards: Option<usize>,
    /// Simulated symbols, 1 to 100000 [default: 500]
    #[arg(long, value_name = "N", env = "TICKCAST_SYMBOLS")]
    symbols: Option<u32>,
    /// Simulated events a second, over all symbols, on average [default: 2000]
    #[arg(long, value_name = "EVENTS_PER_S", env = "TICKCAST_RATE")]
    rate: Option<f64>,
    /// Seed of the simulation: the same seed gives the same market [default: 1]
    #[arg(long, value_name = "N", env = "TICKCAST_SEED")]
    seed: Option<u64>,
    /// How activity is spread over the symbols: zipf or uniform [default: zipf]
    #[arg(long, value_name = "NAME", env = "TICKCAST_POPULARITY")]
    popularity: Option<String>,
    /// calm, open, crash, halt, burst or quiet [default: calm]
    #[arg(long, value_name = "NAME", env = "TICKCAST_SCENARIO")]
    scenario: Option<String>,
    /// No quotes and no statuses, trades alone: for benchmarks
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", env = "TICKCAST_TRADES_ONLY")]
    trades_only: Option<bool>,
    /// Replay this recording (or CSV of symbol,ts,price,size) instead of the simulation
    #[arg(long, value_name = "FILE", env = "TICKCAST_REPLAY")]
    replay: Option<PathBuf>,
    /// Events kept for resuming clients, a symbol on average [default: as many as half of --history-memory holds]
    #[arg(long, value_name = "N", env = "TICKCAST_HISTORY")]
    history: Option<u64>,
    /// Memory for history and bars together, MiB, over all symbols [default: 256]
    #[arg(long, value_name = "MIB", env = "TICKCAST_HISTORY_MEMORY")]
    history_memory: Option<usize>,
    /// Wait so long after a first event so that more leave with one write: less CPU for more latency [default: 0]
    #[arg(long, value_name = "N", env = "TICKCAST_COALESCE_US")]
    coalesce_us: Option<u64>,
    /// Let events gather after sending, for fewer and larger writes. While many connections get few messages each, sending
    /// takes about this part of a core, for 1 to 2 ms of latency; while they get very many, they get them every 30 ms; requests
    /// over HTTP wait as well. 100: always as fresh as it can be [default: 50]
    #[arg(long, value_name = "PERCENT", env = "TICKCAST_BUSY_MAX")]
    busy_max: Option<u32>,
    /// A client that falls behind by less than this is sent each event as soon as it takes them, ms; beyond it they are
    /// merged until it has caught up [default: 250]
    #[arg(long, value_name = "MS", env = "TICKCAST_MERGE_AFTER")]
    merge_after: Option<u32>,
    /// Many sends with one system call: auto (where the kernel allows it) or off [default: auto]
    #[arg(long, value_name = "MODE", env = "TICKCAST_IO_URING")]
    io_uring: Option<String>,
    /// Connections at a time: WebSockets, streams and waiting long polls [default: what the limit of open files allows]
    #[arg(long, value_name = "N", env = "TICKCAST_MAX_CONNECTIONS")]
    max_connections: Option<usize>,
    /// Events that wait for a shard at most; beyond it the oldest are merged [default: 65536]
    #[arg(long, value_name = "N", env = "TICKCAST_QUEUE_EVENTS")]
    queue_events: Option<usize>,
    /// Bytes a client's socket may hold unsent in the kernel (TCP_NOTSENT_LOWAT), 0 for the system's default [default: 16384]
    #[arg(long, value_name = "BYTES", env = "TICKCAST_NOTSENT_LOWAT")]
    notsent_lowat: Option<u32>,
    /// Open the laboratory for showing what transports cost: /lab with relays that can delay, stall and cut, more clients,
    /// another rate, metrics. Whoever reaches the port can press its buttons
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", env = "TICKCAST_LAB")]
    lab: Option<bool>,
    /// Pages of which origins may read the data (CORS): *, none, or a list of them like `https://example.org` [default: *]
    #[arg(long, value_name = "ORIGINS", env = "TICKCAST_ALLOW_ORIGINS")]
    allow_origins: Option<String>,
    /// Requests a second a client may send [default: 50]
    #[arg(long, value_name = "N", env = "TICKCAST_MESSAGES_PER_S")]
    messages_per_s: Option<u32>,
    /// How long clients may take to leave when the server is stopped, seconds [default: 10]
    #[arg(long, value_name = "S", env = "TICKCAST_DRAIN_S")]
    drain_s: Option<u64>,
    /// text or json [default: text]
    #[arg(long, value_name = "FORMAT", env = "TICKCAST_LOG_FORMAT")]
    log_format: Option<String>,
    /// Check the settings, say so, and do nothing else
    #[arg(long)]
    #[serde(skip)]
    pub check: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: an object a line.
    Json,
}

/// What the simulation is to be; the names are checked by whoever knows them.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// 1 to 100,000.
    pub symbols: u32,
    /// Events a second.
    pub rate: f64,
    /// Seed.
    pub seed: u64,
    /// `zipf` or `uniform`.
    pub popularity: String,
    /// A scenario's name.
    pub scenario: String,
    /// No quotes, no statuses.
    pub trades_only: bool,
    /// A recording instead.
    pub replay: Option<PathBuf>,
}

/// Settings that hold.
#[derive(Clone, Debug)]
pub struct Config {
    /// For the server.
    pub server: Settings,
    /// For the source.
    pub source: SourceSettings,
    /// Events to keep a symbol, on average; `None` for what the memory holds.
    pub history: Option<u64>,
    /// Memory for history and bars, bytes.
    pub history_bytes: usize,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How long draining may take.
    pub drain: Duration,
}

/// A setting that does not hold.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A value out of its range.
    #[error("--{name} {value}: {must}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        must: String,
    },
    /// A file that cannot be read.
    #[error("--config {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is no TOML, or has settings that there are not.
    #[error("--config {path}: {source}", path = path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
}

impl Given {
    /// Adds what the file gives, where nothing was given before.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn with_file(self) -> Result<Self, ConfigError> {
        let Some(path) = self.config.clone() else { return Ok(self) };
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
        let file: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Toml { path, source: Box::new(source) })?;
        Ok(self.or(file))
    }

    fn or(self, file: Self) -> Self {
        Self {
            config: self.config,
            check: self.check,
            listen: self.listen.or(file.listen),
            admin_listen: self.admin_listen.or(file.admin_listen),
            shards: self.shards.or(file.shards),
            symbols: self.symbols.or(file.symbols),
            rate: self.rate.or(file.rate),
            seed: self.seed.or(file.seed),
            popularity: self.popularity.or(file.popularity),
            scenario: self.scenario.or(file.scenario),
            trades_only: self.trades_only.or(file.trades_only),
            replay: self.replay.or(file.replay),
            history: self.history.or(file.history),
            history_memory: self.history_memory.or(file.history_memory),
            coalesce_us: self.coalesce_us.or(file.coalesce_us),
            busy_max: self.busy_max.or(file.busy_max),
            merge_after: self.merge_after.or(file.merge_after),
            io_uring: self.io_uring.or(file.io_uring),
            max_connections: self.max_connections.or(file.max_connections),
            queue_events: self.queue_events.or(file.queue_events),
            notsent_lowat: self.notsent_lowat.or(file.notsent_lowat),
            lab: self.lab.or(file.lab),
            allow_origins: self.allow_origins.or(file.allow_origins),
            messages_per_s: self.messages_per_s.or(file.messages_per_s),
            drain_s: self.drain_s.or(file.drain_s),
            log_format: self.log_format.or(file.log_format),
        }
    }

    /// Says what it means.
    ///
    /// # Errors
    /// The first setting that is out of its range. The names of scenarios and the like are checked by the source.
    pub fn check(self) -> Result<Config, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let connections_possible = descriptors().saturating_sub(DESCRIPTORS_SPARE) as usize;
        let log_format = match self.log_format.as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => return Err(wrong("log-format", other, "must be text or json")),
        };
        let io_uring = match self.io_uring.as_deref() {
            None | Some("auto") => true,
            Some("off") => false,
            Some(other) => return Err(wrong("io-uring", other, "must be auto or off")),
        };
        let max_connections = match self.max_connections {
            Some(wanted) if wanted > connections_possible => {
                let must = format!(
                    "at most {connections_possible} are possible with the limit of open files; raise it with ulimit -n"
                );
                return Err(wrong("max-connections", wanted, must));
            }
            wanted => {
                within("max-connections", wanted, connections_possible.max(1), 1, 10_000_000)?
            }
        };
        let origins = self.allow_origins.unwrap_or_else(|| "*".into());
        let origins = Origins::parse(&origins).map_err(|must| ConfigError::Value {
            name: "allow-origins",
            value: origins,
            must,
        })?;
        let limits = Limits {
            symbols: 10_000,
            message_bytes: 65_536,
            messages_per_s: within("messages-per-s", self.messages_per_s, 50, 1, 1_000_000)?,
            backlog_bytes: 1 << 20,
        };
        let mut server = Settings {
            listen: self.listen.unwrap_or(([127, 0, 0, 1], 8080).into()),
            admin_listen: self.admin_listen.unwrap_or(([127, 0, 0, 1], 9080).into()),
            shards: within("shards", self.shards, cores, 1, 256)?,
            queue_events: within("queue-events", self.queue_events, 65_536, 16, 1 << 24)?,
            coalesce_us: within("coalesce-us", self.coalesce_us, 0, 0, 1_000_000)?,
            busy_max: within("busy-max", self.busy_max, 50, 10, 100)?,
            merge_after_ms: within("merge-after", self.merge_after, 250, 0, 10_000)?,
            io_uring,
            connections_max: max_connections,
            notsent_lowat: within("notsent-lowat", self.notsent_lowat, 16_384, 0, 1 << 30)?,
            origins,
            lab: None,
            limits,
        };
        if server.listen == server.admin_listen && server.listen.port() != 0 {
            let must = "must not be the address of --listen";
            return Err(wrong("admin-listen", server.admin_listen, must));
        }
        let source = SourceSettings {
            symbols: within("symbols", self.symbols, 500, 1, 100_000)?,
            rate: within("rate", self.rate, 2000.0, 0.001, 2e7)?,
            seed: self.seed.unwrap_or(1),
            popularity: self.popularity.unwrap_or_else(|| "zipf".into()),
            scenario: self.scenario.unwrap_or_else(|| "calm".into()),
            trades_only: self.trades_only.unwrap_or(false),
            replay: self.replay,
        };
        if self.lab == Some(true) {
            if source.replay.is_some() {
                return Err(wrong("lab", "true", "needs the simulation; leave --replay out"));
            }
            server.lab = Some(Rate::new(source.rate));
        }
        let history = self.history.map(|n| within("history", Some(n), 0, 0, HISTORY_MAX));
        let mib = within("history-memory", self.history_memory, 256, 1, 1 << 20)?;
        Ok(Config {
            server,
            source,
            history: history.transpose()?,
            history_bytes: mib << 20,
            log_format,
            drain: Duration::from_secs(within("drain-s", self.drain_s, 10, 0, 3600)?),
        })
    }
}

impl Config {
    /// What a market of `symbols` symbols keeps: half of the memory for events, the rest for bars.
    ///
    /// # Errors
    /// `--history` asks for more than `--history-memory` allows.
    pub fn retention(&self, symbols: usize) -> Result<Retention, ConfigError> {
        let most = self.history_bytes / 2 / EVENT_BYTES;
        let events = match self.history {
            None => most,
            Some(a_symbol) => {
                let wanted = a_symbol as usize * symbols;
                if wanted > most {
                    let mib = (wanted * EVENT_BYTES * 2).div_ceil(1 << 20);
                    let must = format!(
                        "that many for {symbols} symbols need --history-memory {mib} or more"
                    );
                    return Err(wrong("history", a_symbol, must));
                }
                wanted
            }
        };
        Ok(Retention { events, bar_bytes: self.history_bytes / 2 })
    }
}

fn within<T: PartialOrd + std::fmt::Display + Copy>(
    name: &'static str,
    given: Option<T>,
    default: T,
    least: T,
    most: T,
) -> Result<T, ConfigError> {
    let value = given.unwrap_or(default);
    // Written so that a NaN fails.
    if value >= least && value <= most {
        return Ok(value);
    }
    Err(wrong(name, value, format!("must be from {least} to {most}")))
}

fn wrong(
    name: &'static str,
    value: impl std::fmt::Display,
    must: impl Into<String>,
) -> ConfigError {
    ConfigError::Value { name, value: value.to_string(), must: must.into() }
}

/// How many files may be open; the soft limit is raised to the hard one first.
fn descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where that is not allowed the soft limit holds.
    let current =
        if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    current.unwrap_or(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str]) -> Result<Config, ConfigError> {
        let arguments = ["feed-server"].iter().chain(arguments);
        Given::try_parse_from(arguments).unwrap().with_file()?.check()
    }

    #[test]
    fn defaults_just_work() {
        let config = check(&[]).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.server.admin_listen.to_string(), "127.0.0.1:9080");
        assert_eq!(config.source.symbols, 500);
        assert!(config.retention(500).unwrap().events > 500_000);
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        for (arguments, name) in [
            (["--shards", "0"], "--shards 0"),
            (["--symbols", "100001"], "--symbols 100001"),
            (["--rate", "0"], "--rate 0"),
            (["--rate", "NaN"], "--rate NaN"),
            (["--coalesce-us", "1000001"], "--coalesce-us 1000001"),
            (["--log-format", "xml"], "--log-format xml"),
            (["--max-connections", "100000000"], "--max-connections 100000000"),
            (["--admin-listen", "127.0.0.1:8080"], "--admin-listen"),
        ] {
            let error = check(&arguments).unwrap_err().to_string();
            assert!(error.starts_with(name), "{arguments:?}: {error}");
        }
        let much = check(&["--history", "1000000"]).unwrap().retention(500).unwrap_err();
        assert!(much.to_string().contains("--history-memory"), "{much}");
    }

    #[test]
    fn a_file_fills_in_and_its_mistakes_are_named() {
        let folder = std::env::temp_dir().join(format!("tickcast-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("tickcast.toml");
        let path_text = path.to_str().unwrap();
        std::fs::write(&path, "symbols = 7\nrate = 10\ntrades-only = true\n").unwrap();
        let config = check(&["--config", path_text, "--symbols", "9"]).unwrap();
        assert_eq!((config.source.symbols, config.source.rate), (9, 10.0));
        assert!(config.source.trades_only);
        std::fs::write(&path, "symbols = 7\ntypo = 1\n").unwrap();
        let error = check(&["--config", path_text]).unwrap_err().to_string();
        assert!(error.contains("typo") && error.contains("line 2"), "{error}");
        let missing = check(&["--config", "/no/such/file"]).unwrap_err().to_string();
        assert!(missing.contains("/no/such/file"), "{missing}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
