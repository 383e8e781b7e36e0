//! One process: a market, the thread that feeds it, and its shards, each a thread with a queue and sinks in memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::events::tick;
use benches::fanout::{SYMBOLS, SYMBOLS_A_CONNECTION, Sets, market, now, shard_of};
use feed_protocol::{Format, Tick};
use feed_server::lab::cpu::thread_ns;
use feed_server::market::{Ingest, Market};
use feed_server::shard::counters::{Counters, Transport};
use feed_server::shard::outbox::Sink;
use feed_server::shard::queue::{Consumer, queue};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::plan::Plan;

/// A shard's queue holds so many events; the feeder leaves room.
const QUEUE_EVENTS: usize = 1 << 16;
/// So many events may wait when the feeder gives as many as are taken.
const AHEAD_EVENTS: u64 = 16_384;
/// How long the feeder then sleeps.
const FULL_SLEEP: Duration = Duration::from_millis(1);
/// How often the feeder has something, if it keeps to a rate: as the server's pacer.
const PACE: Duration = Duration::from_micros(250);
/// From one counter to the next, so that no two are on one cache line (or on two that are fetched together).
const APART: usize = 128 / size_of::<AtomicU64>();

/// What that took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Messages delivered a second.
    pub messages_per_s: f64,
    /// CPU time of the shards' threads a message, ns.
    pub shard_ns: f64,
    /// CPU time of the feeding thread an event, ns.
    pub feeder_ns: f64,
}

/// A sink that counts in one number a shard.
struct Tally(Arc<[AtomicU64]>, usize);

impl Sink for Tally {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0[self.1].fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn want_writable(&mut self) {}
}

/// What the threads of a process know of each other beside the queues. Written once a batch by its shard.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Position(AtomicU64);

#[derive(Debug)]
struct Together {
    plan: Plan,
    begin: Instant,
    end: Instant,
    /// Offset of the last event, once it is known.
    last: AtomicU64,
    positions: Vec<Position>,
}

/// A process of its own: says that it is ready, begins when it is told so, and says what it took.
pub fn main(plan: &Plan) {
    let cost = run(plan, || {
        println!("ready");
        io::stdin().read_line(&mut String::new()).expect("a line");
    });
    println!("{} {} {}", cost.messages_per_s, cost.shard_ns, cost.feeder_ns);
}

/// Carries a plan out; `wait` returns when it is to begin.
///
/// # Panics
/// If a message was lost or merged.
pub fn run(plan: &Plan, wait: impl FnOnce()) -> Cost {
    let market = market();
    let (producers, consumers): (Vec<_>, Vec<_>) =
        (0..plan.shards).map(|_| queue(QUEUE_EVENTS)).unzip();
    let counters: Vec<Arc<Counters>> = (0..plan.shards).map(|_| Arc::default()).collect();
    let tally: Arc<[AtomicU64]> = (0..plan.shards * APART).map(|_| AtomicU64::new(0)).collect();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (mut go, mut shards) = (Vec::new(), Vec::new());
    for (number, consumer) in consumers.into_iter().enumerate() {
        let (market, counters, ready) = (market.clone(), counters[number].clone(), ready.clone());
        let place = if plan.shares_line { number } else { number * APART };
        let (tally, plan) = (tally.clone(), *plan);
        let (tell, told) = std::sync::mpsc::channel::<Arc<Together>>();
        go.push(tell);
        shards.push(std::thread::spawn(move || {
            pin(plan.processors.map(|(first, _)| first + number));
            let form = (plan.connections, Sets::Distinct, Format::Json);
            let mut shard = shard_of(&market, counters, form, || Tally(tally.clone(), place));
            ready.send(()).expect("somebody who waits");
            let together = told.recv().expect("somebody who begins");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let serving = serve(&together, number, consumer, &mut shard);
            tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), serving)
        }));
    }
    (0..plan.shards).for_each(|_| is_ready.recv().expect("a shard"));
    wait();
    let begin = Instant::now() + Duration::from_millis(plan.warm_up_ms);
    let together = Arc::new(Together {
        plan: *plan,
        begin,
        end: begin + Duration::from_millis(plan.measured_ms),
        last: AtomicU64::new(u64::MAX),
        positions: (0..plan.shards).map(|_| Position::default()).collect(),
    });
    pin(plan.processors.map(|(_, feeder)| feeder));
    go.iter().for_each(|tell| tell.send(together.clone()).expect("a shard"));
    let feeder_ns = feed(&together, &market, Ingest::new(market.clone(), producers));
    let measured: Vec<Measured> =
        shards.into_iter().map(|shard| shard.join().expect("a shard's end")).collect();
    let rounds = market.head() / u64::from(SYMBOLS);
    let expected = rounds * plan.connections as u64 * u64::from(SYMBOLS_A_CONNECTION);
    for counters in &counters {
        let delivered = counters.messages(Transport::WebSocket).get();
        assert_eq!(delivered, expected, "each event to each who wants it, none merged");
    }
    let messages: u64 = measured.iter().map(|shard| shard.messages).sum();
    Cost {
        messages_per_s: measured.iter().map(|m| m.messages as f64 / m.elapsed.as_secs_f64()).sum(),
        shard_ns: measured.iter().map(|m| m.cpu_ns).sum::<u64>() as f64 / messages as f64,
        feeder_ns: feeder_ns as f64 / market.head() as f64,
    }
}

