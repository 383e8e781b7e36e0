//! SSE and NDJSON: one request whose answer does not end. hyper gives the body, [`Splitter`] cuts it into frames. Does not
//! come back by itself when the answer ends: that is counted against the server.

use std::os::fd::OwnedFd;

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::http::{Http, is_fine, lost, refusal};
use super::kind::Kind;
use super::poll::chunk_header;
use super::split::{Cut, Piece, Splitter};
use super::{Ask, Cost, End, Frame, Mark, Payload};

/// A client of an endless answer.
pub struct Stream {
    http: Http,
    body: Incoming,
    splitter: Splitter,
    /// What was spent since the last frame.
    spent: Cost,
    chunked: bool,
}

impl Stream {
    /// Connects and asks.
    pub(super) async fn connect(ask: Ask<'_>) -> Result<Self, End> {
        let (cut, accept) = match ask.transport.kind {
            Kind::Sse => (Cut::Events, "text/event-stream"),
            _ => (Cut::Lines, "application/x-ndjson"),
        };
        let mut http = Http::connect(&ask).await?;
        let (response, spent) = http.get(&ask.path, accept, None).await?;
        if !is_fine(response.status()) {
            return Err(refusal(response).await);
        }
        let chunked = response.headers().contains_key(hyper::header::TRANSFER_ENCODING);
        let body = response.into_body();
        Ok(Self { http, body, splitter: Splitter::new(cut), spent, chunked })
    }

    /// The next frame.
    pub(super) async fn receive(&mut self) -> Result<Frame, End> {
        loop {
            if let Some(piece) = self.splitter.next() {
                return Ok(self.frame(piece));
            }
            let chunk = match self.body.frame().await {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(why)) => return Err(lost(&why)),
                None => return Err(End::Closed("the end of its answer".to_owned())),
            };
            if self.chunked {
                self.spent.down.framing += chunk_header(chunk.len());
            }
            let too_long = |_| End::Protocol("a line does not end".to_owned());
            self.splitter.feed(chunk).map_err(too_long)?;
        }
    }

    fn frame(&mut self, piece: Piece) -> Frame {
        let mut cost = std::mem::take(&mut self.spent);
        match self.http.h2_cost(piece.payload.len()) {
            Some(cost_h2) => cost = cost_h2,
            None => cost.down.framing += piece.framing,
        }
        let offset = |id: &[u8]| std::str::from_utf8(id).ok()?.rsplit_once(':')?.1.parse().ok();
        let mark = match piece.id.as_deref().and_then(offset) {
            Some(offset) => Mark::Cursor(offset),
            None => Mark::None,
        };
        Frame { payload: Payload::Body(piece.payload), cost, mark }
    }

    pub(super) fn wire(&self) -> (u64, u64) {
        self.http.wire()
    }

    pub(super) fn watch(&self) -> Option<&OwnedFd> {
        self.http.watch()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use hyper::body::{Body, Bytes, Frame as BodyFrame};
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::time::Instant;

    use super::*;
    use crate::transport::{Dial, HttpVersion, Pacing, Transport};

    /// A body of so many lines, a DATA frame each.
    struct Lines(u32);

    const LINE: &[u8] =
        b"[{\"T\":\"t\",\"S\":\"AAPL\",\"n\":1,\"o\":1,\"ts\":1,\"p\":1.00,\"v\":1,\"d\":0}]\n";

    impl Body for Lines {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
            self.0 = match self.0.checked_sub(1) {
                Some(left) => left,
                None => return Poll::Ready(None),
            };
            Poll::Ready(Some(Ok(BodyFrame::data(Bytes::from_static(LINE)))))
        }
    }

    async fn serve(listener: tokio::net::TcpListener, lines: u32) {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |_: Request<Incoming>| async move {
            Ok::<_, Infallible>(Response::new(Lines(lines)))
        });
        let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        // The client hangs up when it has seen enough.
        let _ = http2.serve_connection(TokioIo::new(stream), service).await;
    }

    /// A client that is behind by a whole window of frames with a message each is not cut off by its own library.
    #[tokio::test]
    async fn many_small_frames_are_no_attack() {
        const LINES: u32 = 3_000;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        let client = async {
            let kind = Kind::Stream;
            let dial = Dial {
                target,
                source: None,
                receive_buffer: Some(65_536),
                watched: false,
                delay: Duration::ZERO,
            };
            let ask = Ask {
                transport: Transport { kind, http: HttpVersion::Two },
                dial,
                authority: "localhost",
                path: "/v1/stream".to_owned(),
                request: Vec::new(),
                pacing: Pacing::AtOnce,
                conditional: false,
                headers: hyper::HeaderMap::new(),
            };
            let mut stream = Stream::connect(ask).await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while stream.wire().0 < 65_000 {
                assert!(Instant::now() < deadline, "only {:?} came", stream.wire());
                tokio::task::yield_now().await;
            }
            let (mut payload, mut framing, mut headers) = (0, 0, 0);
            for _ in 0..LINES {
                let frame = stream.receive().await.unwrap();
                payload += frame.payload.len() as u64;
                framing += i64::from(frame.cost.down.framing) + frame.cost.down.around;
                headers += u64::from(frame.cost.down.headers);
            }
            assert_eq!(payload, u64::from(LINES) * (LINE.len() as u64 - 1));
            // Nine bytes a frame and the line's end, settings and the like besides.
            let around = framing - i64::from(LINES) * 10;
            assert!((0..200).contains(&around), "{around}");
            assert_eq!(payload + framing.cast_unsigned() + headers, stream.wire().0);
        };
        let tasks = tokio::task::LocalSet::new();
        tasks
            .run_until(async {
                let server = tokio::task::spawn_local(serve(listener, LINES));
                client.await;
                server.abort();
            })
            .await;
    }
}
