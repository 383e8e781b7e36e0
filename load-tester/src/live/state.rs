//! What the live view shows: the lanes that run, the ones that have ended, and what each did in the last minute. Filled from
//! the progress that a run tells once a second; draws nothing.

use std::collections::VecDeque;
use std::time::Duration;

/// Seconds of a lane's past that are kept.
const PAST_MAX: usize = 120;

/// How a lane is going.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Now {
    /// Its name.
    pub transport: String,
    /// Clients asked for.
    pub clients: u32,
    /// Clients that are subscribed.
    pub ready: u32,
    /// Messages a second.
    pub messages_per_s: f64,
    /// Median of latency so far, µs.
    pub p50_us: Option<u64>,
    /// 99th percentile of latency, µs.
    pub p99_us: Option<u64>,
    /// 99th percentile of staleness, µs.
    pub staleness_p99_us: Option<u64>,
    /// Connections that could not be made or ended early, and breaches of the contract.
    pub errors: u64,
}

/// A lane with its past.
#[derive(Clone, Debug)]
pub struct Row {
    /// As it is, or as it was when it ended.
    pub now: Now,
    /// Whether it still runs.
    pub running: bool,
    /// Messages a second, the newest last.
    pub past: VecDeque<f64>,
}

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What the run is doing.
    pub phase: &'static str,
    /// How long until that is over, at most.
    pub left: Duration,
    /// How long that was when the phase began.
    pub phase_length: Duration,
    /// Lanes in the order in which they began.
    pub rows: Vec<Row>,
    /// Lanes that have ended.
    pub done: usize,
    /// Lanes in all.
    pub total: usize,
}

impl State {
    /// Takes over how it is going.
    pub fn update(&mut self, phase: &'static str, left: Duration, done: usize, total: usize) {
        // A phase that begins anew, as that of the next lane, has more time left than the one before.
        if self.phase != phase || left > self.left {
            self.phase_length = left;
        }
        (self.phase, self.left, self.done, self.total) = (phase, left, done, total);
        for row in &mut self.rows {
            row.running = false;
        }
    }

    /// Takes over how a lane is going that runs.
    pub fn lane(&mut self, now: Now) {
        let place = self.rows.iter().position(|row| row.now.transport == now.transport);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row { now: Now::default(), running: true, past: VecDeque::new() });
            self.rows.len() - 1
        });
        let row = &mut self.rows[place];
        if row.past.len() == PAST_MAX {
            row.past.pop_front();
        }
        row.past.push_back(now.messages_per_s);
        (row.running, row.now) = (true, now);
    }

    /// Which part of the phase is over, 0 to 1.
    #[must_use]
    pub fn part(&self) -> f64 {
        let length = self.phase_length.as_secs_f64();
        if length > 0.0 { (1.0 - self.left.as_secs_f64() / length).clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(transport: &str, messages_per_s: f64) -> Now {
        Now { transport: transport.to_owned(), messages_per_s, ..Now::default() }
    }

    #[test]
    fn lanes_that_have_ended_stay_with_their_last_figures() {
        let mut state = State::default();
        state.update("measuring", Duration::from_secs(10), 0, 2);
        state.lane(now("sse", 5.0));
        state.update("measuring", Duration::from_secs(10), 1, 2);
        state.lane(now("ws-json", 7.0));
        let rows: Vec<_> =
            state.rows.iter().map(|row| (row.now.transport.as_str(), row.running)).collect();
        assert_eq!(rows, [("sse", false), ("ws-json", true)]);
    }

    #[test]
    fn a_phase_is_over_by_parts_and_begins_anew() {
        let mut state = State::default();
        let left = |seconds| Duration::from_secs(seconds);
        state.update("measuring", left(10), 0, 2);
        assert!(state.part().abs() < 1e-9);
        state.update("measuring", left(4), 0, 2);
        assert!((state.part() - 0.6).abs() < 1e-9);
        state.update("measuring", left(10), 1, 2);
        assert!(state.part().abs() < 1e-9);
    }

    #[test]
    fn the_past_has_a_bound() {
        let mut state = State::default();
        for second in 0..1_000 {
            state.lane(now("sse", f64::from(second)));
        }
        assert_eq!(state.rows[0].past.len(), PAST_MAX);
        assert_eq!(state.rows[0].past.back(), Some(&999.0));
    }
}
