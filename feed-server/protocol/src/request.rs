//! What a client asks for over a socket. Everything is checked here that needs no knowledge of symbols; a wrong request is refused whole, with the `id` it bore.

use serde_json::{Map, Value};

use crate::parameters::{interval_in_range, shortened};
use crate::{
    ChannelSet, Cursor, ErrorCode, Format, Mode, OnSlow, RequestId, parse_channels, parse_cursor,
    parse_mode, parse_symbols, trades_only,
};

/// Longest `id` in characters.
const ID_CHARS_MAX: usize = 64;
/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Echoed in the answer.
    pub id: Option<RequestId>,
    /// What is wanted.
    pub op: Op,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Send these.
    Subscribe(Subscribe),
    /// Send these no longer.
    Unsubscribe(Unsubscribe),
    /// What is subscribed to?
    List,
    /// Are you there?
    Ping,
    /// Credentials.
    Auth {
        /// As the client gave it.
        token: String,
    },
}

/// Parameters of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Names and patterns (`*`, `BTC*`), each well-formed, none twice, at least one.
    pub symbols: Vec<String>,
    /// At least one.
    pub channels: ChannelSet,
    /// `every` unless told otherwise.
    pub mode: Mode,
    /// For `latest`: 0 to [`INTERVAL_MS_MAX`](crate::INTERVAL_MS_MAX).
    pub interval_ms: u32,
    /// Continue after this.
    pub since: Option<Cursor>,
    /// `merge` unless told otherwise.
    pub on_slow: OnSlow,
    /// Whether the latest event of each symbol comes first; `true` unless told otherwise.
    pub snapshot: bool,
}

/// Parameters of an unsubscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// As in [`Subscribe`].
    pub symbols: Vec<String>,
    /// All channels, unless told otherwise.
    pub channels: ChannelSet,
}

/// A request that was refused; becomes an `error` message or a problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The request's, if it could be read.
    pub id: Option<RequestId>,
    /// From the contract's list.
    pub code: ErrorCode,
    /// What was wrong and what to do.
    pub message: String,
}

impl Rejection {
    /// A refusal without an `id`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { id: None, code, message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }
}

/// Reads one client message.
///
/// # Errors
/// What is wrong with it, as the client is to be told.
pub fn parse_request(format: Format, message: &[u8]) -> Result<Request, Rejection> {
    let object = parse_object(format, message)?;
    let id = match object.get("id") {
        None | Some(Value::Null) => None,
        Some(id) => Some(parse_id(id)?),
    };
    match parse_op(&object) {
        Ok(op) => Ok(Request { id, op }),
        Err(rejection) => Err(Rejection { id, ..rejection }),
    }
}

fn parse_object(format: Format, message: &[u8]) -> Result<Map<String, Value>, Rejection> {
    let value = match format {
        Format::Json => serde_json::from_slice(message)
            .map_err(|error| Rejection::bad(format!("not JSON: {error}")))?,
        Format::Msgpack => {
            let mut rest = message;
            let value =
                serde::Deserialize::deserialize(&mut rmp_serde::Deserializer::new(&mut rest))
                    .map_err(|error| Rejection::bad(format!("not MessagePack: {error}")))?;
            if !rest.is_empty() {
                let count = rest.len();
                return Err(Rejection::bad(format!(
                    "{count} bytes after the MessagePack map; send one map a message"
                )));
            }
            value
        }
    };
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Rejection::bad(format!(
            "expected one object such as {{\"op\":\"subscribe\",\"symbols\":[\"AAPL\"]}}, got {}",
            kind(&other)
        ))),
    }
}

fn parse_id(id: &Value) -> Result<RequestId, Rejection> {
    match id {
        Value::Number(number) => number
            .as_i64()
            .map(RequestId::Integer)
            .or_else(|| number.as_u64().map(RequestId::Unsigned))
            .ok_or_else(|| Rejection::bad("`id` must be a whole number or a string")),
        Value::String(text) if text.chars().count() <= ID_CHARS_MAX => {
            Ok(RequestId::Text(text.clone()))
        }
        Value::String(_) => {
            Err(Rejection::bad(format!("`id` is longer than {ID_CHARS_MAX} characters")))
        }
        other => Err(Rejection::bad(format!(
            "`id` must be a whole number or a string, not {}",
            kind(other)
        ))),
    }
}

