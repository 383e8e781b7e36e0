//! Polls and long polls: one request after another on a kept connection, each from the cursor of the one before. Polls
//! keep an open-loop schedule: poll k is due at its first time + k intervals, whatever became of those before it; what
//! is not answered by the time of the next one costs that slot, and is counted. A pause after each answer instead, as
//! many clients have it, is a closed loop, and another value of [`Pacing`].

use std::os::fd::OwnedFd;
use std::time::Duration;

use feed_protocol::Cursor;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use super::answer::{Answer, Parts, parts};
use super::http::{Http, is_fine, refusal};
use super::query::escape;
use super::{Ask, Cost, End, Frame, Mark, Payload};

/// Longest body that is read.
const BODY_BYTES_MAX: usize = 256 << 20;

/// When requests are due. The first, which brings the snapshot, is sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// As soon as the one before is answered.
    AtOnce,
    /// At fixed times.
    Every {
        /// From one to the next.
        every: Duration,
        /// One of them.
        first: Instant,
    },
    /// Closed loop: so long after the answer to the one before.
    After(Duration),
}

/// A client that polls.
pub struct Poller {
    http: Http,
    /// With the query, without `since`.
    path: String,
    schedule: Schedule,
    conditional: bool,
    cursor: Option<Cursor>,
    /// The next request does not wait: there has been none, or there is more.
    at_once: bool,
    reconnects_told: u32,
}

impl Poller {
    /// Connects; nothing is asked for yet.
    pub(super) async fn connect(ask: Ask<'_>) -> Result<Self, End> {
        let http = Http::connect(&ask).await?;
        Ok(Self {
            http,
            path: ask.path,
            schedule: Schedule::new(ask.pacing),
            conditional: ask.conditional,
            cursor: None,
            at_once: true,
            reconnects_told: 0,
        })
    }

    /// Waits until the next request is due, sends it, and gives its answer.
    pub(super) async fn receive(&mut self) -> Result<Frame, End> {
        let missed_slots = if std::mem::take(&mut self.at_once) {
            0
        } else {
            let (due, missed) = self.schedule.next(Instant::now());
            if let Some(due) = due {
                sleep_until(due).await;
            }
            missed
        };
        let since = self.cursor.clone();
        let mut path = self.path.clone();
        if let Some(since) = &since {
            path.push_str("&since=");
            escape(&mut path, &since.to_string());
        }
        let tag = since.as_ref().filter(|_| self.conditional);
        let tag = tag.and_then(|cursor| HeaderValue::from_str(&format!("\"{cursor}\"")).ok());
        let tag = tag.map(|tag| (IF_NONE_MATCH, tag));
        let (response, cost) = self.http.get(&path, "application/json", tag).await?;
        let status = response.status();
        if !is_fine(status) || (status == StatusCode::NOT_MODIFIED && since.is_none()) {
            return Err(refusal(response).await);
        }
        let reconnects = self.http.reconnects - self.reconnects_told;
        self.reconnects_told = self.http.reconnects;
        let cursor = since.clone();
        let answer = Answer {
            status: status.as_u16(),
            since,
            cursor,
            recovered: None,
            missed_slots,
            reconnects,
        };
        self.body(response, answer, cost).await
    }

    async fn body(
        &mut self,
        response: Response<Incoming>,
        mut answer: Answer,
        mut cost: Cost,
    ) -> Result<Frame, End> {
        let known = response.body().size_hint().exact();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|why| End::Lost(format!("in an answer: {why}")))?.to_bytes();
        let payload = if answer.status == StatusCode::NOT_MODIFIED {
            Bytes::new()
        } else {
            let Parts { cursor, recovered, more, messages } = parts(&body).ok_or_else(|| {
                let start = body[..body.len().min(120)].escape_ascii();
                End::Protocol(format!("an answer is none of the contract's: {start}"))
            })?;
            (answer.recovered, answer.cursor) = (recovered, Some(cursor.clone()));
            (self.cursor, self.at_once) = (Some(cursor), more);
            messages
        };
        if let Some(cost_h2) = self.http.h2_cost(payload.len()) {
            cost = cost_h2;
        } else {
            let around = body.len().saturating_sub(payload.len());
            // Chunked: at least one chunk's header and the last one. Servers send a length.
            let chunks = if known.is_none() { chunk_header(body.len()) + 5 } else { 0 };
            cost.down.framing += u32::try_from(around).unwrap_or(u32::MAX) + chunks;
        }
        let mark = Mark::Answer(Box::new(answer));
        Ok(Frame { payload: Payload::Body(payload), cost, mark })
    }

    pub(super) fn wire(&self) -> (u64, u64) {
        self.http.wire()
    }

    pub(super) fn watch(&self) -> Option<&OwnedFd> {
        self.http.watch()
    }
}

