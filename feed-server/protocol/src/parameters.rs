//! Parameters of a subscription, one by one: a request over a socket and a query string have the same, and refuse the same.

use std::ops::RangeInclusive;

use crate::{Channel, ChannelSet, Cursor, ErrorCode, EventChannel, Mode, Rejection, is_name};

/// Largest `interval_ms`.
pub const INTERVAL_MS_MAX: u32 = 60_000;
/// Possible `heartbeat_ms`, beside 0 for none.
pub const HEARTBEAT_MS: RangeInclusive<u32> = 250..=60_000;
/// `heartbeat_ms` unless told otherwise.
pub const HEARTBEAT_MS_DEFAULT: u32 = 5_000;
/// How many bad names an error message lists.
const NAMED_MAX: usize = 10;

/// Checks names and patterns for their form and drops repetitions.
///
/// # Errors
/// No name at all, or names that can be neither a symbol nor a pattern: all of them are named.
pub fn parse_symbols<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Rejection> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for name in names {
        let stem = name.strip_suffix('*').unwrap_or(name);
        if name != "*" && !is_name(stem) {
            bad.push(shortened(name));
        } else if seen.insert(name) {
            good.push(name.to_owned());
        }
    }
    if !bad.is_empty() {
        return Err(unknown_symbols(&bad));
    }
    if good.is_empty() {
        return Err(Rejection::bad(
            "`symbols` is missing or empty; name symbols, or `*` for all, or a prefix such as `BTC*`",
        ));
    }
    Ok(good)
}

/// The refusal of names that are no symbols.
#[must_use]
pub fn unknown_symbols<S: AsRef<str>>(names: &[S]) -> Rejection {
    let listed: Vec<_> = names.iter().take(NAMED_MAX).map(AsRef::as_ref).collect();
    let more = match names.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Rejection::new(
        ErrorCode::UnknownSymbol,
        format!("no symbol {}{more}; GET /v1/symbols lists them", listed.join(", ")),
    )
}

/// Reads channel names.
///
/// # Errors
/// None at all, or one that does not exist.
pub fn parse_channels<'a>(names: impl Iterator<Item = &'a str>) -> Result<ChannelSet, Rejection> {
    let channels = names
        .map(|name| {
            Channel::from_wire(name).ok_or_else(|| {
                Rejection::new(
                    ErrorCode::UnknownChannel,
                    format!(
                        "no channel {}; there are trades, quotes, status and bars:1s 5s 1m 5m 15m 1h 1d",
                        shortened(name)
                    ),
                )
            })
        })
        .collect::<Result<ChannelSet, _>>()?;
    if channels.is_empty() {
        return Err(Rejection::bad("`channels` is empty; leave it out for trades"));
    }
    Ok(channels)
}

/// Reads `mode`.
///
/// # Errors
/// Neither `every` nor `latest`.
pub fn parse_mode(word: &str) -> Result<Mode, Rejection> {
    match word {
        "every" => Ok(Mode::Every),
        "latest" => Ok(Mode::Latest),
        other => Err(Rejection::bad(format!(
            "`mode` is `every` or `latest`, not `{}`",
            shortened(other)
        ))),
    }
}

/// Reads `interval_ms` from a query.
///
/// # Errors
/// Not a whole number of 0 to [`INTERVAL_MS_MAX`].
pub fn parse_interval_ms(text: &str) -> Result<u32, Rejection> {
    interval_in_range(text.parse().ok())
}

/// Reads `heartbeat_ms` from a query: 0 for none, or one of [`HEARTBEAT_MS`].
///
/// # Errors
/// Anything else.
pub fn heartbeat_ms(text: &str) -> Result<u32, Rejection> {
    text.parse().ok().filter(|ms| *ms == 0 || HEARTBEAT_MS.contains(ms)).ok_or_else(|| {
        Rejection::bad(format!(
            "`heartbeat_ms` is 0 for none, or {} to {}, not `{}`",
            HEARTBEAT_MS.start(),
            HEARTBEAT_MS.end(),
            shortened(text)
        ))
    })
}

/// Reads a cursor.
///
/// # Errors
/// Text that is none.
pub fn parse_cursor(text: &str) -> Result<Cursor, Rejection> {
    text.parse().map_err(|error: crate::CursorError| Rejection::bad(format!("`since`: {error}")))
}

/// The channels of a subscription that names none.
#[must_use]
pub fn trades_only() -> ChannelSet {
    [Channel::Events(EventChannel::Trades)].into_iter().collect()
}

pub(crate) fn interval_in_range(ms: Option<u64>) -> Result<u32, Rejection> {
    ms.and_then(|ms| u32::try_from(ms).ok())
        .filter(|ms| *ms <= INTERVAL_MS_MAX)
        .ok_or_else(|| Rejection::bad(format!("`interval_ms` is 0 to {INTERVAL_MS_MAX}")))
}

pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_none_or_in_range() {
        assert_eq!(heartbeat_ms("0"), Ok(0));
        assert_eq!(heartbeat_ms("250"), Ok(250));
        for bad in ["249", "60001", "-1", "x", ""] {
            assert!(heartbeat_ms(bad).is_err(), "{bad}");
        }
    }
}
