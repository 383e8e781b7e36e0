//! A run as a HdrHistogram interval log (`.hlog`, format 1.3): a line for each second of each lane, tagged with the lane's
//! name, which HdrHistogram's own tools and viewers read. Values are µs; the maximum on each line is ms, for people.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::result::{HistError, RunResult, decode};

/// µs a ms.
const MAX_DIVISOR: f64 = 1e3;
/// What stands before the intervals of a log that Java's reader knows by its format.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// The log of all lanes' latencies, in the order of time.
///
/// # Errors
/// A stored histogram cannot be read.
///
/// # Panics
/// Never: a vector takes every byte.
pub fn hlog(run: &RunResult) -> Result<String, HistError> {
    let mut intervals = Vec::new();
    for lane in &run.lanes {
        let begin_us = lane.window_start_us;
        for (place, second) in lane.intervals.iter().enumerate() {
            let start_us = begin_us + i64::from(second.t_s) * 1_000_000;
            let end_us = match lane.intervals.get(place + 1) {
                Some(next) => begin_us + i64::from(next.t_s) * 1_000_000,
                None => (begin_us + (lane.window_s * 1e6) as i64).max(start_us + 1),
            };
            intervals.push((start_us, end_us - start_us, lane, decode(&second.latency)?));
        }
    }
    intervals.sort_by_key(|&(start_us, ..)| start_us);
    let first_us = intervals.first().map_or(run.started_us, |&(start_us, ..)| start_us);

    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let base = UNIX_EPOCH + micros(first_us);
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Logged with load-tester, latency in microseconds, Interval_Max in ms]")
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(base)
        .with_base_time(base)
        .with_max_value_divisor(MAX_DIVISOR)
        .begin_log_with(&mut text, &mut serializer)
        .expect("a vector takes every byte");
    for (start_us, length_us, lane, histogram) in &intervals {
        let tag = tag(&lane.transport);
        let since = micros(start_us - first_us);
        log.write_histogram(histogram, since, micros(*length_us), Tag::new(&tag))
            .expect("a vector takes every byte");
    }
    let text = String::from_utf8(text).expect("logs are ASCII");
    let head = text.find("\n#[MaxValueDivisor").map_or(0, |at| at + 1);
    let head = text[head..].find('\n').map_or(text.len(), |end| head + end + 1);
    let mut with_legend = String::with_capacity(text.len() + LEGEND.len());
    let _ = write!(with_legend, "{}{LEGEND}{}", &text[..head], &text[head..]);
    Ok(with_legend)
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(us.max(0).unsigned_abs())
}

/// A lane's name as a tag, which may have neither commas nor blanks.
fn tag(transport: &str) -> String {
    transport.replace([',', ' ', '\r', '\n'], "_")
}
