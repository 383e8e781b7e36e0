//! The way of an event to a shard: ours (crossbeam's `ArrayQueue`, which overwrites when it is full, with tickets) beside the
//! bare `ArrayQueue` and rtrb, which has one producer and cannot overwrite. `push-pop` is what the queue costs without
//! contention; `across` hands batches to another thread that never sleeps; `wake` is a round trip between two threads that
//! sleep, each woken by the doorbell that shards have, around either queue.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::events::events;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_queue::ArrayQueue;
use feed_protocol::Event;
use feed_server::shard::doorbell::Doorbell;
use feed_server::shard::queue::queue;

const CAPACITY: usize = 1 << 16;
const BATCH: usize = 256;

/// Both ends of a queue for this comparison: one event in, one out.
trait Ends: Sized {
    type Producer: Send + 'static;
    type Consumer: Send + 'static;
    const NAME: &'static str;
    fn ends() -> (Self::Producer, Self::Consumer);
    /// Whether there was room.
    fn push(producer: &mut Self::Producer, event: Event) -> bool;
    fn pop(consumer: &mut Self::Consumer) -> Option<Event>;
    fn is_empty(consumer: &Self::Consumer) -> bool;
}

struct Crossbeam;

impl Ends for Crossbeam {
    type Producer = Arc<ArrayQueue<Event>>;
    type Consumer = Arc<ArrayQueue<Event>>;
    const NAME: &'static str = "crossbeam";

    fn ends() -> (Self::Producer, Self::Consumer) {
        let queue = Arc::new(ArrayQueue::new(CAPACITY));
        (queue.clone(), queue)
    }

    fn push(producer: &mut Self::Producer, event: Event) -> bool {
        producer.push(event).is_ok()
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Event> {
        consumer.pop()
    }

    fn is_empty(consumer: &Self::Consumer) -> bool {
        consumer.is_empty()
    }
}

struct Rtrb;

impl Ends for Rtrb {
    type Producer = rtrb::Producer<Event>;
    type Consumer = rtrb::Consumer<Event>;
    const NAME: &'static str = "rtrb";

    fn ends() -> (Self::Producer, Self::Consumer) {
        rtrb::RingBuffer::new(CAPACITY)
    }

    fn push(producer: &mut Self::Producer, event: Event) -> bool {
        producer.push(event).is_ok()
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Event> {
        consumer.pop().ok()
    }

    fn is_empty(consumer: &Self::Consumer) -> bool {
        consumer.is_empty()
    }
}

fn push_pop(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/push-pop");
    group.throughput(Throughput::Elements(BATCH as u64));
    let events = events(BATCH as u64, 100, 10);
    group.bench_function("ours", |bencher| {
        let (mut producer, mut consumer) = queue(CAPACITY);
        bencher.iter(|| {
            events.iter().for_each(|event| producer.push(*event, 0));
            producer.ring();
            std::iter::from_fn(|| consumer.pop()).fold(0, |_, popped| popped.event.offset)
        });
    });
    push_pop_of::<Crossbeam>(&mut group, &events);
    push_pop_of::<Rtrb>(&mut group, &events);
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn push_pop_of<Q: Ends>(group: &mut Group<'_>, events: &[Event]) {
    group.bench_function(Q::NAME, |bencher| {
        let (mut producer, mut consumer) = Q::ends();
        bencher.iter(|| {
            assert!(events.iter().all(|event| Q::push(&mut producer, *event)));
            std::iter::from_fn(|| Q::pop(&mut consumer)).fold(0, |_, event| event.offset)
        });
    });
}

/// Time until another thread has popped everything.
fn across<Q: Ends>(group: &mut Group<'_>) {
    group.bench_function(Q::NAME, |bencher| {
        let event = events(1, 1, 0)[0];
        bencher.iter_custom(|iterations| {
            let (mut producer, mut consumer) = Q::ends();
            let total = iterations * BATCH as u64;
            let start = Instant::now();
            let reader = std::thread::spawn(move || {
                let mut popped = 0;
                while popped < total {
                    match Q::pop(&mut consumer) {
                        Some(_) => popped += 1,
                        // The machine may have fewer processors than threads.
                        None => std::thread::yield_now(),
                    }
                }
            });
            for _ in 0..total {
                while !Q::push(&mut producer, event) {
                    std::thread::yield_now();
                }
            }
            reader.join().expect("a reader that counts");
            start.elapsed()
        });
    });
}

/// Waits at `bell` for one event.
async fn next<Q: Ends>(bell: &Doorbell, consumer: &mut Q::Consumer) -> Event {
    loop {
        if let Some(event) = Q::pop(consumer) {
            return event;
        }
        poll_fn(|cx| bell.poll_wait(cx, || !Q::is_empty(consumer))).await;
    }
}

/// Round trips between two sleeping threads.
fn round_trips<Q: Ends>(iterations: u64) -> Duration {
    let bells: Arc<[Doorbell; 2]> = Arc::default();
    let ((mut there, mut far), (mut back, mut near)) = (Q::ends(), Q::ends());
    let runtime = || tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let far_bells = bells.clone();
    let echo = std::thread::spawn(move || {
        runtime().block_on(async {
            for _ in 0..iterations {
                let event = next::<Q>(&far_bells[0], &mut far).await;
                assert!(Q::push(&mut back, event));
                far_bells[1].ring();
            }
        });
    });
    let event = events(1, 1, 0)[0];
    let start = Instant::now();
    runtime().block_on(async {
        for _ in 0..iterations {
            assert!(Q::push(&mut there, event));
            bells[0].ring();
            next::<Q>(&bells[1], &mut near).await;
        }
    });
    let elapsed = start.elapsed();
    echo.join().expect("an echo of every event");
    elapsed
}

fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/across");
    group.sample_size(10);
    group.throughput(Throughput::Elements(BATCH as u64));
    across::<Crossbeam>(&mut group);
    across::<Rtrb>(&mut group);
    group.finish();
    let mut group = criterion.benchmark_group("queue/wake");
    group.sample_size(10);
    group.bench_function(Crossbeam::NAME, |bencher| bencher.iter_custom(round_trips::<Crossbeam>));
    group.bench_function(Rtrb::NAME, |bencher| bencher.iter_custom(round_trips::<Rtrb>));
    group.finish();
}

criterion_group!(benches, push_pop, two_threads);
criterion_main!(benches);
