//! Which path is answered by what. Everything here is answered at once, from the shard's own state; only a WebSocket goes on.

use std::rc::Rc;

use feed_protocol::ErrorCode;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};

use super::answer::{Answer, Rejected, method_not_allowed, problem, reads, with_status};
use super::{bars, pages, poll, upgrade};
use crate::runtime::Local;
use crate::server::SocketGuard;

/// Answers a request.
pub fn answer(local: &Rc<Local>, guard: Rc<SocketGuard>, request: Request<Incoming>) -> Answer {
    if !reads(request.method()) {
        return method_not_allowed();
    }
    let path = request.uri().path();
    match path {
        "/v1/ws" => upgrade::answer(local, guard, request),
        "/v1/poll" => poll::answer(local, &request).unwrap_or_else(refused),
        "/v1/symbols" => bars::symbols(local),
        "/v1/bars" => bars::answer(local, request.uri().query()).unwrap_or_else(refused),
        _ => page(path, &request),
    }
}

fn refused(rejected: Rejected) -> Answer {
    rejected.into()
}

fn page(path: &str, request: &Request<Incoming>) -> Answer {
    let Some(page) = pages::page(path) else {
        let detail = format!(
            "nothing is at {}; there are / /v1/ws /v1/poll /v1/symbols /v1/bars",
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
    set(header::CONTENT_SECURITY_POLICY, pages::CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    answer
}
