//! What one transport showed in its measured window. Counters are of the window unless they say "whole run"; times are
//! µs where the name ends in `_us`, seconds in `_s`, ms in `_ms`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Breach, BreachKind, GeneratorUse, Hist};

/// One transport with its clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Its name as it was asked for: `ws-json`, `sse/h2`, `poll:1s` …
    pub transport: String,
    /// `1.1` or `2`; `None` for WebSocket.
    pub http: Option<String>,
    /// Interval of a polling lane.
    pub poll_interval_ms: Option<u64>,
    /// Whether it ran to its end.
    pub complete: bool,
    /// Why not.
    pub incomplete_why: Option<String>,
    /// Clients asked for.
    pub clients: u32,
    /// Clients that were subscribed.
    pub connected: u32,
    /// Clients that never read.
    pub stuck: StuckClients,
    /// How long connecting took.
    pub connect_s: f64,
    /// Length of the measured window.
    pub window_s: f64,
    /// Its begin, µs since the Unix epoch.
    pub window_start_us: i64,
    /// Reception less `ts` of each event that came alone.
    pub latency: Hist,
    /// The same of merged records, from the last event in them; `None` if there was none.
    pub merged_latency: Option<Hist>,
    /// Of every event that came alone, and of every merged record from the *oldest* event in it (of a merged quote, whose
    /// oldest is not told, from the last): a stall shows in full, merged or not.
    pub all_latency: Hist,
    /// Age of information: at each instant, now less `ts` of the newest event received, for each sampled client, symbol
    /// and channel. Weighted by time: the count is µs of client and symbol.
    pub age: Hist,
    /// Staleness of a client's view: at each instant 0 if the client has all events that exist of what it subscribed to,
    /// else now less `ts` of the oldest that it has not got yet. Weighted by time: the count is µs of client.
    pub staleness: Hist,
    /// What was delivered, and what was not.
    pub events: Events,
    /// HTTP requests, handshakes of the window included.
    pub requests: u64,
    /// Answers by status.
    pub responses: BTreeMap<String, u64>,
    /// Answers without a message, 304 included.
    pub empty_responses: u64,
    /// Polls that were left out because the one before had not been answered in time.
    pub missed_slots: u64,
    /// Connections that the server had closed between two requests and that were made again.
    pub reconnects: u64,
    /// Bytes by layer.
    pub bytes: Bytes,
    /// What the server used meanwhile, if it was watched and had no other lane to serve.
    pub server_use: Option<ServerUse>,
    /// What the tester used meanwhile.
    pub generator: GeneratorUse,
    /// Breaches of the contract in the whole run, by kind.
    pub breaches: BTreeMap<BreachKind, u64>,
    /// The first few of them.
    pub first_breaches: Vec<Breach>,
    /// Messages of symbols that were new on the server, which were not checked.
    pub unchecked: u64,
    /// Announced gaps of the whole run, by cause.
    pub announced: BTreeMap<String, Announced>,
    /// Connections that could not be made, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Connections that ended before the run did, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Clients whose close at the end was not answered with its own code within a second.
    pub unanswered: u64,
    /// Greatest `behind_ms` of a heartbeat.
    pub behind_ms_max: u64,
    /// Second by second.
    pub intervals: Vec<Interval>,
}

/// Clients that subscribe and never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckClients {
    /// Asked for.
    pub asked: u32,
    /// There at the end.
    pub connected: u32,
}

/// Events by what became of them. Those of snapshots are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// That data messages stood for.
    pub delivered: u64,
    /// Messages of any type.
    pub messages: u64,
    /// Frames, lines, SSE events, or answers.
    pub frames: u64,
    /// Bars.
    pub bars: u64,
    /// Records that stand for more than one event.
    pub merged_records: u64,
    /// Events within them, less one each.
    pub merged_away: u64,
    /// Whole run: events that `gap` messages announced as missing.
    pub missed_announced: u64,
    /// Whole run: events that are missing without a word.
    pub missed_unannounced: u64,
    /// Whole run: numbers that came again.
    pub repeated: u64,
    /// Whole run: what came before its turn.
    pub out_of_order: u64,
}

/// Announced gaps of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// `gap` messages.
    pub gaps: u64,
    /// Events that they announce as missing.
    pub events: u64,
}

/// Bytes of one direction by layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBytes {
    /// Arrays of messages; upward: what WebSocket clients say.
    pub payload: u64,
    /// WebSocket headers and control frames; `data:`, `id:` and line ends; chunk headers; what a poll's answer has around
    /// its messages; HTTP/2 frame headers and control frames.
    pub framing: u64,
    /// Heads of HTTP requests or answers, as they were on the wire (HPACK on HTTP/2).
    pub http_headers: u64,
    /// Headers of TCP and IP; see [`Bytes::tcp_source`].
    pub tcp_ip: u64,
}

impl LayerBytes {
    /// What goes through the socket: everything but TCP and IP.
    #[must_use]
    pub fn above_tcp(&self) -> u64 {
        self.payload + self.framing + self.http_headers
    }

    /// All layers.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.above_tcp() + self.tcp_ip
    }
}

/// Where the figures for TCP and IP are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TcpSource {
    /// Nothing was counted.
    #[default]
    None,
    /// `TCP_INFO`'s segments out and in, 52 bytes each (IPv4 20, TCP 20, its timestamps 12), of a sample of
    /// connections, scaled to all.
    TcpInfoSampled,
}

/// Bytes in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// From the server.
    pub down: LayerBytes,
    /// To the server.
    pub up: LayerBytes,
    /// What was read from sockets; the layers above TCP must add up to it.
    pub wire_total_down: u64,
    /// What was written to sockets.
    pub wire_total_up: u64,
    /// Where `tcp_ip` is from.
    pub tcp_source: TcpSource,
}

/// What a watched server used in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    /// CPU time, user and system.
    pub cpu_s: f64,
    /// CPU time a delivered event, µs.
    pub cpu_us_per_event: Option<f64>,
    /// CPU time a delivered message, µs.
    pub cpu_us_per_message: Option<f64>,
    /// Resident memory before the lane's first client came, KiB.
    pub rss_kib_before: u64,
    /// Resident memory at the end of the window, KiB.
    pub rss_kib_after: u64,
    /// Growth from before the first client until all were subscribed and had settled, by client, KiB.
    pub rss_kib_per_client: Option<f64>,
}

/// One second of the window. Durations of age and staleness count in the second in which they ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its begin, seconds from the begin of the window.
    pub t_s: u32,
    /// As [`Lane::all_latency`]: HdrHistogram V2, deflated, base64.
    pub latency: String,
    /// Staleness, in the same form; empty in runs that were stored without it.
    #[serde(default)]
    pub staleness: String,
    /// Median of staleness; `None` where nothing ended.
    pub staleness_p50_us: Option<u64>,
    /// 99th percentile of staleness.
    pub staleness_p99_us: Option<u64>,
    /// Median of age.
    pub age_p50_us: Option<u64>,
    /// 99th percentile of age.
    pub age_p99_us: Option<u64>,
    /// Events delivered.
    pub events: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Bytes read from sockets.
    pub bytes_down: u64,
    /// Bytes written to sockets.
    pub bytes_up: u64,
    /// The server's CPU time, µs, if it was watched.
    pub server_cpu_us: Option<u64>,
}
