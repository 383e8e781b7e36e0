//! HTTP/2 with prior knowledge, as blocking calls.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::PATIENCE;
use super::http::Answer;

/// One connection.
pub struct Http2 {
    runtime: Runtime,
    sender: SendRequest<Empty<Bytes>>,
}

/// An answer's body, with its connection.
pub struct Http2Body {
    connection: Http2,
    body: Incoming,
}

impl Http2 {
    pub fn connect(address: SocketAddr) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (sender, connection) =
                handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    fn ask(&mut self, path: &str, headers: &[(&str, &str)]) -> (Answer, Incoming) {
        let mut request = hyper::Request::get(format!("http://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).unwrap();
        let answer = self.runtime.block_on(async {
            timeout(PATIENCE, self.sender.send_request(request)).await.expect("an answer in time")
        });
        let (head, body) = answer.unwrap().into_parts();
        let headers = head.headers.iter();
        let headers = headers.map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()));
        let headers = headers.collect();
        (Answer { status: head.status.as_u16(), headers, body: Vec::new() }, body)
    }

    /// A whole answer.
    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let (mut answer, body) = self.ask(path, headers);
        let whole = self.runtime.block_on(async { timeout(PATIENCE, body.collect()).await });
        answer.body = whole.expect("all of it in time").unwrap().to_bytes().to_vec();
        answer
    }
}

impl Http2Body {
    /// The head of an answer, and its body piece by piece.
    pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> (Answer, Self) {
        let mut connection = Http2::connect(address);
        let (head, body) = connection.ask(path, headers);
        (head, Self { connection, body })
    }

    /// Appends what comes next; `false` at the end.
    pub fn more(&mut self, out: &mut Vec<u8>, within: Duration) -> io::Result<bool> {
        let Self { connection, body } = self;
        let next = connection.runtime.block_on(async { timeout(within, body.frame()).await });
        match next {
            Err(_) => Err(ErrorKind::TimedOut.into()),
            Ok(None) => Ok(false),
            Ok(Some(Err(error))) => Err(io::Error::new(ErrorKind::ConnectionAborted, error)),
            Ok(Some(Ok(frame))) => {
                out.extend_from_slice(&frame.into_data().unwrap_or_default());
                Ok(true)
            }
        }
    }
}
