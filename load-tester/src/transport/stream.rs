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
        let mut http = Http::connect(ask.dial, ask.transport.http, ask.authority).await?;
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
