//! What a run does, as values: who subscribes to what, how fast clients come, when measuring begins and ends.
//! Checked once, before anything is opened; the rest of the crate relies on it. Never touches the network.

use std::time::Duration;

use feed_protocol::Channel;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;
use thiserror::Error;

use crate::result::Order;
use crate::slo::Objective;
use crate::spawn::Spawn;
use crate::target::Target;
use crate::transport::{Kind, Transport};

/// The most clients a run may have; source addresses and memory would take more.
const CLIENTS_MAX: u32 = 1_000_000;
/// The shortest time to measure, or to wait for a connection.
const MEASURE_MIN: Duration = Duration::from_millis(100);
/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(600);
/// The longest time to measure.
const MEASURE_MAX: Duration = Duration::from_secs(24 * 3600);
/// The longest delay that is simulated: twice as far as by a satellite.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest interval that the contract allows, ms.
const INTERVAL_MS_MAX: u32 = 60_000;
/// So many connections' latencies are recorded unless told otherwise: enough for p99.9, and cheap.
const SAMPLED_CONNECTIONS: u32 = 1_000;

/// Above this part of its processors the tester's own queueing shows in latencies.
const GENERATOR_BUSY_MAX: f64 = 0.7;

/// Form of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text frames.
    Json,
    /// Binary frames.
    Msgpack,
}

impl Format {
    /// The subprotocol that stands for it.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "feed.v1.json",
            Self::Msgpack => "feed.v1.msgpack",
        }
    }
}

/// Which symbols a client subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// Each client draws its own.
    Draw {
        /// Number of symbols of one client.
        per_client: usize,
        /// Only from the first so many of the server's symbols.
        of: Option<usize>,
    },
    /// All clients take the same names.
    Named(Vec<String>),
    /// All clients take `*`.
    All,
}

/// How events are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each event.
    Every,
    /// At most one message a symbol and second every so many ms.
    Latest {
        /// 0 to 60000.
        interval_ms: u32,
    },
}

/// Everything a run needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// How clients get their events: a lane for each.
    pub transports: Vec<Transport>,
    /// How lanes follow on each other.
    pub order: Order,
    /// Clients of each lane that are measured.
    pub clients: u32,
    /// Further clients that subscribe and never read.
    pub stuck: u32,
    /// Receive buffer of each client's socket, bytes; 0 leaves it to the system.
    pub receive_buffer: u32,
    /// What each client subscribes to.
    pub symbols: Symbols,
    /// Channels of each symbol.
    pub channels: Vec<Channel>,
    /// How events are delivered.
    pub mode: Mode,
    /// Whether a snapshot is asked for.
    pub snapshot: bool,
    /// How long is measured.
    pub measure: Duration,
    /// How long the clients settle first, all of them being subscribed.
    pub warmup: Duration,
    /// How long a client may take to be connected and subscribed.
    pub connect_timeout: Duration,
    /// Clients started a second.
    pub connect_rate: u32,
    /// Threads that clients are spread over.
    pub threads: usize,
    /// What symbols are drawn with: the same seed, the same draw.
    pub seed: u64,
    /// Latency is recorded on one connection of so many; `None`: about a thousand connections.
    pub sample_every: Option<u32>,
    /// Whether polls say what they have (`If-None-Match`), so that nothing new is a 304.
    pub conditional: bool,
    /// Whether a polling interval begins with the answer to the poll before (closed loop) instead of being a schedule.
    pub poll_pause: bool,
    /// Simulated delay of the network, each way.
    pub delay: Duration,
    /// Further headers of every request.
    pub headers: HeaderMap,
    /// Process whose CPU time and memory are watched.
    pub server_pid: Option<u32>,
    /// The server's admin listener, for its own lateness and version.
    pub admin: Option<Target>,
    /// A server to start afresh for each lane, in place of `target`, `server_pid` and `admin`.
    pub spawn: Option<Spawn>,
    /// What is promised of the figures.
    pub objectives: Vec<Objective>,
    /// Part of its processors, used or waited for, above which the tester's own queueing spoils the figures, 0 to 1.
    pub busy_max: f64,
}

