//! One `GET` beside the run: the server's symbols, its version, its metrics. Not a client of a lane, and not measured.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

use crate::target::Target;

/// Longest body that is read.
const BODY_BYTES_MAX: usize = 256 << 20;

/// Why there is no body.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Nobody listens.
    #[error("{0}")]
    Unreachable(std::io::Error),
    /// What came instead.
    #[error("{0}")]
    Answer(String),
}

/// The body of `GET path` at `target`, if it is answered with 200 within `within`.
///
/// # Errors
/// Nobody listens, or the answer is another.
pub async fn fetch(target: &Target, path: &str, within: Duration) -> Result<Bytes, FetchError> {
    match tokio::time::timeout(within, get(target, path)).await {
        Ok(body) => body,
        Err(_) => Err(FetchError::Answer(format!("no answer within {} s", within.as_secs_f64()))),
    }
}

async fn get(target: &Target, path: &str) -> Result<Bytes, FetchError> {
    let broken = |why: hyper::Error| FetchError::Answer(why.to_string());
    let stream = TcpStream::connect(target.address).await.map_err(FetchError::Unreachable)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = hyper::Request::get(path)
        .header("host", &target.authority)
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|why| FetchError::Answer(why.to_string()))?;
    // The exchange owns the sender: when it is done, the connection ends.
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status() != hyper::StatusCode::OK {
            return Err(FetchError::Answer(format!("the answer is {}", response.status())));
        }
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        Ok(body.map_err(|why| FetchError::Answer(why.to_string()))?.to_bytes())
    };
    let (body, _) = tokio::join!(exchange, connection);
    body
}
