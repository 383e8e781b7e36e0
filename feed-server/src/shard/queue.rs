//! The bounded queue between the ingest thread and a shard. When it is full the oldest event is overwritten: freshness
//! before completeness, and the producer never waits. Every push takes a ticket, so that the consumer sees exactly how
//! many it missed, and can fetch them from the market's history.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use feed_protocol::Event;

use super::BATCH_EVENTS_MAX;
use super::doorbell::Doorbell;

/// An event on its way to a shard.
#[derive(Clone, Copy, Debug)]
pub struct Queued {
    /// Number of the push, from 0, without holes at the producer.
    ticket: u64,
    /// When the market handed it out, µs, wall clock.
    pub published_us: i64,
    /// The event.
    pub event: Event,
}

#[derive(Debug)]
struct Ring {
    slots: ArrayQueue<Queued>,
    bell: Doorbell,
    overwritten: AtomicU64,
}

// The producer's and the consumer's index are on cache lines of their own, and so is what they have beside them: `armed` is read
// at every batch and written when the shard goes to sleep, `overwritten` is written when something is lost.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const _: () = {
    assert!(align_of::<ArrayQueue<Queued>>() == 128, "crossbeam keeps head and tail apart");
    assert!(size_of::<ArrayQueue<Queued>>() == 3 * 128, "head, tail, what never changes");
    assert!(size_of::<Ring>() == 4 * 128, "and the bell with the count of what was lost");
};

/// The market's end.
#[derive(Debug)]
pub struct Producer {
    ring: Arc<Ring>,
    tickets: u64,
}

/// The shard's end.
#[derive(Debug)]
pub struct Consumer {
    ring: Arc<Ring>,
    tickets: u64,
}

/// What an observer may know of a queue.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Ring>);

/// What came out of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Popped {
    /// How many events before this one were overwritten.
    pub missed: u64,
    /// When the market handed it out, µs, wall clock.
    pub published_us: i64,
    /// The event.
    pub event: Event,
}

/// A queue of at most `capacity` events (at least 1).
#[must_use]
pub fn queue(capacity: usize) -> (Producer, Consumer) {
    let ring = Arc::new(Ring {
        slots: ArrayQueue::new(capacity.max(1)),
        bell: Doorbell::default(),
        overwritten: AtomicU64::new(0),
    });
    (Producer { ring: ring.clone(), tickets: 0 }, Consumer { ring, tickets: 0 })
}

impl Producer {
    /// Puts an event in; the oldest gives way if there is no room.
    pub fn push(&mut self, event: Event, published_us: i64) {
        let queued = Queued { ticket: self.tickets, published_us, event };
        self.tickets += 1;
        if self.ring.slots.force_push(queued).is_some() {
            self.ring.overwritten.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes the shard if it sleeps; once a batch.
    pub fn ring(&self) {
        self.ring.bell.ring();
    }
}

impl Consumer {
    /// The oldest event that is left.
    pub fn pop(&mut self) -> Option<Popped> {
        let Queued { ticket, published_us, event } = self.ring.slots.pop()?;
        let missed = ticket - self.tickets;
        self.tickets = ticket + 1;
        Some(Popped { missed, published_us, event })
    }

    /// Waits until there is something to pop. Safe to drop and call again.
    pub async fn ready(&self) {
        poll_fn(|cx| self.ring.bell.poll_wait(cx, || !self.ring.slots.is_empty())).await;
    }

    /// For metrics.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(self.ring.clone())
    }
}

impl Gauge {
    /// Events waiting now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.slots.len()
    }

    /// Whether nothing is gained by letting more gather: a whole batch waits, or the queue is half full.
    #[must_use]
    pub fn is_flooded(&self) -> bool {
        self.depth() >= BATCH_EVENTS_MAX.min(self.0.slots.capacity() / 2)
    }

    /// Events overwritten so far.
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.0.overwritten.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use feed_protocol::{Body, SymbolId, TradingStatus};

    use super::*;

    fn event(offset: u64) -> Event {
        let body = Body::Status(TradingStatus::Trading);
        Event { symbol: SymbolId(0), seq: offset, offset, ts_us: 0, body }
    }

    #[test]
    fn an_overwritten_event_is_counted_on_both_ends() {
        let (mut producer, mut consumer) = queue(2);
        for offset in 1..=5 {
            producer.push(event(offset), 0);
        }
        assert_eq!(consumer.gauge().overwritten(), 3);
        let popped = consumer.pop().unwrap();
        assert_eq!((popped.event.offset, popped.missed), (4, 3));
        let popped = consumer.pop().unwrap();
        assert_eq!((popped.event.offset, popped.missed), (5, 0));
        assert!(consumer.pop().is_none());
    }

    #[tokio::test]
    async fn a_sleeping_consumer_is_woken_across_threads() {
        let (mut producer, mut consumer) = queue(1024);
        let thread = std::thread::spawn(move || {
            for offset in 1..=10_000 {
                producer.push(event(offset), 0);
                producer.ring();
            }
        });
        let (mut seen, mut last) = (0, 0);
        while last < 10_000 {
            consumer.ready().await;
            while let Some(popped) = consumer.pop() {
                seen += 1 + popped.missed;
                last = popped.event.offset;
                assert_eq!(seen, last);
            }
        }
        thread.join().unwrap();
    }
}
