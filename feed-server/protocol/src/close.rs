//! Close codes and error codes, and what a client should make of them.

use serde::{Deserialize, Serialize};

/// Why a server closes a connection. The number goes into the Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// Done.
    Normal = 1000,
    /// Server going away.
    GoingAway = 1001,
    /// Broken frame.
    Protocol = 1002,
    /// Text on a MessagePack connection, or binary on a JSON one.
    WrongKind = 1003,
    /// Bad UTF-8.
    BadUtf8 = 1007,
    /// Against the rules of the server.
    Policy = 1008,
    /// Message too big.
    TooBig = 1009,
    /// A defect of the server.
    Internal = 1011,
    /// Restart; `bye.retry_ms` says when to come back.
    Restart = 1012,
    /// Overloaded.
    Overloaded = 1013,
    /// Do not come back without other credentials.
    Unauthorized = 4001,
    /// Do not come back.
    Forbidden = 4003,
    /// Too many requests.
    RateLimited = 4100,
    /// More than `limits.backlog_bytes` waited with `on_slow: close`.
    SlowConsumer = 4101,
    /// No pong in time.
    NoPong = 4102,
    /// Too many connections.
    TooManyConnections = 4103,
    /// The connection's lifetime is over; come back at once.
    LifetimeOver = 4200,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }
}

/// What a client does after a close code: the code ranges of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComeBack {
    /// 4000-4099.
    Never,
    /// 4100-4199, and the standard codes.
    AfterBackingOff,
    /// 4200-4299.
    AtOnce,
}

impl ComeBack {
    /// What `code` asks of a client.
    #[must_use]
    pub fn of(code: u16) -> Self {
        match code {
            4000..=4099 => Self::Never,
            4200..=4299 => Self::AtOnce,
            _ => Self::AfterBackingOff,
        }
    }
}

/// `code` of an `error` message, and of a refusal's problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// It could not be understood, or a number is out of range.
    BadRequest,
    /// `op` is none that there is.
    UnknownOp,
    /// A name that is no symbol.
    UnknownSymbol,
    /// A name that is no channel.
    UnknownChannel,
    /// More names than `limits.symbols` on this connection.
    TooManySymbols,
    /// Credentials are missing or wrong.
    Unauthorized,
    /// Not with these credentials.
    Forbidden,
    /// Too many requests.
    RateLimited,
    /// A defect of the server.
    Internal,
}

impl ErrorCode {
    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownOp => "unknown_op",
            Self::UnknownSymbol => "unknown_symbol",
            Self::UnknownChannel => "unknown_channel",
            Self::TooManySymbols => "too_many_symbols",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_say_whether_to_come_back() {
        assert_eq!(ComeBack::of(CloseCode::Forbidden.number()), ComeBack::Never);
        assert_eq!(ComeBack::of(CloseCode::SlowConsumer.number()), ComeBack::AfterBackingOff);
        assert_eq!(ComeBack::of(CloseCode::Restart.number()), ComeBack::AfterBackingOff);
        assert_eq!(ComeBack::of(CloseCode::LifetimeOver.number()), ComeBack::AtOnce);
    }

    #[test]
    fn the_word_is_what_serde_writes() {
        for code in [ErrorCode::BadRequest, ErrorCode::TooManySymbols, ErrorCode::RateLimited] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }
}
