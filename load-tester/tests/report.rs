//! What is written of a stored run, from outside: the page and the interval log, on a made-up run with every part.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use load_tester::compare::conditions::{Weight, differing};
use load_tester::compare::measure::Measure;
use load_tester::compare::{self, Finding, Options, page, text};
use load_tester::report::{hlog::hlog, html};
use load_tester::result::{Hist, Verdict, decode};

#[path = "../examples/sample_run.rs"]
#[expect(dead_code, reason = "its main belongs to the example")]
mod sample_run;
use sample_run::sample;

/// No page is larger.
const BYTES_MAX: usize = 400_000;

fn stored(page: &str) -> serde_json::Value {
    let begin = page.find("<script type=\"application/json\" id=\"raw\">").unwrap();
    let begin = begin + page[begin..].find('>').unwrap() + 1;
    let end = begin + page[begin..].find("</script>").unwrap();
    serde_json::from_str(&page[begin..end]).unwrap()
}

#[test]
fn the_page_says_the_verdict_before_any_figure() {
    let mut run = sample(1, 0.0, 5);
    run.verdict = Verdict::Invalid;
    run.checks[1].ok = false;
    run.checks[1].detail = "93 % of its processors, limit 70 %".to_owned();
    let page = html::html(&run).unwrap();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("Invalid") < place("At a glance"));
    assert!(place("93 % of its processors") < place("At a glance"));
    assert!(page.contains("20 validity checks passed"));
    for lane in &run.lanes {
        assert!(page.contains(&lane.transport));
    }
}

#[test]
fn the_page_holds_the_whole_run() {
    let run = sample(1, 0.0, 5);
    let page = html::html(&run).unwrap();
    assert!(page.len() < BYTES_MAX);
    // As text and back: the last bit of a fraction does not survive that.
    let text = serde_json::to_string(&run).unwrap();
    let same = stored(&page) == serde_json::from_str::<serde_json::Value>(&text).unwrap();
    assert!(same);
}

#[test]
fn long_runs_stay_below_the_limit_and_say_what_they_leave_out() {
    let mut run = sample(1, 0.0, 60);
    let page = html::html(&run).unwrap();
    assert!(page.len() < BYTES_MAX, "{}", page.len());
    // An hour: the seconds themselves are too many.
    for lane in &mut run.lanes {
        let seconds = lane.intervals.clone();
        lane.intervals = seconds.iter().cycle().take(3600).cloned().collect();
    }
    let page = html::html(&run).unwrap();
    assert!(page.len() < BYTES_MAX, "{}", page.len());
    assert!(page.contains("single seconds are left out"));
}

#[test]
fn wide_histograms_are_rounded_in_the_page_and_their_percentiles_are_not() {
    let mut run = sample(1, 0.0, 60);
    // Minutes of age, weighted by time: tens of thousands of buckets, no two alike.
    let mut wide = Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
    for value in 1..300_000_u64 {
        wide.record_n(value * 997, 1 + value * 7919 % 1_000_003).unwrap();
    }
    for lane in &mut run.lanes {
        lane.age = Hist::new(&wide, 0, 0, 0);
        (lane.staleness, lane.latency) = (lane.age.clone(), lane.age.clone());
    }
    let page = html::html(&run).unwrap();
    assert!(page.len() < BYTES_MAX, "{}", page.len());
    assert!(page.contains("two digits"));
    let age = &stored(&page)["lanes"][0]["age"];
    assert_eq!(age["p99_us"], run.lanes[0].age.p99_us);
    let coarse = decode(age["hdr"].as_str().unwrap()).unwrap();
    assert_eq!(coarse.len(), wide.len());
    let (rounded, exact) =
        (coarse.value_at_quantile(0.9) as f64, wide.value_at_quantile(0.9) as f64);
    assert!((rounded / exact - 1.0).abs() < 0.02, "{rounded} for {exact}");
}

#[test]
fn names_from_outside_cannot_break_out_of_the_page() {
    let mut run = sample(1, 0.0, 2);
    let evil = "</script><script>alert(1)</script>";
    run.lanes[0].transport = evil.to_owned();
    run.command = vec![evil.to_owned()];
    run.settings["evil"] = evil.into();
    let page = html::html(&run).unwrap();
    assert!(!page.contains("<script>alert"));
    assert_eq!(stored(&page)["lanes"][0]["transport"], evil);
}