fn parse_op(object: &Map<String, Value>) -> Result<Op, Rejection> {
    let op = match object.get("op") {
        Some(Value::String(op)) => op.as_str(),
        Some(other) => {
            return Err(Rejection::bad(format!("`op` must be a string, not {}", kind(other))));
        }
        None => return Err(Rejection::bad("`op` is missing; it says what is wanted")),
    };
    match op {
        "subscribe" => subscribe(object).map(Op::Subscribe),
        "unsubscribe" => Ok(Op::Unsubscribe(Unsubscribe {
            symbols: symbols(object)?,
            channels: channels(object)?.unwrap_or(ChannelSet::ALL),
        })),
        "list" => Ok(Op::List),
        "ping" => Ok(Op::Ping),
        "auth" => match object.get("token") {
            Some(Value::String(token)) => Ok(Op::Auth { token: token.clone() }),
            _ => Err(Rejection::bad("`auth` needs a `token`, a string")),
        },
        other => Err(Rejection::new(
            ErrorCode::UnknownOp,
            format!(
                "no op {}; there are subscribe, unsubscribe, list, ping, auth",
                shortened(other)
            ),
        )),
    }
}

fn subscribe(object: &Map<String, Value>) -> Result<Subscribe, Rejection> {
    let mode = match text(object, "mode")? {
        None => Mode::Every,
        Some(word) => parse_mode(word)?,
    };
    let on_slow = match text(object, "on_slow")? {
        None | Some("merge") => OnSlow::Merge,
        Some("close") => OnSlow::Close,
        Some(other) => {
            return Err(Rejection::bad(format!(
                "`on_slow` is `merge` or `close`, not `{}`",
                shortened(other)
            )));
        }
    };
    let interval_ms = match given(object, "interval_ms") {
        None => 0,
        Some(Value::Number(number)) => interval_in_range(number.as_u64())?,
        Some(other) => return Err(not_a("interval_ms", "a whole number", other)),
    };
    let snapshot = match given(object, "snapshot") {
        None => true,
        Some(Value::Bool(snapshot)) => *snapshot,
        Some(other) => return Err(not_a("snapshot", "true or false", other)),
    };
    let since = text(object, "since")?.map(parse_cursor).transpose()?;
    Ok(Subscribe {
        symbols: symbols(object)?,
        channels: channels(object)?.unwrap_or_else(trades_only),
        mode,
        interval_ms,
        since,
        on_slow,
        snapshot,
    })
}

fn symbols(object: &Map<String, Value>) -> Result<Vec<String>, Rejection> {
    parse_symbols(strings(object, "symbols")?.unwrap_or_default().into_iter())
}

fn channels(object: &Map<String, Value>) -> Result<Option<ChannelSet>, Rejection> {
    strings(object, "channels")?.map(|names| parse_channels(names.into_iter())).transpose()
}

fn given<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Rejection> {
    match given(object, key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(not_a(key, "a string", other)),
    }
}

