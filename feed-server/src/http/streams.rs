//! `GET /v1/sse` and `GET /v1/stream`: one endless answer, events of `text/event-stream` or lines of NDJSON. Over HTTP/1.1
//! the connection is taken over and the shard writes chunks to the socket itself; elsewhere HTTP writes the body.

use std::fmt::Write;
use std::rc::Rc;
use std::time::SystemTime;

use feed_protocol::Cursor;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Version};

use super::answer::{Answer, Rejected, no_room};
use super::body::Body;
use super::handover::{Handover, Heir};
use super::query::{DataQuery, Query, bad};
use crate::connection::names::Names;
use crate::connection::stream::{self, Opening};
use crate::runtime::Local;
use crate::server::SocketGuard;
use crate::shard::wire::{Transfer, Wire};

/// Tells reverse proxies of nginx's family to pass on what comes, when it comes.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Set by clients of `text/event-stream` that come back (HTML, 9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

/// Answers a request for a stream.
pub async fn answer(
    local: &Rc<Local>,
    guard: Rc<SocketGuard>,
    handover: &Handover,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Answer> {
    let is_sse = request.uri().path() == "/v1/sse";
    let is_taken_over = request.version() == Version::HTTP_11;
    let transfer = if is_taken_over { Transfer::Chunked } else { Transfer::Plain };
    let wire = if is_sse { Wire::Sse(transfer) } else { Wire::Lines(transfer) };
    let opening = opening(local, request, wire).map_err(Answer::from)?;
    if local.is_full(1) {
        return Err(no_room());
    }
    let mut headers = stream_headers(is_sse);
    if request.method() == Method::HEAD {
        let mut answer = Response::new(Body::Full("".into()));
        answer.headers_mut().extend(headers);
        return Ok(answer);
    }
    if is_taken_over {
        let origin = request.headers().get(header::ORIGIN);
        local.shared.origins.allow(origin, &mut headers);
        handover.to(Heir::Stream { head: head(&headers), opening });
        // Whoever polls this sees the handover and lets go of it.
        return std::future::pending().await;
    }
    let body = stream::run_in_body(local, guard, opening);
    let mut answer = Response::new(Body::Endless(body));
    answer.headers_mut().extend(headers);
    Ok(answer)
}

fn opening(local: &Local, request: &Request<Incoming>, wire: Wire) -> Result<Opening, Rejected> {
    let query = Query::parse(request.uri().query())?;
    let data = DataQuery::parse(&query)?.json_only()?;
    let heartbeat_ms = data.heartbeat_ms;
    let mut subscribe = data.needed()?;
    if matches!(wire, Wire::Sse(_)) {
        let last = request.headers().get(LAST_EVENT_ID);
        let last = last.map(|id| id.to_str().map_err(|_| bad("Last-Event-ID is no cursor")));
        let given = |id: &&str| !id.is_empty();
        let last = last.transpose()?.filter(given).or(query.get("lastEventId").filter(given));
        if let Some(cursor) = last {
            let parsed: Result<Cursor, _> = cursor.parse();
            let cursor = parsed.map_err(|error| bad(format!("Last-Event-ID: {error}")))?;
            subscribe.since = Some(cursor);
        }
    }
    let shard = local.shard.borrow();
    let names = Names::resolve(&subscribe.symbols, shard.market().universe())?;
    shard.check_names(names.len())?;
    Ok(Opening { wire, heartbeat_ms, subscribe })
}

fn stream_headers(is_sse: bool) -> HeaderMap {
    let content_type = if is_sse { "text/event-stream" } else { "application/x-ndjson" };
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ]
    .into_iter()
    .collect()
}

/// The head of an answer whose chunks the shard writes (RFC 9112, 4 and 7.1). The connection ends with it.
fn head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = String::from("HTTP/1.1 200 OK\r\n");
    for (name, value) in headers {
        // Made here, or checked against a setting of visible characters.
        let value = value.to_str().unwrap_or_default();
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    let _ = write!(head, "transfer-encoding: chunked\r\nconnection: close\r\ndate: {date}\r\n\r\n");
    head.into_bytes()
}
