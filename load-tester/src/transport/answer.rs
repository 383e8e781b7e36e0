//! The answer to a poll or long poll: `{"cursor":…,"recovered":…,"messages":[…],"more":…}`. Takes the array of messages
//! out without looking into it, and keeps what surrounds it. Judges nothing.

use feed_protocol::Cursor;
use hyper::body::Bytes;
use serde::Deserialize;

/// What an answer says besides its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The cursor that was asked with.
    pub since: Option<Cursor>,
    /// Where to go on; the same again after a 304.
    pub cursor: Option<Cursor>,
    /// Whether everything behind `since` is there.
    pub recovered: Option<bool>,
    /// Polls that were left out before this one.
    pub missed_slots: u32,
    /// Connections that were made again for this one.
    pub reconnects: u32,
}

/// A body taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether everything behind `since` is there.
    pub recovered: Option<bool>,
    /// Whether there is more at once.
    pub more: bool,
    /// The array.
    pub messages: Bytes,
}

/// Takes `body` apart; `None` if it is not of the contract.
#[must_use]
pub fn parts(body: &Bytes) -> Option<Parts> {
    quick(body).or_else(|| slow(body))
}

/// As servers write it: these keys in this order, no spaces. The array is only cut out; the scanner reads it.
fn quick(body: &Bytes) -> Option<Parts> {
    let rest = body.strip_prefix(b"{\"cursor\":\"")?;
    let quote = rest.iter().position(|&byte| byte == b'"')?;
    let cursor = cursor(std::str::from_utf8(&rest[..quote]).ok()?)?;
    let rest = &rest[quote + 1..];
    let (recovered, rest) = if let Some(rest) = rest.strip_prefix(b",\"recovered\":true") {
        (Some(true), rest)
    } else if let Some(rest) = rest.strip_prefix(b",\"recovered\":false") {
        (Some(false), rest)
    } else {
        (None, rest)
    };
    let rest = rest.strip_prefix(b",\"messages\":")?;
    let (more, messages) = if let Some(messages) = rest.strip_suffix(b",\"more\":false}") {
        (false, messages)
    } else {
        (true, rest.strip_suffix(b",\"more\":true}")?)
    };
    let is_array = messages.first() == Some(&b'[') && messages.last() == Some(&b']');
    is_array.then(|| Parts { cursor, recovered, more, messages: body.slice_ref(messages) })
}

/// Any JSON with the same content.
fn slow(body: &Bytes) -> Option<Parts> {
    #[derive(Deserialize)]
    struct Body {
        cursor: String,
        recovered: Option<bool>,
        messages: Vec<serde_json::Value>,
        more: bool,
    }
    let Body { cursor: text, recovered, messages, more } = serde_json::from_slice(body).ok()?;
    let messages = Bytes::from(serde_json::to_vec(&messages).ok()?);
    Some(Parts { cursor: cursor(&text)?, recovered, more, messages })
}

fn cursor(text: &str) -> Option<Cursor> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_answers_apart_however_they_are_written() {
        let tight =
            r#"{"cursor":"9f2c:88300","recovered":true,"messages":[{"T":"t"}],"more":false}"#;
        let loose = r#"{ "more": false, "messages": [{"T":"t"}], "cursor": "9f2c:88300", "recovered": true }"#;
        let expected = Parts {
            cursor: "9f2c:88300".parse().unwrap(),
            recovered: Some(true),
            more: false,
            messages: Bytes::from_static(br#"[{"T":"t"}]"#),
        };
        for body in [tight, loose] {
            assert_eq!(parts(&Bytes::from_static(body.as_bytes())).unwrap(), expected);
        }
        assert!(quick(&Bytes::from_static(tight.as_bytes())).is_some());
        let first = br#"{"cursor":"9f2c:1","messages":[],"more":true}"#;
        let first = parts(&Bytes::from_static(first)).unwrap();
        assert_eq!((first.recovered, first.more, &first.messages[..]), (None, true, &b"[]"[..]));
    }

    #[test]
    fn refuses_what_is_none() {
        for body in [
            "",
            "[]",
            r#"{"cursor":"nonsense","messages":[],"more":false}"#,
            r#"{"cursor":"9f2c:1","messages":[]}"#,
            r#"{"cursor":"9f2c:1","messages":7,"more":false}"#,
        ] {
            assert_eq!(parts(&Bytes::copy_from_slice(body.as_bytes())), None, "{body}");
        }
    }
}