fn strings<'a>(
    object: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<Vec<&'a str>>, Rejection> {
    let list = match given(object, key) {
        None => return Ok(None),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(not_a(key, "a list of strings", other)),
    };
    list.iter()
        .map(|item| item.as_str().ok_or_else(|| not_a(key, "a list of strings", item)))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn not_a(key: &str, wanted: &str, got: &Value) -> Rejection {
    Rejection::bad(format!("`{key}` must be {wanted}, not {}", kind(got)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Request, Rejection> {
        parse_request(Format::Json, text.as_bytes())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let request = json(r#"{"op":"subscribe","id":1,"symbols":["AAPL"],"extra":[1]}"#).unwrap();
        assert_eq!(request.id, Some(RequestId::Integer(1)));
        let Op::Subscribe(subscribe) = request.op else { panic!("a subscribe") };
        assert_eq!(subscribe.channels, trades_only());
        assert_eq!((subscribe.mode, subscribe.interval_ms), (Mode::Every, 0));
        assert_eq!((subscribe.on_slow, subscribe.snapshot), (OnSlow::Merge, true));
        let Op::Unsubscribe(all) = json(r#"{"op":"unsubscribe","symbols":["A*"]}"#).unwrap().op
        else {
            panic!("an unsubscribe")
        };
        assert_eq!(all.channels, ChannelSet::ALL);
    }

    #[test]
    fn both_formats_say_the_same() {
        let text = r#"{"op":"subscribe","id":"x","symbols":["*"],"channels":["trades","bars:1m"],
            "mode":"latest","interval_ms":250,"since":"9f2c:7","on_slow":"close","snapshot":false}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let packed = rmp_serde::to_vec_named(&value).unwrap();
        assert_eq!(json(text).unwrap(), parse_request(Format::Msgpack, &packed).unwrap());
    }

    #[test]
    fn a_refusal_names_what_is_wrong_and_echoes_the_id() {
        for (text, code, says) in [
            (r#"{"op":"subscribe","id":7}"#, ErrorCode::BadRequest, "`symbols`"),
            (r#"{"op":"subscribe","id":7,"symbols":[]}"#, ErrorCode::BadRequest, "empty"),
            (r#"{"op":"subscribe","id":7,"symbols":"AAPL"}"#, ErrorCode::BadRequest, "a string"),
            (r#"{"op":"subscribe","id":7,"symbols":[1]}"#, ErrorCode::BadRequest, "a number"),
            (r#"{"op":"subscribe","id":7,"symbols":["A B"]}"#, ErrorCode::UnknownSymbol, "A B"),
            (r#"{"op":"subscribe","id":7,"symbols":["A*B"]}"#, ErrorCode::UnknownSymbol, "A*B"),
            (r#"{"op":"sing","id":7}"#, ErrorCode::UnknownOp, "sing"),
            (r#"{"id":7}"#, ErrorCode::BadRequest, "`op`"),
            (r#"{"op":5,"id":7}"#, ErrorCode::BadRequest, "`op`"),
            (
                r#"{"op":"subscribe","id":7,"symbols":["A"],"channels":["bars:2m"]}"#,
                ErrorCode::UnknownChannel,
                "bars:2m",
            ),
            (
                r#"{"op":"subscribe","id":7,"symbols":["A"],"since":"zzz"}"#,
                ErrorCode::BadRequest,
                "zzz",
            ),
            (
                r#"{"op":"subscribe","id":7,"symbols":["A"],"interval_ms":60001}"#,
                ErrorCode::BadRequest,
                "60000",
            ),
            (
                r#"{"op":"subscribe","id":7,"symbols":["A"],"mode":"some"}"#,
                ErrorCode::BadRequest,
                "some",
            ),
        ] {
            let rejection = json(text).unwrap_err();
            assert_eq!(rejection.id, Some(RequestId::Integer(7)), "{text}");
            assert_eq!(rejection.code, code, "{text}");
            assert!(rejection.message.contains(says), "{text}: {}", rejection.message);
        }
    }

    #[test]
    fn what_cannot_be_read_has_no_id() {
        let long = format!(r#"{{"op":"ping","id":"{}"}}"#, "x".repeat(65));
        for text in ["", "{", "[]", "null", "\"x\"", r#"{"id":1.5,"op":"ping"}"#, &long] {
            let rejection = json(text).unwrap_err();
            assert_eq!((rejection.id, rejection.code), (None, ErrorCode::BadRequest), "{text}");
        }
        for bytes in
            [&b"\xc1"[..], b"", b"\x81\xa2op", b"\x93\x01\x02\x03", b"\xdf\xff\xff\xff\xff"]
        {
            assert!(parse_request(Format::Msgpack, bytes).is_err(), "{bytes:?}");
        }
        let mut two = rmp_serde::to_vec_named(&serde_json::json!({"op": "ping"})).unwrap();
        two.extend_from_within(..);
        assert!(parse_request(Format::Msgpack, &two).unwrap_err().message.contains("one map"));
    }
}
