//! How busy and how nervous the market is at each moment: the trading day's U-shape and the scenarios.
//! Stretches the market time that arrivals run in onto the clock: twice the activity, half the clock time.
//! Holds no randomness: the same moment of the same scenario always has the same conditions.

use crate::plan::Scenario;

/// Conditions are constant for this long, µs; every moment at which a scenario changes is a multiple.
pub(crate) const STEP_US: i64 = 100_000;
const STEP_S: f64 = 0.1;
const STEPS_PER_SECOND: i64 = 10;

/// Activity over a session of 6.5 h, `(minute, factor)`, linear in between: busy at the open and the
/// close, quiet at midday, 1 from 1:00 to 2:30, mean 1. Sessions follow each other without a night.
const SESSION: [(f64, f64); 8] = [
    (0.0, 2.2),
    (30.0, 1.4),
    (60.0, 1.0),
    (150.0, 1.0),
    (195.0, 0.6),
    (285.0, 0.6),
    (330.0, 0.8),
    (390.0, 2.15),
];
const SESSION_MINUTES: f64 = 390.0;
/// Where the flat part begins at which all scenarios but `open` start.
const LATE_MORNING_MINUTES: f64 = 60.0;

/// The market as a whole during one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conditions {
    /// Factor on the rate; 0 means that nothing happens.
    pub(crate) activity: f64,
    /// Factor on the size of price moves.
    pub(crate) volatility: f64,
    /// Where the scenario has pushed the market: logarithm of prices against the start.
    pub(crate) level: f64,
}

/// A walk through the steps.
#[derive(Debug)]
pub(crate) struct Calendar {
    scenario: Scenario,
    opening_s: f64,
    step: i64,
    now: Conditions,
    /// Market time spent within the step, s.
    spent_s: f64,
}

impl Calendar {
    /// A calendar at its first moment; `opening_us` after the start scenario `open` begins to trade.
    pub(crate) fn new(scenario: Scenario, opening_us: i64) -> Self {
        let opening_s = opening_us as f64 / 1e6;
        let now = conditions(scenario, 0, opening_s);
        Self { scenario, opening_s, step: 0, now, spent_s: 0.0 }
    }

    pub(crate) fn now(&self) -> &Conditions {
        &self.now
    }

    /// Market time that is left in the present step, s.
    #[inline]
    pub(crate) fn left_s(&self) -> f64 {
        self.now.activity * STEP_S - self.spent_s
    }

    /// Spends less market time than is left, and returns the clock in µs since the start.
    #[inline]
    pub(crate) fn spend(&mut self, gap_s: f64) -> i64 {
        debug_assert!(gap_s < self.left_s());
        self.spent_s += gap_s;
        let within_us = (self.spent_s / self.now.activity * 1e6) as i64;
        self.step * STEP_US + within_us.min(STEP_US - 1)
    }

    /// Goes to the beginning of the next step.
    pub(crate) fn next_step(&mut self) {
        self.step += 1;
        self.spent_s = 0.0;
        self.now = conditions(self.scenario, self.step, self.opening_s);
    }
}

fn conditions(scenario: Scenario, step: i64, opening_s: f64) -> Conditions {
    let now_s = step as f64 / STEPS_PER_SECOND as f64;
    let start_minutes =
        if scenario == Scenario::Open { -opening_s / 60.0 } else { LATE_MORNING_MINUTES };
    let session = session_activity(start_minutes + now_s / 60.0);
    let mut now = Conditions { activity: session, volatility: 1.0, level: 0.0 };
    match scenario {
        Scenario::Calm | Scenario::Halt => {}
        Scenario::Open => {
            let since_s = now_s - opening_s;
            let rush = libm::exp(-since_s.max(0.0) / 60.0);
            now.activity *= if since_s < 0.0 { 0.0 } else { 1.0 + 2.7 * rush };
            now.volatility = 1.0 + 2.0 * rush;
        }
        Scenario::Crash => crash(step % (600 * STEPS_PER_SECOND), &mut now),
        Scenario::Burst => {
            let within = step % (5 * STEPS_PER_SECOND) - 2 * STEPS_PER_SECOND;
            if (0..2).contains(&within) {
                now.activity *= 50.0;
            }
        }
        Scenario::Quiet => {
            if step % (30 * STEPS_PER_SECOND) >= 5 * STEPS_PER_SECOND {
                now.activity = 0.0;
            }
        }
    }
    now
}

