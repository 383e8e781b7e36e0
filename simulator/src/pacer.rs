//! Lets ticks happen when they are due: hands them over in batches, in (scaled) real time or at once.
//! Stands between any source of ticks and the market that publishes them, on a thread of the caller's.
//! Never hands a tick over early and never drops one; sleeps to the next due time, give or take what the kernel's
//! timer allows (some 50 µs), and says in a histogram how late it was. Above 5,000 ticks/s it wakes up every 250 µs.

use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use feed_protocol::Tick;

use crate::lateness::Lateness;
use crate::pace::{Origin, Pace, wall_clock_us};

/// Most ticks that are handed over at once.
pub const BATCH_MAX: usize = 4096;
/// A sign of life comes at least so often, µs, and the stop flag is looked at.
const SIGN_OF_LIFE_US: i64 = 50_000;
/// Up to so much may be spun away, µs: an early wake-up is not worth another sleep.
const SPIN_US: f64 = 15.0;
/// Ticks that come closer than this on average, µs, are handed over …
const DENSE_US: f64 = 200.0;
/// … at most this often, µs: waking up for each would take 6 % of a core at 10,000 ticks/s, for each few a fifth at 60,000.
const QUANTUM_US: i64 = 250;
/// Oversleeping beyond this is the machine being busy, not its timer's habit, µs.
const OVERSLEEP_MAX_US: f64 = 100.0;

/// Drives a source of ticks. The wall clock is read once and carried on by the monotonic clock, so
/// that a clock being set neither stops the stream nor floods it.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    origin: Origin,
    started: Instant,
    started_wall_us: i64,
    lateness: Lateness,
    /// How long sleeps last beyond what was asked, at least: the kernel's timer slack (50 µs unless set
    /// otherwise) and waking up.
    oversleep_us: f64,
    /// Time between two ticks, lately, µs.
    spacing_us: f64,
}

impl Pacer {
    /// A pacer that ties the stream's time to the wall clock at `origin`.
    #[must_use]
    pub fn new(pace: Pace, origin: Origin) -> Self {
        Self {
            pace,
            origin,
            started: Instant::now(),
            started_wall_us: wall_clock_us(),
            lateness: Lateness::new(),
            oversleep_us: 50.0,
            spacing_us: f64::INFINITY,
        }
    }

    /// The lateness of ticks, readable from any thread: wall time at publishing − due time. Nothing
    /// is recorded at [`Pace::Max`], where nothing is due.
    #[must_use]
    pub fn lateness(&self) -> Lateness {
        self.lateness.clone()
    }

    /// Hands over the ticks of `source` until it ends or `stop` is set (noticed within 50 ms).
    ///
    /// `publish(batch, now_us)` gets 1 to [`BATCH_MAX`] ticks, or none as a sign of life at least every
    /// 100 ms. `now_us` is a watermark in the stream's time: no later tick has a smaller `ts_us`.
    pub fn run<S, P>(&mut self, source: S, mut publish: P, stop: &AtomicBool)
    where
        S: Iterator<Item = Tick>,
        P: FnMut(&[Tick], i64),
    {
        let mut source = source.peekable();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut published_us = self.wall_us();
        while !stop.load(Ordering::Relaxed) {
            let Some(next) = source.peek() else { return };
            let wall_us = self.wall_us();
            let due_us = self.pace.due_us(self.origin, next.ts_us);
            if due_us <= wall_us {
                let now_us = self.collect(
                    &mut source,
                    self.pace.stream_us(self.origin, wall_us),
                    &mut batch,
                );
                let before_us = std::mem::replace(&mut published_us, self.record(&batch));
                self.note_spacing(published_us - before_us, batch.len());
                publish(&batch, now_us);
            } else if wall_us >= published_us + SIGN_OF_LIFE_US {
                published_us = wall_us;
                publish(&[], self.pace.stream_us(self.origin, wall_us).min(next.ts_us));
            } else {
                let earliest_us = published_us + self.quantum_us();
                self.wait(due_us.max(earliest_us).min(published_us + SIGN_OF_LIFE_US) - wall_us);
            }
        }
    }

    /// Collects what is due at `until_us` of the stream's time; returns the watermark.
    fn collect<S: Iterator<Item = Tick>>(
        &self,
        source: &mut Peekable<S>,
        until_us: i64,
        batch: &mut Vec<Tick>,
    ) -> i64 {
        batch.clear();
        // The first one is due; rounding between the two clocks must not leave it behind.
        let until_us = until_us.max(source.peek().map_or(until_us, |tick| tick.ts_us));
        while batch.len() < BATCH_MAX {
            match source.next_if(|tick| tick.ts_us <= until_us) {
                Some(tick) => batch.push(tick),
                None if self.pace == Pace::Max => break,
                None => return until_us,
            }
        }
        batch.last().map_or(until_us, |tick| tick.ts_us)
    }

    /// Follows how close ticks come: `count` of them in `passed_us`.
    fn note_spacing(&mut self, passed_us: i64, count: usize) {
        let spacing_us = passed_us.max(0) as f64 / count.max(1) as f64;
        self.spacing_us = match self.spacing_us.is_finite() {
            true => self.spacing_us + (spacing_us - self.spacing_us) / 16.0,
            false => spacing_us,
        };
    }

    /// The least time between two batches, µs.
    fn quantum_us(&self) -> i64 {
        if self.spacing_us < DENSE_US { QUANTUM_US } else { 0 }
    }

