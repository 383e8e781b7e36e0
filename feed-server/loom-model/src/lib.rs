//! The wake-up between the market and a shard, every interleaving of it (loom, C11 memory model).
//! The file under test is the server's own, compiled here with loom's atomics.

#[path = "../../src/shard/doorbell.rs"]
pub mod doorbell;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use loom::future::block_on;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::doorbell::Doorbell;

    /// Stands for the queue: as little synchronisation as a queue can have.
    #[derive(Default)]
    struct Shared {
        pushed: AtomicUsize,
        bell: Doorbell,
    }

    fn consume(shared: &Shared, wanted: usize) {
        let mut seen = 0;
        while seen < wanted {
            block_on(poll_fn(|cx| {
                shared.bell.poll_wait(cx, || shared.pushed.load(Ordering::Acquire) > seen)
            }));
            seen = shared.pushed.load(Ordering::Acquire);
        }
    }

    /// All interleavings with at most so many preemptions. Without a bound the first model takes minutes (and passes);
    /// with either fence taken out of the doorbell both models fail at once.
    const PREEMPTIONS: usize = 4;

    fn model() -> loom::model::Builder {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(PREEMPTIONS);
        model
    }

    /// A lost wake-up would be a deadlock, which loom reports.
    #[test]
    fn no_wake_up_is_lost_with_one_producer() {
        model().check(|| {
            let shared = Arc::new(Shared::default());
            let producer = shared.clone();
            let thread = thread::spawn(move || {
                for _ in 0..2 {
                    producer.pushed.fetch_add(1, Ordering::Release);
                    producer.bell.ring();
                }
            });
            consume(&shared, 2);
            thread.join().unwrap();
        });
    }

    #[test]
    fn no_wake_up_is_lost_with_two_producers() {
        model().check(|| {
            let shared = Arc::new(Shared::default());
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let producer = shared.clone();
                    thread::spawn(move || {
                        producer.pushed.fetch_add(1, Ordering::Release);
                        producer.bell.ring();
                    })
                })
                .collect();
            consume(&shared, 2);
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
