//! What runs a shard: one thread, one current-thread tokio runtime, its own listener. The loop waits for the queue's bell or
//! the next deadline, takes a batch, and lets the connections' tasks have their turn. All of it stays on this thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use feed_protocol::Limits;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;

use crate::connection::sink::ClientSink;
use crate::http;
use crate::pace::{Pass, pause, rest, rest_after};
use crate::server::Shared;
use crate::shard::counters::{Counters, Transport};
use crate::shard::queue::{Consumer, Popped};
use crate::shard::{BATCH_EVENTS_MAX, Now, Shard};
use crate::stage::Stage;

/// One read takes at most this much.
const SCRATCH_BYTES: usize = 64 * 1024;
/// What the tasks of one shard's thread share.
#[derive(Debug)]
pub struct Local {
    /// The shard. Borrowed between awaits only.
    pub shard: RefCell<Shard<ClientSink>>,
    /// One read buffer for all connections.
    pub scratch: RefCell<Vec<u8>>,
    /// What clients are told in `welcome`.
    pub limits: Limits,
    /// What all shards share.
    pub shared: Arc<Shared>,
    stage: watch::Receiver<Stage>,
    started: Instant,
    /// Until when the loop sleeps, µs of the shard's clock.
    sleeps_until_us: Cell<u64>,
    wake: Notify,
}

impl Local {
    /// For a shard.
    #[must_use]
    pub fn new(
        shard: Shard<ClientSink>,
        shared: Arc<Shared>,
        stage: watch::Receiver<Stage>,
    ) -> Rc<Self> {
        Rc::new(Self {
            shard: RefCell::new(shard),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES]),
            limits: shared.limits,
            shared,
            stage,
            started: Instant::now(),
            sleeps_until_us: Cell::new(0),
            wake: Notify::new(),
        })
    }

    /// The time by both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        // The shard's clock starts at 1 s, so that 0 can stand for never.
        let clock_us = 1_000_000 + self.started.elapsed().as_micros() as u64;
        Now { wall_us: wall_us(), clock_us }
    }

    /// Wakes the loop if a deadline has come up that is earlier than what it sleeps for.
    pub fn kick(&self) {
        let next = self.shard.borrow().next_deadline_us();
        if next.is_some_and(|next| next < self.sleeps_until_us.get()) {
            self.wake.notify_one();
        }
    }

    /// Whether connections are taken.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.stage.borrow() == Stage::Serving
    }

    /// Whether the server would have more connections than it may with `more` of them.
    #[must_use]
    pub fn is_full(&self, more: u64) -> bool {
        let open: u64 = self.shared.counters.iter().map(|shard| shard.connections_all()).sum();
        open + more > self.shared.connections_max as u64
    }
}

/// Wall clock, µs since the Unix epoch.
#[must_use]
pub fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// Runs a shard until the server has drained.
pub async fn run(
    local: Rc<Local>,
    mut queue: Consumer,
    listener: std::net::TcpListener,
    mut stage: watch::Receiver<Stage>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let accepting =
        tokio::task::spawn_local(http::accept::run(local.clone(), listener, stage.clone()));
    let gauge = queue.gauge();
    let mut batch = Vec::with_capacity(BATCH_EVENTS_MAX);
    let mut drains = false;
    let mut last_pass = Instant::now();
    loop {
        sleep(&local, &queue, &mut stage, drains).await;
        take_batch(&local, &mut queue, &mut batch).await;
        let now = local.now();
        let began = Instant::now();
        let before = Sent::of(local.shard.borrow().counters());
        {
            let mut shard = local.shard.borrow_mut();
            if !batch.is_empty() {
                shard.apply(&batch, now);
                observe(shard.counters(), &batch);
            }
            shard.tick(now);
            if !drains && matches!(*stage.borrow(), Stage::Draining { .. }) {
                drains = true;
                let Stage::Draining { retry_ms } = stage.borrow().clone() else { continue };
                shard.shut_down(retry_ms, now);
            }
            if drains && shard.connections() == 0 {
                break;
            }
        }
        if *stage.borrow() == Stage::Stopped {
            break;
        }
        let passed = began.elapsed();
        let sent = Sent::of(local.shard.borrow().counters());
        yield_now().await;
        let pass = Pass {
            took: passed,
            since: began - last_pass,
            messages: sent.messages - before.messages,
            writes: sent.writes - before.writes,
            is_flooded: gauge.is_flooded(),
        };
        if pass.counts() {
            last_pass = began;
        }
        rest(rest_after(&pass, local.shared.busy_max), || gauge.is_flooded()).await;
    }
    accepting.abort();
    Ok(())
}

/// What has been sent so far.
#[derive(Clone, Copy, Debug)]
struct Sent {
    messages: u64,
    writes: u64,
}

impl Sent {
    fn of(counters: &Counters) -> Self {
        let messages = Transport::ALL.iter().map(|&transport| counters.messages(transport).get());
        Self { messages: messages.sum(), writes: counters.writes.get() }
    }
}

async fn sleep(local: &Local, queue: &Consumer, stage: &mut watch::Receiver<Stage>, drains: bool) {
    let now_us = local.now().clock_us;
    let next_us = local.shard.borrow().next_deadline_us().unwrap_or(now_us + 1_000_000);
    // While draining, the end of the last connection is noticed by looking.
    let next_us = if drains { next_us.min(now_us + 10_000) } else { next_us };
    local.sleeps_until_us.set(next_us);
    let pause = Duration::from_micros(next_us.saturating_sub(now_us));
    tokio::select! {
        biased;
        () = queue.ready() => {}
        () = local.wake.notified() => {}
        _ = stage.changed() => {}
        () = tokio::time::sleep(pause) => {}
    }
    local.sleeps_until_us.set(0);
}

async fn take_batch(local: &Local, queue: &mut Consumer, batch: &mut Vec<Popped>) {
    batch.clear();
    batch.extend(queue.pop());
    if batch.is_empty() {
        return;
    }
    pause(Duration::from_micros(local.shared.coalesce_us)).await;
    while batch.len() < BATCH_EVENTS_MAX {
        let Some(popped) = queue.pop() else { break };
        batch.push(popped);
    }
}

/// Time from the market to the last socket of the batch.
fn observe(counters: &Counters, batch: &[Popped]) {
    let done_us = wall_us();
    let mut start = 0;
    while start < batch.len() {
        let published_us = batch[start].published_us;
        let same = batch[start..].iter().take_while(|p| p.published_us == published_us).count();
        counters.observe_publish_to_write((done_us - published_us).max(0) as u64, same as u64);
        start += same;
    }
}