#[test]
fn a_run_without_anything_is_a_page_too() {
    let mut run = sample(1, 0.0, 1);
    run.lanes.truncate(1);
    let nothing = load_tester::result::Hist::new(&Histogram::new(3).unwrap(), 0, 0, 0);
    run.lanes[0].latency = nothing.clone();
    run.lanes[0].staleness = nothing.clone();
    run.lanes[0].age = nothing;
    run.lanes[0].intervals.clear();
    run.lanes[0].server_use = None;
    run.lanes[0].events = load_tester::result::Events::default();
    assert!(html::html(&run).unwrap().contains("Nothing came"));
    run.lanes.clear();
    assert!(html::html(&run).unwrap().contains("Nothing was measured"));
}

/// The crate's own reader finds every second of every lane, in order, and the whole of it is the lane's histogram.
#[test]
fn the_interval_log_has_every_second_of_every_lane() {
    let run = sample(2, 0.0, 6);
    let log = hlog(&run).unwrap();
    assert!(log.contains("#[Histogram log format version 1.3]\n"));
    let mut lanes: BTreeMap<String, Histogram<u64>> = BTreeMap::new();
    let mut last = std::time::Duration::ZERO;
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        assert!(interval.start_timestamp() >= last);
        assert_eq!(interval.duration().as_secs(), 1);
        last = interval.start_timestamp();
        let histogram = decode(interval.encoded_histogram()).unwrap();
        assert!((interval.max() - histogram.max() as f64 / 1e3).abs() < 1e-3);
        let all = lanes.entry(interval.tag().unwrap().as_str().to_owned());
        all.or_insert_with(|| Histogram::new_from(&histogram)).add(&histogram).unwrap();
    }
    assert_eq!(lanes.len(), run.lanes.len());
    for lane in &run.lanes {
        let (read, written) = (&lanes[&lane.transport], lane.latency.histogram().unwrap());
        assert_eq!(read.len(), written.len());
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(read.value_at_quantile(quantile), written.value_at_quantile(quantile));
        }
    }
}

#[test]
fn two_equal_runs_show_no_difference() {
    let (a, b) = (sample(1, 0.0, 30), sample(2, 0.0, 30));
    let comparison = compare::runs(&a, &b, &Options::default()).unwrap();
    assert_eq!(comparison.differing(), 0, "{}", text::table(&comparison));
    assert!(text::table(&comparison).contains("No difference in 63 figures."));
    assert!(comparison.conditions.is_empty());
}

#[test]
fn five_milliseconds_more_are_told_for_the_lanes_that_have_them() {
    let (a, b) = (sample(1, 0.0, 30), sample(2, 5_000.0, 30));
    let comparison = compare::runs(&a, &b, &Options::default()).unwrap();
    for (lane, one) in comparison.differences() {
        let expected = match one.measure {
            // Of p99.9 so few seconds may or may not be sure.
            Measure::Latency(quantile) if quantile > 0.99 => continue,
            Measure::Latency(_) if lane != "poll:1s" => Finding::More,
            // Half of the time a pushed view has everything there is, however late that came.
            Measure::Staleness(quantile) if quantile > 0.9 && lane != "poll:1s" => Finding::More,
            _ => Finding::Same,
        };
        assert_eq!(one.finding, expected, "{lane} {}: {}", one.name, text::sentence(one));
    }
    let table = text::table(&comparison);
    assert!(
        table.contains("B is slower by 5.0") || table.contains("B is slower by 4.9"),
        "{table}"
    );
    let page = page::page(&comparison, [&a, &b], ["a.json", "<b>.json"]).unwrap();
    assert!(
        page.len() < BYTES_MAX && page.contains("figures differ") && !page.contains("<b>.json")
    );
}

#[test]
fn what_else_differs_is_named() {
    let a = sample(1, 0.0, 1);
    let mut b = a.clone();
    assert!(differing(&a, &b).is_empty());
    b.settings["clients"] = 900.into();
    b.settings["url"] = "elsewhere".into();
    b.machine.hostname_hash = "another".to_owned();
    b.verdict = Verdict::Invalid;
    b.server.command = None;
    let found = differing(&a, &b);
    let names: Vec<_> = found.iter().map(|one| (one.weight, one.name.as_str())).collect();
    assert_eq!(
        names,
        [
            (Weight::Invalid, "verdict"),
            (Weight::Machine, "host"),
            (Weight::Settings, "clients"),
            (Weight::Server, "server's command"),
        ]
    );
    assert_eq!((found[2].a.as_str(), found[2].b.as_str()), ("1000", "900"));
}