    /// Records how late the batch is, now; returns the wall clock.
    fn record(&self, batch: &[Tick]) -> i64 {
        let wall_us = self.wall_us();
        if self.pace != Pace::Max {
            let mut lateness = self.lateness.lock();
            for tick in batch {
                let late_us = wall_us - self.pace.due_us(self.origin, tick.ts_us);
                lateness.saturating_record(u64::try_from(late_us).unwrap_or(0));
            }
        }
        wall_us
    }

    /// Sleeps for as much of `left_us` as the timer can be trusted with, and spins away what an early
    /// wake-up leaves. What is due sooner than any sleep can end is slept past by some 50 µs and handed
    /// over with what has become due meanwhile: spinning instead would take a core at 20,000 ticks/s.
    fn wait(&mut self, left_us: i64) {
        let left_us = left_us as f64;
        let before = Instant::now();
        let passed_us = || before.elapsed().as_nanos() as f64 / 1e3;
        let asked_us = (left_us - self.oversleep_us).max(1.0);
        std::thread::sleep(Duration::from_nanos((asked_us * 1e3) as u64));
        let oversleep_us = (passed_us() - asked_us).min(OVERSLEEP_MAX_US);
        // Follows the least oversleeping at once and the usual slowly, to wake up in time without spinning.
        self.oversleep_us = if oversleep_us < self.oversleep_us {
            oversleep_us
        } else {
            self.oversleep_us + (oversleep_us - self.oversleep_us) / 64.0
        };
        if left_us - passed_us() <= SPIN_US {
            while passed_us() < left_us {
                std::hint::spin_loop();
            }
        }
    }

    /// The wall clock, carried on monotonically.
    fn wall_us(&self) -> i64 {
        self.started_wall_us + self.started.elapsed().as_micros() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed_protocol::{Body, SymbolId, TradingStatus};
    use hdrhistogram::Histogram;

    fn tick(ts_us: i64) -> Tick {
        Tick { symbol: SymbolId(0), ts_us, body: Body::Status(TradingStatus::Trading) }
    }

    /// Runs to the end of `times`, checking every hand-over against the clock and the watermark.
    fn run(pace: Pace, origin: Origin, times: &[i64]) -> (Vec<Vec<i64>>, Histogram<u64>, usize) {
        let mut pacer = Pacer::new(pace, origin);
        let lateness = pacer.lateness();
        let (mut batches, mut signs_of_life, mut watermark) = (Vec::new(), 0, i64::MIN);
        let publish = |batch: &[Tick], now_us: i64| {
            for tick in batch {
                assert!(tick.ts_us >= watermark && tick.ts_us <= now_us);
                if let Pace::Speed(speed) = pace {
                    let due_us = origin.wall_us as f64 + (tick.ts_us - origin.ts_us) as f64 / speed;
                    // The two clocks may be slewed against each other by as much.
                    assert!(wall_clock_us() as f64 >= due_us - 200.0, "early");
                }
            }
            watermark = now_us;
            if batch.is_empty() {
                signs_of_life += 1;
            } else {
                batches.push(batch.iter().map(|tick| tick.ts_us).collect());
            }
        };
        pacer.run(times.iter().map(|&ts| tick(ts)), publish, &AtomicBool::new(false));
        (batches, lateness.snapshot(), signs_of_life)
    }

    #[test]
    fn nothing_is_early_and_silence_has_signs_of_life() {
        let times = [0, 0, 3_000, 230_000];
        let (batches, lateness, signs_of_life) = run(Pace::Speed(1.0), Origin::now(0), &times);
        assert_eq!(batches.concat(), times);
        assert_eq!(lateness.len(), 4);
        assert!(signs_of_life >= 1, "none in 227 ms");
    }

    #[test]
    fn speed_scales_the_schedule() {
        let before = Instant::now();
        let times = [1_000_000, 2_000_000, 3_000_000];
        let (batches, ..) = run(Pace::Speed(40.0), Origin::now(1_000_000), &times);
        assert_eq!(batches.concat(), times);
        assert!(before.elapsed() >= Duration::from_millis(49));
    }

    #[test]
    fn what_is_overdue_comes_in_bounded_batches_and_is_recorded_as_late() {
        let now_us = wall_clock_us();
        let origin = Origin { ts_us: 0, wall_us: now_us - 10_000_000 };
        let times: Vec<i64> = (0..10_000).collect();
        let (batches, lateness, _) = run(Pace::Speed(1.0), origin, &times);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4096, 4096, 1808]);
        assert_eq!(batches.concat(), times);
        assert!(lateness.min() >= 9_900_000, "{}", lateness.min());
    }

    #[test]
    fn max_does_not_wait_and_records_nothing() {
        let times: Vec<i64> = (0..5_000).map(|i| i * 1_000_000_000).collect();
        let (batches, lateness, _) = run(Pace::Max, Origin::now(0), &times);
        assert_eq!(batches.concat(), times);
        assert!(lateness.is_empty());
    }

    #[test]
    fn a_stop_ends_an_endless_wait() {
        let stop = AtomicBool::new(false);
        let far = [tick(i64::MAX / 4)];
        let publish = |_: &[Tick], _| stop.store(true, Ordering::Relaxed);
        Pacer::new(Pace::Speed(1.0), Origin::now(0)).run(far.into_iter(), publish, &stop);
    }
}
