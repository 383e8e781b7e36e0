//! Answers: bodies with their headers, and refusals as problem documents (RFC 9457) with the contract's `code`.

use bytes::Bytes;
use feed_protocol::{ErrorCode, Rejection};
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Response, StatusCode};

/// What every handler gives.
pub type Answer = Response<Full<Bytes>>;

/// 200 with a body.
#[must_use]
pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    with_status(StatusCode::OK, content_type, body)
}

/// JSON, never cached.
#[must_use]
pub fn json(body: impl Into<Bytes>) -> Answer {
    let mut answer = ok("application/json", body);
    let headers = answer.headers_mut();
    headers.insert(hyper::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// Any status with a body.
#[must_use]
pub fn with_status(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A refusal.
#[must_use]
pub fn problem(status: StatusCode, code: ErrorCode, detail: &str) -> Answer {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "code": code.as_str(),
        "detail": detail,
    });
    with_status(status, "application/problem+json", body.to_string())
}

/// The refusal of a connection beyond those that the server takes.
#[must_use]
pub fn no_room() -> Answer {
    let detail = "the server has as many connections as it takes; come back later";
    let mut refusal = problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::RateLimited, detail);
    refusal.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    refusal
}

/// Whether `method` only reads.
#[must_use]
pub fn reads(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// The refusal of a method that does not read.
#[must_use]
pub fn method_not_allowed() -> Answer {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut refusal = problem(status, ErrorCode::BadRequest, "every path here is read with GET");
    refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    refusal
}

impl From<Rejected> for Answer {
    fn from(Rejected(rejection): Rejected) -> Self {
        problem(StatusCode::BAD_REQUEST, rejection.code, &rejection.message)
    }
}

/// A request that was refused for what it says: 400.
#[derive(Debug)]
pub struct Rejected(pub Rejection);

impl From<Rejection> for Rejected {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}
