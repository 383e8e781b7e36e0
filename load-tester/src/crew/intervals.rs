//! The window second by second, as it is stored. A second stays open a while for threads that are late with their
//! figures, and is then encoded, so that a long run does not keep a histogram for each.

use std::collections::BTreeMap;

use crate::machine::{self, ProcessUse};
use crate::recorder::{INTERVAL_US, Latency, Tally};
use crate::result::{Interval, encode};

/// So many seconds are open at once.
const OPEN_MAX: usize = 8;

/// The seconds of a lane.
#[derive(Default)]
pub struct Intervals {
    begin_us: Option<i64>,
    open: BTreeMap<u32, Tally>,
    closed: BTreeMap<u32, Interval>,
    /// The server's CPU time at the begin of each second, µs.
    server_cpu_us: Vec<Option<u64>>,
}

impl Intervals {
    /// The window begins.
    pub fn begin(&mut self, begin_us: i64, server: Option<ProcessUse>) {
        self.begin_us = Some(begin_us);
        self.server_cpu_us.push(server.map(cpu_us));
    }

    /// Notes what the server has used when a second is over.
    pub fn look(&mut self, now_us: i64, server_pid: Option<u32>) {
        let Some(begin_us) = self.begin_us else { return };
        let seconds = (now_us - begin_us) / INTERVAL_US;
        if usize::try_from(seconds).is_ok_and(|seconds| seconds >= self.server_cpu_us.len()) {
            self.server_cpu_us.push(server_pid.and_then(machine::process_use).map(cpu_us));
        }
    }

    /// Adds a part of second `interval`.
    pub fn add(&mut self, interval: u32, tally: &Tally) {
        // Later than late: its second is stored already. The lane's own figures have it.
        if self.closed.contains_key(&interval) {
            return;
        }
        self.open.entry(interval).or_default().add(tally);
        while self.open.len() > OPEN_MAX {
            self.close_first();
        }
    }

    /// All of them, in order.
    pub fn end(mut self) -> Vec<Interval> {
        while !self.open.is_empty() {
            self.close_first();
        }
        let cpu = &self.server_cpu_us;
        let used = |t_s: u32| {
            let at = |second: usize| cpu.get(second).copied().flatten();
            Some(at(t_s as usize + 1)?.saturating_sub(at(t_s as usize)?))
        };
        let closed = self.closed.into_values();
        closed.map(|interval| Interval { server_cpu_us: used(interval.t_s), ..interval }).collect()
    }

    fn close_first(&mut self) {
        if let Some((t_s, tally)) = self.open.pop_first() {
            self.closed.insert(t_s, stored(t_s, &tally));
        }
    }
}

fn stored(t_s: u32, tally: &Tally) -> Interval {
    let at = |latency: &Latency, quantile| {
        let histogram = &latency.histogram;
        (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile))
    };
    Interval {
        t_s,
        latency: encode(&tally.all_latency().histogram),
        staleness: encode(&tally.staleness.histogram),
        staleness_p50_us: at(&tally.staleness, 0.5),
        staleness_p99_us: at(&tally.staleness, 0.99),
        age_p50_us: at(&tally.age, 0.5),
        age_p99_us: at(&tally.age, 0.99),
        events: tally.window.events,
        messages: tally.window.messages,
        bytes_down: tally.window.down.wire,
        bytes_up: tally.window.up.wire,
        server_cpu_us: None,
    }
}

fn cpu_us(server: ProcessUse) -> u64 {
    u64::try_from(server.cpu.as_micros()).unwrap_or(u64::MAX)
}
