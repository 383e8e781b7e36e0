//! How a producer wakes a shard without a system call an event.
//!
//! Consumer: arm, look again, sleep. Producer: push, then wake only if armed. The two sequentially consistent fences make
//! one of them see the other: either the producer sees the flag, or the consumer sees the work (store buffering is the
//! case they rule out). `feed-server/loom-model` runs this very file through the loom model checker.

#[cfg(loom)]
use loom::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering, fence},
};
#[cfg(not(loom))]
use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering, fence},
};
use std::task::{Context, Poll, Waker};

/// One consumer's bell. Rung by any number of producers; waited at by one task.
#[derive(Debug)]
pub struct Doorbell {
    armed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self { armed: AtomicBool::new(false), waker: Mutex::new(None) }
    }
}

impl Doorbell {
    /// Producer: call after the work is visible to `has_work`. Costs a fence and a load unless the consumer sleeps.
    pub fn ring(&self) {
        // Orders the push before the load of `armed`, against the consumer's fence.
        fence(Ordering::SeqCst);
        // Relaxed suffices: the fence above did the ordering; the swap makes sure that one producer only does the waking.
        if self.armed.load(Ordering::Relaxed) && self.armed.swap(false, Ordering::AcqRel) {
            let waker = match self.waker.lock() {
                Ok(mut waker) => waker.take(),
                Err(_) => None,
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Consumer: ready when `has_work`; otherwise the task is woken by the next [`ring`](Self::ring). May be ready for nothing.
    pub fn poll_wait(&self, cx: &mut Context<'_>, has_work: impl Fn() -> bool) -> Poll<()> {
        if has_work() {
            return Poll::Ready(());
        }
        if let Ok(mut waker) = self.waker.lock() {
            *waker = Some(cx.waker().clone());
        }
        self.armed.store(true, Ordering::Release);
        // Orders the store of `armed` before the second look, against the producer's fence.
        fence(Ordering::SeqCst);
        if has_work() {
            self.armed.store(false, Ordering::Relaxed);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
