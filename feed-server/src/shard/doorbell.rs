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
    /// Whether `waker` is to be woken. Written under the lock alone, so that its writes have one order.
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
        // Relaxed: the fence did the ordering, and what is read under the lock is what counts.
        if self.armed.load(Ordering::Relaxed)
            && let Some(waker) = self.set(None)
        {
            waker.wake();
        }
    }

    /// Consumer: ready when `has_work`; otherwise the task is woken by the next [`ring`](Self::ring). May be ready for nothing.
    pub fn poll_wait(&self, cx: &mut Context<'_>, has_work: impl Fn() -> bool) -> Poll<()> {
        if has_work() {
            return Poll::Ready(());
        }
        self.set(Some(cx.waker().clone()));
        // Orders the store of `armed` before the second look, against the producer's fence.
        fence(Ordering::SeqCst);
        if has_work() {
            self.set(None);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Arms or disarms; gives back the waker that was there.
    fn set(&self, new: Option<Waker>) -> Option<Waker> {
        // Nothing can panic while the lock is held.
        let mut waker = self.waker.lock().ok()?;
        self.armed.store(new.is_some(), Ordering::Relaxed);
        std::mem::replace(&mut *waker, new)
    }
}
