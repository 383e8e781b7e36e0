//! What one thread has seen: histograms and counters. Clients of a thread share its recorder; once a second it is added
//! to the thread's shared [`Tally`], which the coordinator takes and adds up. Figures are of the measured window,
//! breaches of the whole run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::breaches::Breaches;

/// Longest latency that histograms hold, µs; longer ones are counted.
const LATENCY_US_MAX: u64 = 600_000_000;
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// µs since the Unix epoch, now.
#[must_use]
pub fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

/// What all threads share while a run lasts.
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
            stuck: AtomicU32::new(0),
        }
    }

    /// Measuring begins now.
    pub fn begin(&self) {
        self.begin_us.store(now_us(), Ordering::Relaxed);
    }

    /// Measuring ends now.
    pub fn end(&self) {
        self.end_us.store(now_us(), Ordering::Relaxed);
    }

    /// Whether a frame read at `now_us` counts.
    #[inline]
    fn measures(&self, now_us: i64) -> bool {
        now_us >= self.begin_us.load(Ordering::Relaxed)
            && now_us < self.end_us.load(Ordering::Relaxed)
    }
}

/// What came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Frames.
    pub frames: u64,
    /// Messages, of any type.
    pub messages: u64,
    /// Events that data messages stand for, snapshots left out.
    pub events: u64,
    /// Bytes of frames, with their headers.
    pub bytes: u64,
    /// Merged records.
    pub merged_records: u64,
    /// Events that came within merged records, less one each.
    pub merged_away: u64,
    /// Bars.
    pub bars: u64,
}

impl Traffic {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.messages += other.messages;
        self.events += other.events;
        self.bytes += other.bytes;
        self.merged_records += other.merged_records;
        self.merged_away += other.merged_away;
        self.bars += other.bars;
    }
}

/// Latencies of one sort, µs.
#[derive(Clone, Debug)]
pub struct Latency {
    /// Those from 0 to ten minutes.
    pub histogram: Histogram<u64>,
    /// How many were longer.
    pub overflows: u64,
    /// How many were below 0.
    pub negative: u64,
    /// The lowest of those.
    pub lowest_us: i64,
}

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
            .expect("constant bounds are in range");
        Self { histogram, overflows: 0, negative: 0, lowest_us: 0 }
    }
}

impl Latency {
    /// Records one.
    #[inline]
    pub fn record(&mut self, us: i64) {
        match u64::try_from(us) {
            Ok(us) => {
                if self.histogram.record(us).is_err() {
                    self.overflows += 1;
                }
            }
            Err(_) => {
                self.negative += 1;
                self.lowest_us = self.lowest_us.min(us);
            }
        }
    }

    fn absorb(&mut self, other: &mut Self) {
        self.histogram.add(&other.histogram).expect("both have the same bounds");
        self.overflows += other.overflows;
        self.negative += other.negative;
        self.lowest_us = self.lowest_us.min(other.lowest_us);
        other.histogram.reset();
        (other.overflows, other.negative, other.lowest_us) = (0, 0, 0);
    }
}

/// Announced gaps of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Announced {
    /// `gap` messages.
    pub gaps: u64,
    /// Events that they announce as missing.
    pub events: u64,
}

/// Figures of a part of the clients, or of all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// In the measured window.
    pub window: Traffic,
    /// Since the first client came.
    pub whole: Traffic,
    /// Of `t`, `q` and `s`.
    pub latency: Latency,
    /// Of merged records, from the last event in them.
    pub merged_latency: Latency,
    /// Against the contract.
    pub breaches: Breaches,
    /// By cause.
    pub announced: BTreeMap<String, Announced>,
    /// Connections that could not be made, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Connections that ended before the run did, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Clients whose goodbye was not answered as it should be.
    pub unanswered: u64,
    /// Greatest `behind_ms` of a heartbeat.
    pub behind_ms_max: u64,
    /// Longest time by which a thread was late for its own timer, µs: what the tester itself may add to a latency.
    pub late_us_max: u64,
}

impl Tally {
    /// Takes the figures of `other` over and leaves it empty.
    pub fn absorb(&mut self, other: &mut Self) {
        self.window.add(&std::mem::take(&mut other.window));
        self.whole.add(&std::mem::take(&mut other.whole));
        self.latency.absorb(&mut other.latency);
        self.merged_latency.absorb(&mut other.merged_latency);
        self.breaches.absorb(&mut other.breaches);
        for (why, more) in std::mem::take(&mut other.announced) {
            let announced = self.announced.entry(why).or_default();
            announced.gaps += more.gaps;
            announced.events += more.events;
        }
        for (why, more) in std::mem::take(&mut other.failed) {
            *self.failed.entry(why).or_default() += more;
        }
        for (why, more) in std::mem::take(&mut other.ended) {
            *self.ended.entry(why).or_default() += more;
        }
        self.unanswered += std::mem::take(&mut other.unanswered);
        self.behind_ms_max = self.behind_ms_max.max(std::mem::take(&mut other.behind_ms_max));
        self.late_us_max = self.late_us_max.max(std::mem::take(&mut other.late_us_max));
    }
}

/// What a thread hands over once a second.
pub type Outbox = Arc<Mutex<Tally>>;

/// The lock of an outbox; a thread that panicked has left whole figures in it.
pub fn open(outbox: &Outbox) -> MutexGuard<'_, Tally> {
    outbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The books of a thread.
pub struct Recorder {
    /// Since the last hand-over.
    pub tally: Tally,
    shared: Arc<Shared>,
    outbox: Outbox,
}

impl Recorder {
    /// Empty books that are handed over at `outbox`.
    #[must_use]
    pub fn new(shared: Arc<Shared>, outbox: Outbox) -> Self {
        Self { tally: Tally::default(), shared, outbox }
    }

    /// Enters the traffic of a frame that was read at `now_us`; whether it is within the window.
    #[inline]
    pub fn frame(&mut self, now_us: i64, traffic: &Traffic) {
        self.tally.whole.add(traffic);
        if self.measures(now_us) {
            self.tally.window.add(traffic);
        }
    }

    /// Whether a frame read at `now_us` is within the window.
    #[inline]
    #[must_use]
    pub fn measures(&self, now_us: i64) -> bool {
        self.shared.measures(now_us)
    }

    /// Hands over what has come together.
    pub fn publish(&mut self) {
        open(&self.outbox).absorb(&mut self.tally);
    }
}
