//! Which path is answered by what. Most is answered at once, from the shard's own state; a long poll waits, a WebSocket and a
//! stream take the connection over.

use std::rc::Rc;

use feed_protocol::ErrorCode;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{Answer, Rejected, method_not_allowed, problem, reads, with_status};
use super::body::Body;
use super::cors::Origins;
use super::handover::Handover;
use super::{bars, lab, long_poll, pages, poll, streams, upgrade};
use crate::runtime::Local;
use crate::server::SocketGuard;
use crate::shard::counters::Transport;

/// Answers a request. An answer that takes an HTTP/1.1 connection over does not come back from here: the handover is told.
pub async fn answer(
    local: Rc<Local>,
    guard: Rc<SocketGuard>,
    handover: Rc<Handover>,
    request: Request<Incoming>,
) -> Response<Body> {
    let is_api = request.uri().path().starts_with("/v1/");
    if let Some(lab) = local.shared.lab().filter(|_| request.uri().path().starts_with("/lab")) {
        return lab::answer(&local.shared, lab, &request).map(Body::Full);
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut answer = if is_api && request.method() == Method::OPTIONS {
        preflight()
    } else if !reads(request.method()) {
        method_not_allowed().map(Body::Full)
    } else {
        route(&local, guard, &handover, request).await
    };
    if is_api {
        local.shared.origins.allow(origin.as_ref(), answer.headers_mut());
    }
    answer
}

async fn route(
    local: &Rc<Local>,
    guard: Rc<SocketGuard>,
    handover: &Handover,
    request: Request<Incoming>,
) -> Response<Body> {
    let path = request.uri().path();
    handover.is_for(match path {
        "/v1/poll" => Some(Transport::Poll),
        "/v1/long-poll" => Some(Transport::LongPoll),
        _ => None,
    });
    let answer = match path {
        "/v1/ws" => upgrade::answer(local, handover, request),
        "/v1/poll" => poll::answer(local, &request).unwrap_or_else(Rejected::into),
        "/v1/long-poll" => long_poll::answer(local, &request).await.unwrap_or_else(Rejected::into),
        "/v1/sse" | "/v1/stream" => {
            return match streams::answer(local, guard, handover, &request).await {
                Ok(answer) => answer,
                Err(refusal) => refusal.map(Body::Full),
            };
        }
        "/v1/symbols" => bars::symbols(local),
        "/v1/bars" => bars::answer(local, request.uri().query()).unwrap_or_else(Rejected::into),
        _ => page(path, &request, local.shared.lab().is_some()),
    };
    answer.map(Body::Full)
}

fn preflight() -> Response<Body> {
    let mut answer = with_status(StatusCode::NO_CONTENT, "text/plain", "");
    answer.headers_mut().remove(header::CONTENT_TYPE);
    Origins::preflight(answer.headers_mut());
    answer.map(Body::Full)
}

fn page(path: &str, request: &Request<Incoming>, is_lab: bool) -> Answer {
    let Some(page) = pages::page(path) else {
        let detail = format!(
            "nothing is at {}; there are / /v1/ws /v1/sse /v1/stream /v1/long-poll /v1/poll /v1/symbols /v1/bars",
            path.chars().take(80).collect::<String>()
        );
        return problem(StatusCode::NOT_FOUND, ErrorCode::BadRequest, &detail);
    };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == page.etag));
    let mut answer = if is_known {
        with_status(StatusCode::NOT_MODIFIED, page.content_type, "")
    } else {
        with_status(StatusCode::OK, page.content_type, page.body.to_vec())
    };
    let headers = answer.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::ETAG, page.etag);
    set(header::CACHE_CONTROL, page.cache_control());
    set(header::CONTENT_SECURITY_POLICY, pages::content_security_policy(is_lab));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    answer
}
