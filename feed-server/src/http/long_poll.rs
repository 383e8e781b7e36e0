//! `GET /v1/long-poll`: what has happened since a cursor; if nothing has, the answer waits until something does, or until its
//! time is over. Waiting costs a place in an audience of the shard, nothing else.

use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Rejected, no_room};
use super::poll::{Question, poll, write};
use crate::connection::sink::ClientSink;
use crate::runtime::{Local, wall_us};
use crate::shard::ConnectionId;
use crate::shard::counters::Transport;

/// How long it waits unless it is told otherwise, ms.
const WAIT_MS_DEFAULT: u64 = 25_000;
/// The longest wait, ms: below what proxies allow a silent answer.
const WAIT_MS_MAX: u64 = 55_000;
/// A bar is looked for so long after its end, since the source's clock, not ours, decides.
const BAR_GRACE: Duration = Duration::from_millis(50);

/// Answers a long poll.
pub async fn answer(local: &Rc<Local>, request: &Request<Incoming>) -> Result<Answer, Rejected> {
    let question = Question::read(local, request)?;
    let wait_ms = question.query.number("wait_ms", 0..=WAIT_MS_MAX)?.unwrap_or(WAIT_MS_DEFAULT);
    let deadline = Instant::now() + Duration::from_millis(wait_ms);
    let may_wait = question.subscribe.since.is_some() && request.method() == Method::GET;
    let mut waiting: Option<Waiting> = None;
    loop {
        let is_over = !may_wait || Instant::now() >= deadline || !local.is_serving();
        let told_us = waiting.as_ref().map(|waiting| waiting.told_us);
        {
            let shard = local.shard.borrow();
            let polled = poll(&shard, &question);
            if is_over || polled.has_news(&question, told_us) {
                let mut answer = write(&shard, &question, &polled, Transport::LongPoll);
                answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                return Ok(answer);
            }
        }
        if waiting.is_none() && local.is_full(1) {
            return Ok(no_room());
        }
        let waiting = waiting.get_or_insert_with(|| Waiting::begin(local.clone(), &question));
        let until = next_bar_end(&question).map_or(deadline, |end| deadline.min(end));
        // That the time is over is seen by looking again.
        let _ = timeout_at(until, waiting.woken.notified()).await;
    }
}

/// A place in the shard; given back when this is dropped, as it is when the client leaves.
struct Waiting {
    local: Rc<Local>,
    id: ConnectionId,
    woken: Rc<Notify>,
    /// The market's time when waiting began: bars that had ended by then are no news.
    told_us: i64,
}

impl Waiting {
    fn begin(local: Rc<Local>, question: &Question) -> Self {
        let woken = Rc::new(Notify::new());
        let now = local.now();
        let (id, told_us) = {
            let mut shard = local.shard.borrow_mut();
            let sink = ClientSink::Waiter(woken.clone());
            (shard.wait(sink, question.selection.clone(), now), shard.market().watermark_us())
        };
        Self { local, id, woken, told_us }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.local.shard.borrow_mut().remove(self.id);
    }
}

/// When the next bar that is asked for may have ended.
fn next_bar_end(question: &Question) -> Option<Instant> {
    let now_us = wall_us();
    let bars = question.topics.iter().filter_map(|topic| topic.bar());
    let end_us = bars.map(|(_, interval)| interval.start_us(now_us) + interval.us()).min()?;
    let left = Duration::from_micros((end_us - now_us).max(0).unsigned_abs());
    Some(Instant::now() + left + BAR_GRACE)
}
