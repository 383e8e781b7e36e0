//! What a server says: control messages (written by serde, maps in both formats) and, as a client decodes them,
//! data messages. Servers write data messages by hand: see `json` and `msgpack`.

use serde::{Deserialize, Serialize};

use crate::{
    Aggressor, Bar, Cursor, ErrorCode, Event, Interval, MergedQuote, MergedTrades, Price,
    TradingStatus,
};

/// How messages are written on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// JSON in text frames.
    Json,
    /// MessagePack in binary frames.
    Msgpack,
}

impl Format {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Json, Self::Msgpack];

    /// Its WebSocket subprotocol.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "feed.v1.json",
            Self::Msgpack => "feed.v1.msgpack",
        }
    }

    /// Its name in the query `format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Msgpack => "msgpack",
        }
    }
}

/// What a client put into `id`: echoed as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A whole number.
    Integer(i64),
    /// A whole number beyond `i64`.
    Unsigned(u64),
    /// At most 64 characters.
    Text(String),
}

/// Which events of a subscription are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Each event, in order.
    #[default]
    Every,
    /// At most one message a symbol and second every `interval_ms`.
    Latest,
}

/// What happens to a connection that does not keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSlow {
    /// It gets merged events until it has caught up.
    #[default]
    Merge,
    /// Unmerged up to `limits.backlog_bytes`, beyond it closed with 4101.
    Close,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// Older than what the server keeps.
    History,
    /// The connection was behind by more seconds than are kept for it.
    Slow,
    /// The server fell behind its source, and its history no longer had what it missed.
    Overflow,
}

/// Bounds that a server told in `welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Names subscribed to on one connection; a pattern counts as one.
    pub symbols: u32,
    /// Largest message a client may send, bytes.
    pub message_bytes: u32,
    /// Requests a second.
    pub messages_per_s: u32,
    /// What may wait for a connection with `on_slow: close`, bytes.
    pub backlog_bytes: u32,
}

/// `[id, name, places]`.
pub type TableRow = (u32, String, u8);

/// One subscription, in the answer to `list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionInfo {
    /// Names and patterns as they were asked for.
    pub symbols: Vec<String>,
    /// Channels.
    pub channels: Vec<String>,
    /// `every` or `latest`.
    pub mode: Mode,
    /// For `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
}

/// A message that is a map in both formats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "T")]
#[allow(missing_docs, reason = "field names and meanings are those of PROTOCOL.md")]
pub enum Control {
    #[serde(rename = "welcome")]
    Welcome { epoch: String, offset: u64, heartbeat_ms: u32, limits: Limits },
    #[serde(rename = "subscribed")]
    Subscribed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        symbols: Vec<String>,
        channels: Vec<String>,
        mode: Mode,
        cursor: Cursor,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovered: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<Vec<TableRow>>,
    },
    #[serde(rename = "unsubscribed")]
    Unsubscribed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        symbols: Vec<String>,
        channels: Vec<String>,
    },
    #[serde(rename = "subscriptions")]
    Subscriptions {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        subscriptions: Vec<SubscriptionInfo>,
    },
    #[serde(rename = "symbols")]
    Symbols { table: Vec<TableRow> },
    #[serde(rename = "gap")]
    Gap {
        #[serde(rename = "S")]
        symbol: String,
        ch: String,
        from: u64,
        to: u64,
        why: GapReason,
    },
    #[serde(rename = "heartbeat")]
    Heartbeat { ts: i64, o: u64, sent: u64, behind_ms: u64, merged: u64, source_age_ms: u64 },
    #[serde(rename = "error")]
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        code: ErrorCode,
        msg: String,
    },
    #[serde(rename = "pong")]
    Pong {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        ts: i64,
    },
    #[serde(rename = "authenticated")]
    Authenticated {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<i64>,
    },
    #[serde(rename = "bye")]
    Bye { code: u16, retry_ms: u64, cursor: Cursor },
}

impl Control {
    /// Appends the message in `format`.
    pub fn write(&self, format: Format, out: &mut Vec<u8>) {
        match format {
            Format::Json => serde_json::to_writer(out, self).expect("control messages are plain"),
            Format::Msgpack => {
                rmp_serde::encode::write_named(out, self).expect("control messages are plain");
            }
        }
    }
}

/// What leaves for a symbol on a channel of events: one event, or what several were merged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// An event of its own.
    Event(Event),
    /// Several trades.
    Trades(MergedTrades),
    /// Several quotes.
    Quote(MergedQuote),
}

/// A data message as a client reads it: names resolved, prices exact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "field names and meanings are those of PROTOCOL.md")]
pub enum Data {
    Trade {
        n: u64,
        o: u64,
        ts: i64,
        p: Price,
        v: u64,
        d: Aggressor,
        snap: bool,
    },
    Quote {
        /// Set on a merged quote.
        n0: Option<u64>,
        n: u64,
        o: u64,
        ts: i64,
        b: Price,
        bid_size: u64,
        a: Price,
        ask_size: u64,
        snap: bool,
    },
    Merged {
        n0: u64,
        n: u64,
        o: u64,
        ts0: i64,
        ts: i64,
        open: Price,
        high: Price,
        low: Price,
        p: Price,
        v: u64,
        c: u64,
    },
    Bar {
        interval: Interval,
        places: u8,
        bar: Bar,
        is_final: bool,
    },
    Status {
        n: u64,
        o: u64,
        ts: i64,
        st: TradingStatus,
        snap: bool,
    },
}

/// Anything a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// A map in both formats.
    Control(Control),
    /// A data message and its symbol's name.
    Data(String, Data),
}
