//! Against a model that looks at every single instant, and against the theory of polling.

use hdrhistogram::Histogram;
use proptest::prelude::*;

use super::*;
use crate::recorder::histogram;

/// Events of a run: when, of which pair; and the instants at which all that exist are received.
#[derive(Debug, Clone)]
struct Story {
    events: Vec<(i64, usize)>,
    receptions: Vec<i64>,
    window: Window,
}

const PAIRS: usize = 3;
const END_US: i64 = 3_000;

fn stories() -> impl Strategy<Value = Story> {
    let events = proptest::collection::vec((2..END_US, 0..PAIRS), 0..40);
    let receptions = proptest::collection::vec(2..END_US, 0..20);
    (events, receptions, 1..END_US, 1..END_US).prop_map(|(mut events, mut receptions, a, b)| {
        events.sort_unstable();
        receptions.sort_unstable();
        receptions.push(END_US);
        Story { events, receptions, window: Window { begin_us: a.min(b), end_us: a.max(b) } }
    })
}

/// Age and staleness at each instant `t`, which is inside `[t, t + 1)`, by looking at all events.
fn model(story: &Story) -> (Histogram<u64>, Histogram<u64>) {
    let (mut age, mut staleness) = (histogram(), histogram());
    for t in story.window.begin_us..story.window.end_us {
        // Subscribed at 1: nothing is missing before, and nothing that a client could know.
        let received = story.receptions.iter().rev().find(|&&at| at <= t).copied().unwrap_or(1);
        for pair in 0..PAIRS {
            let newest = story.events.iter().rev().find(|&&(ts, p)| p == pair && ts <= received);
            if let Some(&(ts, _)) = newest {
                age.record((t - ts).cast_unsigned()).unwrap();
            }
        }
        let oldest = story.events.iter().find(|&&(ts, _)| ts > received && ts <= t);
        staleness.record(oldest.map_or(0, |&(ts, _)| (t - ts).cast_unsigned())).unwrap();
    }
    (age, staleness)
}

fn told(story: &Story) -> (Histogram<u64>, Histogram<u64>) {
    let (mut view, mut ages) = (Freshness::new(PAIRS), Ages::default());
    view.begin(1);
    let mut from = 0;
    for &read_us in &story.receptions {
        let new = &story.events[from..];
        let count = new.iter().take_while(|&&(ts, _)| ts <= read_us).count();
        for &(ts, pair) in &new[..count] {
            view.event(pair, (ts, ts), read_us, story.window, &mut ages);
        }
        view.end_frame(read_us, story.window, &mut ages);
        from += count;
    }
    view.finish(END_US, story.window, &mut ages);
    let (mut age, mut staleness) = (histogram(), histogram());
    ages.age.drain(&mut age);
    ages.staleness.drain(&mut staleness);
    (age, staleness)
}

proptest! {
    #[test]
    fn equals_a_look_at_every_instant(story in stories()) {
        let ((age, staleness), (age_model, staleness_model)) = (told(&story), model(&story));
        prop_assert_eq!(age, age_model, "age of {:?}", story);
        prop_assert_eq!(staleness, staleness_model, "staleness of {:?}", story);
    }
}

/// A frame that comes late brings what existed before the frame before it: missing all the while.
#[test]
fn what_comes_out_of_turn_was_missing_since_it_was_there() {
    let window = Window { begin_us: 0, end_us: 1000 };
    let (mut view, mut ages) = (Freshness::new(1), Ages::default());
    view.begin(100);
    for (ts, read_us) in [(200, 300), (250, 500)] {
        view.event(0, (ts, ts), read_us, window, &mut ages);
        view.end_frame(read_us, window, &mut ages);
    }
    let mut staleness = histogram();
    ages.staleness.drain(&mut staleness);
    // 100 µs of nothing missing, a rise from 0 to 100, and one from 50 (at 300) to 250.
    assert_eq!((staleness.len(), staleness.max()), (400, 249));
    assert_eq!(staleness.count_at(0), 101);
    assert_eq!((staleness.count_at(49), staleness.count_at(50)), (1, 2));
}

/// Polling every T what changes all the time: uniform over 0 to T, and the answer's own time on top.
#[test]
fn polling_is_uniform_over_its_interval() {
    let (every_us, answer_us) = (1_000_000, 200);
    let window = Window { begin_us: 5_300_000, end_us: 65_300_000 };
    let (mut view, mut ages) = (Freshness::new(1), Ages::default());
    view.begin(1);
    for poll in 1..70 {
        // The server answers at `due` with all events up to then, one every 100 µs.
        let due_us = poll * every_us;
        for ts in (due_us - every_us + 100..=due_us).step_by(100) {
            view.event(0, (ts, ts), due_us + answer_us, window, &mut ages);
        }
        view.end_frame(due_us + answer_us, window, &mut ages);
    }
    view.finish(window.end_us, window, &mut ages);
    let mut staleness = histogram();
    ages.staleness.drain(&mut staleness);
    for (quantile, theory) in [(0.5, 500_100), (0.9, 900_100), (0.99, 990_100), (1.0, 1_000_100)] {
        let got = staleness.value_at_quantile(quantile);
        assert!(got.abs_diff(theory) < 2_000, "{quantile}: {got} µs, theory {theory}");
    }
}