/// Why a plan was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// A number out of its range.
    #[error("{name} is {value}; it must be {range}")]
    Range {
        /// The option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        range: String,
    },
    /// An unknown channel.
    #[error(
        "no channel `{0}`: there are trades, quotes, status, bars:1s bars:5s bars:1m bars:5m bars:15m bars:1h bars:1d"
    )]
    Channel(String),
    /// Something that is a list and is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The same transport twice.
    #[error("--transport has {0} twice: a run has one lane for each")]
    Twice(Transport),
    /// An objective on a lane that there is not.
    #[error("--slo {expression}: no lane {lane} in this run; there are {lanes}")]
    NoLane {
        /// The objective.
        expression: String,
        /// Its lane.
        lane: String,
        /// Those of the plan.
        lanes: String,
    },
    /// An option that means nothing to a transport.
    #[error("--stuck is for WebSocket only: {0} has no connection that could be left unread")]
    Stuck(Transport),
}

impl Plan {
    /// One client on everything the server has, for ten seconds.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            transports: vec![Transport::web_socket(Format::Json)],
            order: Order::OneByOne,
            clients: 1,
            stuck: 0,
            receive_buffer: 65_536,
            symbols: Symbols::All,
            channels: vec![Channel::Events(feed_protocol::EventChannel::Trades)],
            mode: Mode::Every,
            snapshot: true,
            measure: Duration::from_secs(10),
            warmup: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(30),
            connect_rate: 2_000,
            threads: 1,
            seed: 1,
            sample_every: None,
            conditional: false,
            poll_pause: false,
            delay: Duration::ZERO,
            headers: HeaderMap::new(),
            server_pid: None,
            admin: None,
            spawn: None,
            objectives: Vec::new(),
            busy_max: GENERATOR_BUSY_MAX,
        }
    }

    /// The plan itself, if it can be carried out.
    ///
    /// # Errors
    /// The first number that is out of its range, or list that is empty.
    pub fn checked(self) -> Result<Self, PlanError> {
        in_range("--clients", self.clients, 1, CLIENTS_MAX)?;
        in_range("--stuck", self.stuck, 0, CLIENTS_MAX)?;
        in_range("--receive-buffer", self.receive_buffer, 0, 1 << 30)?;
        in_range("--threads", self.threads, 1, 1024)?;
        in_range("--connect-rate", self.connect_rate, 1, 1_000_000)?;
        in_range("--sample-every", self.sample_every.unwrap_or(1), 1, CLIENTS_MAX)?;
        in_range("--generator-max", self.busy_max * 100.0, 1.0, 100.0)?;
        seconds("--for", self.measure, MEASURE_MIN, MEASURE_MAX)?;
        seconds("--warmup", self.warmup, Duration::ZERO, MEASURE_MAX)?;
        seconds("--connect-timeout", self.connect_timeout, MEASURE_MIN, CONNECT_MAX)?;
        seconds("--delay", self.delay, Duration::ZERO, DELAY_MAX)?;
        if let Mode::Latest { interval_ms } = self.mode {
            in_range("--interval-ms", interval_ms, 0, INTERVAL_MS_MAX)?;
        }
        match &self.symbols {
            Symbols::Draw { per_client, of } => {
                in_range("--symbols-per-client", *per_client, 1, 1_000_000)?;
                in_range("--symbols-of", of.unwrap_or(*per_client), *per_client, usize::MAX)?;
            }
            Symbols::Named(names) if names.is_empty() => return Err(PlanError::Empty("--symbols")),
            Symbols::Named(_) | Symbols::All => {}
        }
        if self.channels.is_empty() {
            return Err(PlanError::Empty("--channels"));
        }
        self.check_lanes()?;
        Ok(self)
    }

    fn check_lanes(&self) -> Result<(), PlanError> {
        if self.transports.is_empty() {
            return Err(PlanError::Empty("--transport"));
        }
        for (place, transport) in self.transports.iter().enumerate() {
            if self.transports[..place].contains(transport) {
                return Err(PlanError::Twice(*transport));
            }
            if self.stuck > 0 && !matches!(transport.kind, Kind::WebSocket(_)) {
                return Err(PlanError::Stuck(*transport));
            }
        }
        let names: Vec<_> = self.transports.iter().map(ToString::to_string).collect();
        let stray = |objective: &&Objective| {
            objective.lane.as_ref().is_some_and(|lane| !names.contains(lane))
        };
        match self.objectives.iter().find(stray) {
            None => Ok(()),
            Some(objective) => Err(PlanError::NoLane {
                expression: objective.expression.clone(),
                lane: objective.lane.clone().unwrap_or_default(),
                lanes: names.join(", "),
            }),
        }
    }

    /// Lanes that run at the same time.
    #[must_use]
    pub fn lanes_at_once(&self) -> u32 {
        match self.order {
            Order::OneByOne => 1,
            Order::Together => u32::try_from(self.transports.len()).unwrap_or(u32::MAX),
        }
    }

    /// Latency is recorded on one connection of so many.
    #[must_use]
    pub fn sampling(&self) -> u32 {
        self.sample_every.unwrap_or_else(|| (self.clients / SAMPLED_CONNECTIONS).max(1))
    }

    /// The settings that make two runs comparable or not, as they are stored with a result.
    #[must_use]
    pub fn settings(&self) -> serde_json::Value {
        let (per_client, of, names) = match &self.symbols {
            Symbols::Draw { per_client, of } => (json!(per_client), json!(of), json!(null)),
            Symbols::Named(names) => (json!(names.len()), json!(null), json!(names)),
            Symbols::All => (json!(null), json!(null), json!("*")),
        };
        let channels: Vec<_> = self.channels.iter().map(|channel| channel.as_str()).collect();
        let (mode, interval_ms) = match self.mode {
            Mode::Every => ("every", None),
            Mode::Latest { interval_ms } => ("latest", Some(interval_ms)),
        };
        let transports: Vec<_> = self.transports.iter().map(ToString::to_string).collect();
        let url = if self.spawn.is_some() { None } else { Some(&self.target.url) };
        json!({
            "transports": transports, "order": self.order, "url": url,
            "spawn": self.spawn.as_ref().map(|spawn| &spawn.command), "conditional": self.conditional,
            "clients": self.clients, "stuck": self.stuck, "receive_buffer": self.receive_buffer,
            "symbols_per_client": per_client, "symbols_of": of, "symbols": names,
            "channels": channels, "mode": mode, "interval_ms": interval_ms,
            "snapshot": self.snapshot, "seed": self.seed, "threads": self.threads,
            "measure_s": self.measure.as_secs_f64(), "warmup_s": self.warmup.as_secs_f64(),
            "connect_rate": self.connect_rate, "sample_every": self.sampling(),
            "generator_max": self.busy_max,
            "delay_ms": self.delay.as_secs_f64() * 1e3, "poll_pause": self.poll_pause,
            "headers": self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
        })
    }
}

