//! Figures of a part of the clients over a part of the time, which add up: histograms and counters. Of a thread's second,
//! of a lane's second, of a whole lane. Adds; never divides, so that nothing is averaged twice.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::breaches::Breaches;
use crate::result::{Announced, Hist};
use crate::transport::Cost;

/// Longest latency that histograms hold, µs; longer ones are counted.
pub const LATENCY_US_MAX: u64 = 600_000_000;
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// An empty histogram of µs, as all are here.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS).expect("constant bounds are in range")
}

/// Bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WayBytes {
    /// Arrays of messages, or what a client says.
    pub payload: u64,
    /// What stands between payloads. A sum of parts that may be negative one by one.
    pub framing: i64,
    /// Heads.
    pub headers: u64,
    /// Read from the socket, or written to it.
    pub wire: u64,
}

impl WayBytes {
    fn add(&mut self, other: &Self) {
        self.payload += other.payload;
        self.framing += other.framing;
        self.headers += other.headers;
        self.wire += other.wire;
    }
}

/// What came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames, answers included.
    pub frames: u64,
    /// Messages, of any type.
    pub messages: u64,
    /// Events that data messages stand for, snapshots left out.
    pub events: u64,
    /// Merged records.
    pub merged_records: u64,
    /// Events that came within merged records, less one each.
    pub merged_away: u64,
    /// Bars.
    pub bars: u64,
    /// Answers.
    pub requests: u64,
    /// Answers without a message.
    pub empty: u64,
    /// Polls that were left out.
    pub missed_slots: u64,
    /// Connections that were made again.
    pub reconnects: u64,
    /// From the server.
    pub down: WayBytes,
    /// To the server.
    pub up: WayBytes,
}

impl Traffic {
    /// A frame of so many bytes of payload that cost `cost` besides.
    #[inline]
    #[must_use]
    pub fn of_frame(payload: usize, cost: &Cost, wire: (u64, u64)) -> Self {
        let Cost { down, up } = cost;
        let way = |payload, layers: &crate::transport::Layers, wire| WayBytes {
            payload,
            framing: i64::from(layers.framing) + layers.around,
            headers: u64::from(layers.headers),
            wire,
        };
        Self {
            frames: 1,
            down: way(payload as u64, down, wire.0),
            up: way(u64::from(up.payload), up, wire.1),
            ..Self::default()
        }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.messages += other.messages;
        self.events += other.events;
        self.merged_records += other.merged_records;
        self.merged_away += other.merged_away;
        self.bars += other.bars;
        self.requests += other.requests;
        self.empty += other.empty;
        self.missed_slots += other.missed_slots;
        self.reconnects += other.reconnects;
        self.down.add(&other.down);
        self.up.add(&other.up);
    }
}

/// Values of one sort, µs.
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
        Self { histogram: histogram(), overflows: 0, negative: 0, lowest_us: 0 }
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

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        if !other.histogram.is_empty() {
            self.histogram.add(&other.histogram).expect("both have the same bounds");
        }
        self.overflows += other.overflows;
        self.negative += other.negative;
        self.lowest_us = self.lowest_us.min(other.lowest_us);
    }

    /// As it is stored.
    #[must_use]
    pub fn stored(&self) -> Hist {
        Hist::new(&self.histogram, self.negative, self.lowest_us, self.overflows)
    }
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
    /// Of merged records, from the first event in them.
    pub held_latency: Latency,
    /// Age of information, weighted by time.
    pub age: Latency,
    /// Staleness, weighted by time.
    pub staleness: Latency,
    /// Answers of the window by status.
    pub responses: BTreeMap<u16, u64>,
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
    /// TCP segments of the watched connections in the window, down and up.
    pub segments: (u64, u64),
    /// How many were watched.
    pub watched: u64,
}

impl Tally {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.window.add(&other.window);
        self.whole.add(&other.whole);
        self.latency.add(&other.latency);
        self.merged_latency.add(&other.merged_latency);
        self.held_latency.add(&other.held_latency);
        self.age.add(&other.age);
        self.staleness.add(&other.staleness);
        self.breaches.add_all(&other.breaches);
        for (why, more) in &other.announced {
            let announced = self.announced.entry(why.clone()).or_default();
            announced.gaps += more.gaps;
            announced.events += more.events;
        }
        add_counts(&mut self.responses, &other.responses);
        add_counts(&mut self.failed, &other.failed);
        add_counts(&mut self.ended, &other.ended);
        self.unanswered += other.unanswered;
        self.behind_ms_max = self.behind_ms_max.max(other.behind_ms_max);
        self.late_us_max = self.late_us_max.max(other.late_us_max);
        self.segments.0 += other.segments.0;
        self.segments.1 += other.segments.1;
        self.watched += other.watched;
    }

    /// Latency of single events and merged records, those from the oldest event in them: merging hides no delay.
    #[must_use]
    pub fn all_latency(&self) -> Latency {
        let mut all = self.latency.clone();
        all.add(&self.held_latency);
        all
    }
}

fn add_counts<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, more) in theirs {
        *mine.entry(key.clone()).or_default() += more;
    }
}
