//! Query parameters: the same names with the same meaning on every data path. Checked whole before anything is done;
//! unknown ones are ignored.

use feed_protocol::{
    Cursor, ErrorCode, Format, HEARTBEAT_MS_DEFAULT, Mode, OnSlow, Rejection, Subscribe,
    heartbeat_ms, parse_channels, parse_cursor, parse_interval_ms, parse_mode, parse_symbols,
    trades_only,
};
use percent_encoding::percent_decode_str;

/// Pairs of a query string, decoded.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Splits and decodes.
    ///
    /// # Errors
    /// Text that is not UTF-8 once it is decoded.
    pub fn parse(query: Option<&str>) -> Result<Self, Rejection> {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(Into::into).map_err(|_| {
                Rejection::new(ErrorCode::BadRequest, "the query is not UTF-8 once it is decoded")
            })
        };
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(key)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value of a parameter; the last one, if it is given several times.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A whole number in a range.
    ///
    /// # Errors
    /// Anything else.
    pub fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<T>,
    ) -> Result<Option<T>, Rejection> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            let (start, end) = range.into_inner();
            bad(format!("`{key}` is a whole number from {start} to {end}, not `{}`", short(text)))
        })
    }

    /// The items of a list. Given several times it is one list: no symbol is left out in silence.
    fn list(&self, key: &str) -> Option<impl Iterator<Item = &str>> {
        self.get(key)?;
        let lists = self.0.iter().filter(move |(k, _)| k == key).map(|(_, value)| value);
        Some(lists.flat_map(|list| list.split(',')).filter(|item| !item.is_empty()))
    }
}

/// What a query asks of a data path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataQuery {
    /// The subscription, if there are `symbols`.
    pub subscribe: Option<Subscribe>,
    /// Heartbeat period, 0 for none.
    pub heartbeat_ms: u32,
    /// Format without a subprotocol.
    pub format: Format,
}

impl DataQuery {
    /// Reads the parameters of a data path.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn parse(query: &Query) -> Result<Self, Rejection> {
        let format = match query.get("format") {
            None | Some("json") => Format::Json,
            Some("msgpack") => Format::Msgpack,
            Some(other) => {
                return Err(bad(format!("`format` is json or msgpack, not `{}`", short(other))));
            }
        };
        let channels = match query.list("channels") {
            None => trades_only(),
            Some(names) => parse_channels(names)?,
        };
        let mode = query.get("mode").map_or(Ok(Mode::Every), parse_mode)?;
        let interval_ms = query.get("interval_ms").map_or(Ok(0), parse_interval_ms)?;
        let since = query.get("since").map(parse_cursor).transpose()?;
        let snapshot = flag(query, "snapshot", true)?;
        let on_slow = match query.get("on_slow") {
            None | Some("merge") => OnSlow::Merge,
            Some("close") => OnSlow::Close,
            Some(other) => {
                return Err(bad(format!("`on_slow` is merge or close, not `{}`", short(other))));
            }
        };
        let symbols = query.list("symbols").map(parse_symbols).transpose()?;
        let subscribe = symbols.map(|symbols| Subscribe {
            symbols,
            channels,
            mode,
            interval_ms,
            since,
            on_slow,
            snapshot,
        });
        let heartbeat_ms =
            query.get("heartbeat_ms").map_or(Ok(HEARTBEAT_MS_DEFAULT), heartbeat_ms)?;
        Ok(Self { subscribe, heartbeat_ms, format })
    }

    /// The same for a path that speaks JSON alone.
    ///
    /// # Errors
    /// It asks for another format.
    pub fn json_only(self) -> Result<Self, Rejection> {
        match self.format {
            Format::Json => Ok(self),
            Format::Msgpack => Err(bad("`format=msgpack` is for /v1/ws; this path speaks JSON")),
        }
    }

    /// The subscription of a path that needs one.
    ///
    /// # Errors
    /// There are no `symbols`.
    pub fn needed(self) -> Result<Subscribe, Rejection> {
        self.subscribe.ok_or_else(|| {
            bad("`symbols` is missing: name symbols, or `*` for all, as in ?symbols=AAPL,MSFT")
        })
    }
}

fn flag(query: &Query, key: &str, default: bool) -> Result<bool, Rejection> {
    match query.get(key) {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(bad(format!("`{key}` is true or false, not `{}`", short(other)))),
    }
}

/// A refusal of a query.
pub fn bad(message: impl Into<String>) -> Rejection {
    Rejection::new(ErrorCode::BadRequest, message)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A cursor as an entity tag.
#[must_use]
pub fn etag(cursor: &Cursor) -> String {
    format!("\"{cursor}\"")
}

/// The cursor in an entity tag, if it is one of ours.
#[must_use]
pub fn cursor_of_etag(etag: &str) -> Option<Cursor> {
    let etag = etag.trim();
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
    etag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DataQuery, Rejection> {
        DataQuery::parse(&Query::parse(Some(text))?)
    }

    #[test]
    fn reads_what_the_contract_lists() {
        let query = parse(
            "symbols=AAPL,BTC*&channels=trades,bars:1m&mode=latest&interval_ms=250&since=9f2c%3A7\
             &snapshot=false&heartbeat_ms=0&format=msgpack&unknown=1",
        )
        .unwrap();
        assert_eq!((query.heartbeat_ms, query.format), (0, Format::Msgpack));
        let subscribe = query.needed().unwrap();
        assert_eq!(subscribe.symbols, ["AAPL", "BTC*"]);
        assert_eq!((subscribe.mode, subscribe.interval_ms), (Mode::Latest, 250));
        assert_eq!(subscribe.since.unwrap().to_string(), "9f2c:7");
        assert!(!subscribe.snapshot);
    }

    #[test]
    fn refuses_what_is_out_of_range_instead_of_clamping() {
        for bad in [
            "symbols=",
            "symbols=A%20B",
            "symbols=A&channels=",
            "symbols=A&channels=tardes",
            "symbols=A&mode=all",
            "symbols=A&interval_ms=60001",
            "symbols=A&interval_ms=-1",
            "symbols=A&since=nonsense",
            "symbols=A&since=",
            "symbols=A&snapshot=maybe",
            "heartbeat_ms=100",
            "format=xml",
            "symbols=%ff",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("").unwrap().needed().is_err());
    }

    #[test]
    fn entity_tags_are_cursors() {
        let cursor: Cursor = "9f2c:7".parse().unwrap();
        assert_eq!(cursor_of_etag(&etag(&cursor)), Some(cursor.clone()));
        assert_eq!(cursor_of_etag("W/\"9f2c:7\""), Some(cursor));
        assert_eq!(cursor_of_etag("*"), None);
    }
}