/// The channels of a comma list.
///
/// # Errors
/// A name that is none.
pub fn channels(list: &str) -> Result<Vec<Channel>, PlanError> {
    let mut channels = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let channel =
            Channel::from_wire(name).ok_or_else(|| PlanError::Channel(name.to_owned()))?;
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    Ok(channels)
}

/// `Name: value`.
///
/// # Errors
/// Anything else, in words.
pub fn read_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("`{text}` is no header: give one like 'Accept-Language: en'");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().parse().map_err(|_| wrong())?;
    Ok((name, value.trim().parse().map_err(|_| wrong())?))
}

/// `30s`, `500ms`, `5m`, `1h`; a bare number is seconds.
///
/// # Errors
/// Anything else, in words.
pub fn read_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: give one like 30s, 500ms, 5m or 1h");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let amount: f64 = digits.parse().map_err(|_| wrong())?;
    let unit_s = match &text[digits.len()..] {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(amount * unit_s).map_err(|_| wrong())
}

fn seconds(
    name: &'static str,
    value: Duration,
    min: Duration,
    max: Duration,
) -> Result<(), PlanError> {
    let [value, min, max] = [value, min, max].map(|time| time.as_secs_f64());
    in_range(name, value, min, max).map_err(|error| match error {
        PlanError::Range { name, value, range } => {
            PlanError::Range { name, value: format!("{value} s"), range: format!("{range} s") }
        }
        other => other,
    })
}

fn in_range<T: Copy + PartialOrd + std::fmt::Display>(
    name: &'static str,
    value: T,
    min: T,
    max: T,
) -> Result<(), PlanError> {
    if value >= min && value <= max {
        return Ok(());
    }
    let (value, range) = (value.to_string(), format!("{min} to {max}"));
    Err(PlanError::Range { name, value, range })
}

#[cfg(test)]
mod tests;
