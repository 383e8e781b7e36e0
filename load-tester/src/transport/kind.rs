//! Names of transports and what follows from them: `ws-json`, `ws-msgpack`, `sse`, `stream`, `long-poll`, `poll:1s`, the
//! HTTP ones also with `/h2` for HTTP/2 with prior knowledge. A value of a plan; opens nothing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::plan::{Format, read_duration};

/// How a client gets its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// WebSocket; each frame in this form.
    WebSocket(Format),
    /// `GET /v1/sse`.
    Sse,
    /// `GET /v1/stream`.
    Stream,
    /// `GET /v1/long-poll`, again and again.
    LongPoll,
    /// `GET /v1/poll` at an interval, on an open-loop schedule.
    Poll(Duration),
}

/// Version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1 with keep-alive.
    One,
    /// HTTP/2 with prior knowledge, a connection a client.
    Two,
}

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transport {
    /// How events come.
    pub kind: Kind,
    /// Over which HTTP; of no meaning to WebSocket, whose handshake is HTTP/1.1.
    pub http: HttpVersion,
}

/// A name that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "no transport `{name}`: {why}; there are ws-json, ws-msgpack, sse, stream, long-poll and poll:INTERVAL (poll:1s, poll:250ms), the last four also as sse/h2 … poll:1s/h2, and `all`"
)]
pub struct TransportError {
    /// As it was given.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
}

/// The shortest polling interval.
const POLL_MIN: Duration = Duration::from_millis(10);
/// The longest.
const POLL_MAX: Duration = Duration::from_secs(3600);

impl Transport {
    /// WebSocket with frames of this form.
    #[must_use]
    pub fn web_socket(format: Format) -> Self {
        Self { kind: Kind::WebSocket(format), http: HttpVersion::One }
    }

    /// The six that `all` stands for.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let one = |kind| Self { kind, http: HttpVersion::One };
        let every = Duration::from_secs(1);
        let web_socket = [Format::Json, Format::Msgpack].map(Kind::WebSocket);
        let http = [Kind::Sse, Kind::Stream, Kind::LongPoll, Kind::Poll(every)];
        web_socket.into_iter().chain(http).map(one).collect()
    }

    /// Form of its frames.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.kind {
            Kind::WebSocket(format) => format,
            _ => Format::Json,
        }
    }

    /// Interval of a polling transport.
    #[must_use]
    pub fn poll_every(&self) -> Option<Duration> {
        match self.kind {
            Kind::Poll(every) => Some(every),
            _ => None,
        }
    }

    /// `1.1` or `2`; `None` for WebSocket.
    #[must_use]
    pub fn http_name(&self) -> Option<&'static str> {
        match (self.kind, self.http) {
            (Kind::WebSocket(_), _) => None,
            (_, HttpVersion::One) => Some("1.1"),
            (_, HttpVersion::Two) => Some("2"),
        }
    }

    /// Last part of its path.
    #[must_use]
    pub fn endpoint(&self) -> &'static str {
        match self.kind {
            Kind::WebSocket(_) => "ws",
            Kind::Sse => "sse",
            Kind::Stream => "stream",
            Kind::LongPoll => "long-poll",
            Kind::Poll(_) => "poll",
        }
    }
}

impl FromStr for Transport {
    type Err = TransportError;

    fn from_str(name: &str) -> Result<Self, TransportError> {
        let wrong = |why: &str| TransportError { name: name.to_owned(), why: why.to_owned() };
        let (rest, http) = match name.strip_suffix("/h2") {
            Some(rest) => (rest, HttpVersion::Two),
            None => (name, HttpVersion::One),
        };
        let kind = match rest {
            "ws-json" => Kind::WebSocket(Format::Json),
            "ws-msgpack" => Kind::WebSocket(Format::Msgpack),
            "sse" => Kind::Sse,
            "stream" => Kind::Stream,
            "long-poll" => Kind::LongPoll,
            "poll" => return Err(wrong("it needs its interval, as in poll:1s")),
            _ => {
                let every = rest.strip_prefix("poll:").ok_or_else(|| wrong("unknown name"))?;
                let every = read_duration(every).map_err(|why| wrong(&why))?;
                if !(POLL_MIN..=POLL_MAX).contains(&every) {
                    return Err(wrong("the interval must be 10ms to 1h"));
                }
                Kind::Poll(every)
            }
        };
        if matches!((kind, http), (Kind::WebSocket(_), HttpVersion::Two)) {
            return Err(wrong("WebSocket is offered over HTTP/1.1 only"));
        }
        Ok(Self { kind, http })
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::WebSocket(Format::Json) => f.write_str("ws-json")?,
            Kind::WebSocket(Format::Msgpack) => f.write_str("ws-msgpack")?,
            Kind::Poll(every) if every.subsec_nanos() == 0 => {
                write!(f, "poll:{}s", every.as_secs())?;
            }
            Kind::Poll(every) => write!(f, "poll:{}ms", every.as_millis())?,
            _ => f.write_str(self.endpoint())?,
        }
        f.write_str(if self.http == HttpVersion::Two { "/h2" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let names =
            ["ws-json", "ws-msgpack", "sse", "stream", "long-poll", "poll:1s", "poll:250ms"];
        for name in names {
            assert_eq!(name.parse::<Transport>().unwrap().to_string(), name);
        }
        for name in ["sse/h2", "stream/h2", "long-poll/h2", "poll:1s/h2"] {
            let transport: Transport = name.parse().unwrap();
            assert_eq!((transport.to_string().as_str(), transport.http_name()), (name, Some("2")));
        }
        assert_eq!(Transport::all().len(), 6);
    }

    #[test]
    fn says_what_is_wrong_with_a_name() {
        for (name, why) in [
            ("poll", "needs its interval"),
            ("poll:", "is no time"),
            ("poll:0s", "10ms to 1h"),
            ("poll:1d", "is no time"),
            ("websocket", "unknown name"),
            ("ws-json/h2", "HTTP/1.1 only"),
            ("", "unknown name"),
        ] {
            let error = name.parse::<Transport>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("ws-msgpack"), "{error}");
        }
    }
}