/// Feeds the market until the end; returns the CPU time that took, ns.
fn feed(together: &Together, market: &Market, mut ingest: Ingest) -> u64 {
    let begin_ns = thread_ns();
    let plan = together.plan;
    let mut number = 0;
    let mut publish = |count: usize| {
        let next = number + count as u64;
        let at = |number| Tick { ts_us: now().wall_us, ..tick(number, SYMBOLS, 0) };
        let ticks: Vec<Tick> = (number..next).map(at).collect();
        number = next;
        if number % u64::from(SYMBOLS) == 0 && Instant::now() >= together.end {
            together.last.store(number, Ordering::Relaxed);
        }
        ingest.publish(&ticks, now().wall_us);
    };
    let mut due = Instant::now();
    while together.last.load(Ordering::Relaxed) == u64::MAX {
        if plan.is_paced {
            due += PACE;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            publish(plan.batch);
            continue;
        }
        let taken = together.positions.iter().map(|p| p.0.load(Ordering::Relaxed)).min();
        if market.head() - taken.unwrap_or(0) >= AHEAD_EVENTS {
            std::thread::sleep(FULL_SLEEP);
        } else {
            publish(plan.batch);
        }
    }
    thread_ns() - begin_ns
}

/// What a shard did from the first pass after the beginning to the first after the end.
#[derive(Clone, Copy, Debug)]
struct Measured {
    messages: u64,
    elapsed: Duration,
    cpu_ns: u64,
}

/// A shard's loop, without connections that say anything and without rests.
async fn serve(
    together: &Together,
    number: usize,
    mut queue: Consumer,
    shard: &mut feed_server::shard::Shard<Tally>,
) -> Measured {
    let look = |shard: &feed_server::shard::Shard<Tally>| {
        let messages = shard.counters().messages(Transport::WebSocket).get();
        (Instant::now(), messages, thread_ns())
    };
    let mut batch = Vec::with_capacity(together.plan.batch);
    let (mut first, mut last) = (None, None);
    while shard.position() < together.last.load(Ordering::Relaxed) {
        queue.ready().await;
        batch.clear();
        while batch.len() < together.plan.batch
            && let Some(popped) = queue.pop()
        {
            batch.push(popped);
        }
        shard.apply(&batch, now());
        shard.tick(now());
        together.positions[number].0.store(shard.position(), Ordering::Relaxed);
        let at = Instant::now();
        if first.is_none() && at >= together.begin {
            first = Some(look(shard));
        }
        if last.is_none() && at >= together.end {
            last = Some(look(shard));
        }
        tokio::task::yield_now().await;
    }
    let (first, last) = first.zip(last).expect("a pass before and one after the end");
    Measured { messages: last.1 - first.1, elapsed: last.0 - first.0, cpu_ns: last.2 - first.2 }
}

/// Keeps this thread on a processor.
fn pin(processor: Option<usize>) {
    let Some(processor) = processor else { return };
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).expect("a processor that there is");
}