/// Ten minutes: 20 s as always, 60 s of panic (10 % down), 5 minutes of recovery, then back to the start.
fn crash(step: i64, now: &mut Conditions) {
    const DOWN: f64 = -0.105;
    const RECOVERED: f64 = -0.03;
    let at_s = step as f64 / STEPS_PER_SECOND as f64;
    let between = |from_s: f64, to_s: f64| (at_s - from_s) / (to_s - from_s);
    if at_s < 20.0 {
    } else if at_s < 80.0 {
        now.activity *= 5.0;
        now.volatility = 2.0;
        now.level = DOWN * between(20.0, 80.0);
    } else if at_s < 380.0 {
        let part = between(80.0, 380.0);
        now.activity *= 3.0 - 2.0 * part;
        now.volatility = 1.6 - 0.6 * part;
        now.level = DOWN + (RECOVERED - DOWN) * part;
    } else {
        now.level = RECOVERED * (1.0 - between(380.0, 600.0));
    }
}

/// The U-shape at a minute since an open.
fn session_activity(minute: f64) -> f64 {
    let minute = minute.rem_euclid(SESSION_MINUTES);
    let pair = SESSION.windows(2).find(|pair| minute < pair[1].0);
    let pair = pair.unwrap_or(&SESSION[SESSION.len() - 2..]);
    let ((from, low), (to, high)) = (pair[0], pair[1]);
    low + (high - low) * (minute - from) / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_mean_one_and_is_busiest_at_its_ends() {
        let minutes: Vec<f64> =
            (0..39_000).map(|m| session_activity((f64::from(m) + 0.5) / 100.0)).collect();
        let mean = minutes.iter().sum::<f64>() / minutes.len() as f64;
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
        assert!(minutes[0] > 2.0 && minutes[19_500] < 0.7 && minutes[38_999] > 2.0);
    }

    #[test]
    fn calm_has_exactly_the_rate_for_ninety_minutes() {
        for step in [0, 1, 600, 53_999] {
            let now = conditions(Scenario::Calm, step, 3.0);
            assert_eq!(now, Conditions { activity: 1.0, volatility: 1.0, level: 0.0 });
        }
    }

    #[test]
    fn scenarios_do_what_they_say() {
        let at = |scenario, s: f64| conditions(scenario, (s * 10.0) as i64, 3.0);
        assert_eq!(at(Scenario::Burst, 1.9).activity, 1.0);
        assert_eq!(at(Scenario::Burst, 2.0).activity, 50.0);
        assert_eq!(at(Scenario::Burst, 7.1).activity, 50.0);
        assert_eq!(at(Scenario::Burst, 7.2).activity, 1.0);
        assert_eq!(at(Scenario::Quiet, 4.9).activity, 1.0);
        assert_eq!(at(Scenario::Quiet, 5.0).activity, 0.0);
        assert_eq!(at(Scenario::Quiet, 30.0).activity, 1.0);
        assert_eq!(at(Scenario::Open, 2.9).activity, 0.0);
        assert!(at(Scenario::Open, 3.0).activity > 8.0);
        assert!((at(Scenario::Crash, 79.9).level - -0.105).abs() < 0.001);
        assert!(at(Scenario::Crash, 599.9).level.abs() < 0.001);
    }

    #[test]
    fn the_clock_runs_with_the_activity() {
        let mut calendar = Calendar::new(Scenario::Burst, 0);
        assert_eq!(calendar.spend(0.05), 50_000);
        (0..20).for_each(|_| calendar.next_step());
        assert!((calendar.left_s() - 5.0).abs() < 1e-9);
        assert_eq!(calendar.spend(2.5), 2_050_000);
    }
}
