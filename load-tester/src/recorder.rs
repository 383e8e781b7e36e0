//! What one thread has seen of a lane. Clients of a thread share its recorder; it cuts the measured window into seconds
//! and hands each over as a [`Tally`], which the coordinator takes and adds up. Figures are of the measured window,
//! breaches of the whole run.

mod tally;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::freshness::{Ages, Window};
#[cfg(test)]
pub use tally::histogram;
pub use tally::{LATENCY_US_MAX, Latency, Tally, Traffic, WayBytes};

/// Length of an interval of the window, µs.
pub const INTERVAL_US: i64 = 1_000_000;

/// µs since the Unix epoch, now.
#[must_use]
pub fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// What all threads share of a lane while it lasts.
#[derive(Debug)]
pub struct Shared {
    /// The measured window begins here, µs since the Unix epoch.
    begin_us: AtomicI64,
    /// And ends here.
    end_us: AtomicI64,
    /// Clients that are subscribed.
    pub ready: AtomicU32,
    /// Clients that could not be.
    pub failed: AtomicU32,
    /// Clients whose connection has ended.
    pub ended: AtomicU32,
    /// Clients that never read, have subscribed and were not cut off.
    pub stuck: AtomicU32,
}

impl Shared {
    /// Nothing is measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begin_us: AtomicI64::new(i64::MAX),
            end_us: AtomicI64::new(i64::MAX),
            ready: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            stuck: AtomicU32::new(0),
        }
    }

    /// Measuring begins at `now_us`.
    pub fn begin(&self, now_us: i64) {
        self.begin_us.store(now_us, Ordering::Relaxed);
    }

    /// Measuring ends at `now_us`.
    pub fn end(&self, now_us: i64) {
        self.end_us.store(now_us, Ordering::Relaxed);
    }

    /// The window as far as it is known.
    #[inline]
    #[must_use]
    pub fn window(&self) -> Window {
        Window {
            begin_us: self.begin_us.load(Ordering::Relaxed),
            end_us: self.end_us.load(Ordering::Relaxed),
        }
    }
}

/// A part of a lane's figures: of a second of the window, or of no second.
#[derive(Debug)]
pub struct Part {
    /// Which second; `None` before and after the window.
    pub interval: Option<u32>,
    /// Its figures.
    pub tally: Tally,
}

/// Where a thread hands its figures over.
pub type Outbox = Arc<Mutex<Vec<Part>>>;

/// The lock of an outbox; a thread that panicked has left whole figures in it.
pub fn open(outbox: &Outbox) -> MutexGuard<'_, Vec<Part>> {
    outbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The books of a thread for a lane.
pub struct Recorder {
    /// Since the last hand-over.
    pub tally: Tally,
    /// Ages of sampled clients since then.
    pub ages: Ages,
    interval: Option<u32>,
    /// The present interval ends here.
    cut_us: i64,
    shared: Arc<Shared>,
    outbox: Outbox,
}

impl Recorder {
    /// Empty books that are handed over at `outbox`.
    #[must_use]
    pub fn new(shared: Arc<Shared>, outbox: Outbox) -> Self {
        Self {
            tally: Tally::default(),
            ages: Ages::default(),
            interval: None,
            cut_us: i64::MAX,
            shared,
            outbox,
        }
    }

    /// Turns to the interval of a frame that was read at `now_us`. Whether that is within the window.
    #[inline]
    pub fn turn_to(&mut self, now_us: i64) -> bool {
        let Window { begin_us, end_us } = self.shared.window();
        let inside = now_us >= begin_us && now_us < end_us;
        if inside != self.interval.is_some() || now_us >= self.cut_us {
            self.cut(now_us, inside.then_some(begin_us));
        }
        inside
    }

    /// Enters the traffic of a frame of the interval that was turned to.
    #[inline]
    pub fn frame(&mut self, traffic: &Traffic) {
        self.tally.whole.add(traffic);
        if self.interval.is_some() {
            self.tally.window.add(traffic);
        }
    }

    /// The measured window as far as it is known.
    #[inline]
    #[must_use]
    pub fn window(&self) -> Window {
        self.shared.window()
    }

    /// Hands over what has come together.
    pub fn publish(&mut self) {
        self.tally.age.overflows += self.ages.age.drain(&mut self.tally.age.histogram);
        self.tally.staleness.overflows +=
            self.ages.staleness.drain(&mut self.tally.staleness.histogram);
        let tally = std::mem::take(&mut self.tally);
        open(&self.outbox).push(Part { interval: self.interval, tally });
    }

    #[cold]
    fn cut(&mut self, now_us: i64, begin_us: Option<i64>) {
        self.publish();
        (self.interval, self.cut_us) = match begin_us {
            Some(begin_us) => {
                let interval = (now_us - begin_us) / INTERVAL_US;
                (u32::try_from(interval).ok(), begin_us + (interval + 1) * INTERVAL_US)
            }
            None => (None, i64::MAX),
        };
    }
}