/// Bytes around a chunk of HTTP/1.1's chunked coding: its length in hexadecimal, and two line ends.
pub(super) fn chunk_header(bytes: usize) -> u32 {
    let digits = (usize::BITS - bytes.leading_zeros()).div_ceil(4).max(1);
    digits + 4
}

/// The open-loop schedule.
struct Schedule {
    pacing: Pacing,
    /// When the next poll is due.
    due: Option<Instant>,
}

impl Schedule {
    fn new(pacing: Pacing) -> Self {
        Self { pacing, due: None }
    }

    /// When the next request is to be sent, and how many were due before and are left out. `None` is at once.
    fn next(&mut self, now: Instant) -> (Option<Instant>, u32) {
        let (every, first) = match self.pacing {
            Pacing::AtOnce => return (None, 0),
            Pacing::After(pause) => return (Some(now + pause), 0),
            Pacing::Every { every, first } => (every, first),
        };
        let mut missed = 0;
        let due = match self.due {
            Some(due) => {
                // Whole intervals that have gone by; what is late by less is sent now.
                let behind = now.saturating_duration_since(due).as_nanos() / every.as_nanos();
                missed = u32::try_from(behind).unwrap_or(u32::MAX);
                due + every * missed
            }
            None => {
                let gone = now.saturating_duration_since(first).as_nanos();
                first + every * u32::try_from(gone.div_ceil(every.as_nanos())).unwrap_or(u32::MAX)
            }
        };
        self.due = Some(due + every);
        (Some(due), missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn keeps_to_its_times_whatever_answers_take() {
        let begin = Instant::now();
        let at = |s: f64| begin + Duration::from_secs_f64(s);
        let mut schedule = Schedule::new(Pacing::Every { every: S, first: at(0.25) });
        assert_eq!(schedule.next(at(3.0)), (Some(at(3.25)), 0));
        assert_eq!(schedule.next(at(3.9)), (Some(at(4.25)), 0));
        // Late by less than an interval: now, and the one after in its own place.
        assert_eq!(schedule.next(at(5.5)), (Some(at(5.25)), 0));
        assert_eq!(schedule.next(at(5.6)), (Some(at(6.25)), 0));
        // A stall of more than two intervals costs two slots.
        assert_eq!(schedule.next(at(9.75)), (Some(at(9.25)), 2));
        assert_eq!(schedule.next(at(9.8)), (Some(at(10.25)), 0));
    }

    #[test]
    fn long_polls_do_not_wait() {
        assert_eq!(Schedule::new(Pacing::AtOnce).next(Instant::now()), (None, 0));
    }

    #[test]
    fn a_pause_begins_with_the_answer() {
        let begin = Instant::now();
        let mut schedule = Schedule::new(Pacing::After(S));
        for answered in [begin, begin + S.mul_f64(7.3)] {
            assert_eq!(schedule.next(answered), (Some(answered + S), 0));
        }
    }

    #[test]
    fn knows_what_a_chunk_costs() {
        for (bytes, header) in [(0, 5), (15, 5), (16, 6), (255, 6), (256, 7), (65_536, 9)] {
            assert_eq!(chunk_header(bytes), header, "{bytes}");
            assert_eq!(header as usize, format!("{bytes:x}\r\n\r\n").len());
        }
    }
}
