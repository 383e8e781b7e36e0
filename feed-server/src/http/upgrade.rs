//! `GET /v1/ws`: the opening handshake (RFC 6455, 4.2), refused with a reason before the upgrade, or handed over to a
//! connection of the shard. fastwebsockets computes the accept key; what it does not check is checked here.

use feed_protocol::{ErrorCode, Format};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Version};

use super::answer::{Answer, Rejected, problem};
use super::handover::{Handover, Heir};
use super::query::{DataQuery, Query};
use crate::connection::names::Names;
use crate::connection::websocket::Opening;
use crate::runtime::Local;

/// The only version there is.
const VERSION: &str = "13";

/// Answers a request for a WebSocket.
pub fn answer(local: &Local, handover: &Handover, mut request: Request<Incoming>) -> Answer {
    let format = match check_handshake(&request) {
        Ok(format) => format,
        Err(refusal) => return *refusal,
    };
    let query = match query(local, &request) {
        Ok(query) => query,
        Err(rejected) => return rejected.into(),
    };
    let (response, _) = match fastwebsockets::upgrade::upgrade(&mut request) {
        Ok(upgrade) => upgrade,
        Err(error) => return refuse(&error.to_string()),
    };
    let mut answer = response.map(|_| Full::default());
    if let Some(format) = format {
        let protocol = HeaderValue::from_static(format.subprotocol());
        answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let opening = Opening {
        format: format.unwrap_or(query.format),
        heartbeat_ms: query.heartbeat_ms,
        subscribe: query.subscribe,
    };
    handover.to(Heir::WebSocket(opening));
    answer
}

fn query(local: &Local, request: &Request<Incoming>) -> Result<DataQuery, Rejected> {
    let query = DataQuery::parse(&Query::parse(request.uri().query())?)?;
    if let Some(subscribe) = &query.subscribe {
        let shard = local.shard.borrow();
        let names = Names::resolve(&subscribe.symbols, shard.market().universe())?;
        shard.check_names(names.len())?;
    }
    Ok(query)
}

/// Checks the handshake; gives the format of the subprotocol that was chosen, if any was offered.
fn check_handshake(request: &Request<Incoming>) -> Result<Option<Format>, Box<Answer>> {
    let headers = request.headers();
    if !has_token(headers, &header::UPGRADE, "websocket") {
        return Err(Box::new(upgrade_required(
            "this path speaks WebSocket; send Upgrade: websocket",
        )));
    }
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(Box::new(refuse("a WebSocket begins with GET and HTTP/1.1")));
    }
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(Box::new(refuse("Connection: Upgrade is missing")));
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).and_then(|v| v.to_str().ok());
    if version != Some(VERSION) {
        return Err(Box::new(upgrade_required("Sec-WebSocket-Version must be 13")));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
    if !key.is_some_and(is_key) {
        return Err(Box::new(refuse("Sec-WebSocket-Key must be 16 bytes in base64")));
    }
    choose(headers)
}

/// The first subprotocol in the client's order that is one of ours.
fn choose(headers: &HeaderMap) -> Result<Option<Format>, Box<Answer>> {
    let mut offered = tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).peekable();
    if offered.peek().is_none() {
        return Ok(None);
    }
    let ours = |name: &str| Format::ALL.into_iter().find(|format| format.subprotocol() == name);
    match offered.find_map(ours) {
        Some(format) => Ok(Some(format)),
        None => Err(Box::new(refuse(
            "none of the subprotocols is known; there are feed.v1.json and feed.v1.msgpack",
        ))),
    }
}

fn upgrade_required(detail: &str) -> Answer {
    let mut answer = problem(StatusCode::UPGRADE_REQUIRED, ErrorCode::BadRequest, detail);
    let headers = answer.headers_mut();
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer
}

fn refuse(detail: &str) -> Answer {
    problem(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, detail)
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// 16 bytes in base64: 22 characters that count and two of padding (RFC 6455, 4.1).
fn is_key(key: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    key.len() == 24 && key.ends_with("==") && key.bytes().take(22).all(digit)
}
