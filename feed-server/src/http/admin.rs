//! The admin listener: `/metrics`, `/livez`, `/readyz`, `/version`. On a port of its own, loopback unless told otherwise.

use std::convert::Infallible;
use std::sync::Arc;

use feed_protocol::ErrorCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::answer::{Answer, json, method_not_allowed, ok, problem, reads, with_status};
use crate::metrics;
use crate::server::Shared;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// Serves until it is dropped.
pub async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let slots = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<_>| {
                let answer = answer(&shared, request.method(), request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new());
            // An error is the client's.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            drop(slot);
        });
    }
}

fn answer(shared: &Shared, method: &Method, path: &str) -> Answer {
    if !reads(method) {
        return method_not_allowed();
    }
    match path {
        "/metrics" => ok(metrics::CONTENT_TYPE, metrics::render(shared)),
        "/livez" => ok("text/plain; charset=utf-8", "ok\n"),
        "/readyz" => match shared.not_ready() {
            None => ok("text/plain; charset=utf-8", "ready\n"),
            Some(why) => {
                let body = format!("not ready: {why}\n");
                with_status(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", body)
            }
        },
        "/version" => json(
            serde_json::json!({
                "name": "tickcast",
                "version": env!("CARGO_PKG_VERSION"),
                "commit": option_env!("TICKCAST_COMMIT"),
                "protocol": 1,
                "epoch": &**shared.market.epoch(),
            })
            .to_string(),
        ),
        _ => {
            let detail = "there are /metrics /livez /readyz /version";
            problem(StatusCode::NOT_FOUND, ErrorCode::BadRequest, detail)
        }
    }
}
