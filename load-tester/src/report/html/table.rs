//! The table of lanes with every measure: a row a measure, a column a lane, figures aligned at their decimal points.

use maud::{Markup, html};

use super::number::{count, significant};
use super::palette::Look;
use crate::result::{Lane, LayerBytes};

/// Values that are this near to the best are marked with it.
const AS_GOOD: f64 = 1.02;

/// What is better in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Lower,
    Neither,
}

use Better::{Lower, Neither};

/// A measure: its name with its unit, and its value of each lane.
struct Row<'a> {
    name: &'a str,
    better: Better,
    value: fn(&Lane) -> Option<f64>,
}

/// Measures that belong together, and what they mean.
struct Group<'a> {
    name: &'a str,
    meaning: &'a str,
    rows: &'a [Row<'a>],
}

macro_rules! rows {
    ($($name:literal $better:ident $value:expr),* $(,)?) => {
        &[$(Row { name: $name, better: $better, value: $value }),*]
    };
}

const GROUPS: &[Group<'_>] = &[
    Group {
        name: "Latency, ms",
        meaning: "From the instant at which an event was due at its source until a client had it.",
        rows: rows![
            "p50" Lower |lane| of_count(lane.latency.count, ms(lane.latency.p50_us)),
            "p90" Lower |lane| of_count(lane.latency.count, ms(lane.latency.p90_us)),
            "p95" Lower |lane| of_count(lane.latency.count, ms(lane.latency.p95_us)),
            "p99" Lower |lane| of_count(lane.latency.count, ms(lane.latency.p99_us)),
            "p99.9" Lower |lane| of_count(lane.latency.count, ms(lane.latency.p999_us)),
            "greatest" Lower |lane| of_count(lane.latency.count, ms(lane.latency.max_us)),
            "merged records, p99" Neither |lane| {
                lane.merged_latency.as_ref().map(|latency| ms(latency.p99_us))
            },
        ],
    },
    Group {
        name: "Staleness, ms",
        meaning: "How far a client’s view is behind, at every instant: 0 while it has all there is, otherwise the age of the oldest event it has not got yet. The one figure that compares polling with push.",
        rows: rows![
            "half of the time at most" Lower |lane| of_count(lane.staleness.count, ms(lane.staleness.p50_us)),
            "90 % of the time" Lower |lane| of_count(lane.staleness.count, ms(lane.staleness.p90_us)),
            "99 % of the time" Lower |lane| of_count(lane.staleness.count, ms(lane.staleness.p99_us)),
            "99.9 % of the time" Lower |lane| of_count(lane.staleness.count, ms(lane.staleness.p999_us)),
            "worst instant" Lower |lane| of_count(lane.staleness.count, ms(lane.staleness.max_us)),
        ],
    },
    Group {
        name: "Age of information, ms",
        meaning: "How old the newest event of a symbol is that a client has. It grows in quiet symbols too, so read it beside staleness.",
        rows: rows![
            "half of the time at most" Lower |lane| of_count(lane.age.count, ms(lane.age.p50_us)),
            "99 % of the time" Lower |lane| of_count(lane.age.count, ms(lane.age.p99_us)),
            "worst instant" Lower |lane| of_count(lane.age.count, ms(lane.age.max_us)),
        ],
    },
    Group {
        name: "Events",
        meaning: "Every sequence number of every client is checked. Merged: several events of a symbol and second came as one record, from which the same bars follow.",
        rows: rows![
            "delivered" Neither |lane| whole(lane.events.delivered),
            "delivered, a second" Neither |lane| rate(lane.events.delivered, lane),
            "messages" Neither |lane| whole(lane.events.messages),
            "merged records" Neither |lane| whole(lane.events.merged_records),
            "merged away" Neither |lane| whole(lane.events.merged_away),
            "missed, announced" Neither |lane| whole(lane.events.missed_announced),
            "missed, unannounced" Neither |lane| whole(lane.events.missed_unannounced),
            "repeated" Neither |lane| whole(lane.events.repeated),
            "out of order" Neither |lane| whole(lane.events.out_of_order),
        ],
    },
    Group {
        name: "Requests",
        meaning: "Polling asks again and again; the others ask once. A slot is missed when the answer before took longer than the interval.",
        rows: rows![
            "requests" Neither |lane| whole(lane.requests),
            "answers without an event" Neither |lane| whole(lane.empty_responses),
            "missed polling slots" Neither |lane| whole(lane.missed_slots),
        ],
    },
    Group {
        name: "Bytes a delivered event",
        meaning: "What crossed the network, by layer, divided by the events that it brought.",
        rows: rows![
            "payload, down" Lower |lane| per_event(lane.bytes.down.payload, lane),
            "framing, down" Lower |lane| per_event(lane.bytes.down.framing, lane),
            "HTTP headers, down" Lower |lane| per_event(lane.bytes.down.http_headers, lane),
            "TCP and IP, down" Lower |lane| per_event(lane.bytes.down.tcp_ip, lane),
            "all layers, up" Lower |lane| per_event(lane.bytes.up.total(), lane),
            "all, both ways" Lower |lane| per_event(both(lane.bytes.down, lane.bytes.up), lane),
        ],
    },
    Group {
        name: "Server",
        meaning: "CPU time of the server’s process, kernel included, and the memory that it grew by while the lane’s clients came.",
        rows: rows![
            "CPU a delivered event, µs" Lower |lane| lane.server_use.and_then(|used| used.cpu_us_per_event),
            "CPU a message, µs" Neither |lane| lane.server_use.and_then(|used| used.cpu_us_per_message),
            "CPU, % of one processor" Lower |lane| lane.server_use.map(|used| used.cpu_s / lane.window_s * 100.0),
            "memory a client, KiB" Lower |lane| lane.server_use.and_then(|used| used.rss_kib_per_client),
        ],
    },
    Group {
        name: "Clients and tester",
        meaning: "Above 70 % of its own processors, or late for its own timers, the tester would be in the figures; such a run is invalid.",
        rows: rows![
            "clients" Neither |lane| whole(u64::from(lane.connected)),
            "time to connect all, s" Neither |lane| Some(lane.connect_s),
            "window, s" Neither |lane| Some(lane.window_s),
            "tester’s CPU, %" Neither |lane| Some(lane.generator.busy * 100.0),
            "tester late at most, ms" Neither |lane| Some(lane.generator.late_ms),
        ],
    },
];

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn of_count(count: u64, value: f64) -> Option<f64> {
    (count > 0).then_some(value)
}

fn whole(count: u64) -> Option<f64> {
    Some(count as f64)
}

fn rate(events: u64, lane: &Lane) -> Option<f64> {
    (lane.window_s > 0.0).then(|| events as f64 / lane.window_s)
}

/// Bytes a delivered event of a lane.
pub fn per_event(bytes: u64, lane: &Lane) -> Option<f64> {
    (lane.events.delivered > 0).then(|| bytes as f64 / lane.events.delivered as f64)
}

fn both(down: LayerBytes, up: LayerBytes) -> u64 {
    down.total() + up.total()
}

/// The table.
#[must_use]
pub fn lanes(lanes: &[(&Lane, Look)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Every measure of every transport" {
            table.measures {
                thead { tr {
                    th scope="col" { span.unseen { "measure" } }
                    @for (lane, look) in lanes { th scope="col" { (name(&lane.transport, *look)) } }
                } }
                @for group in GROUPS {
                    tbody {
                        tr.group { th scope="rowgroup" colspan=(lanes.len() + 1) {
                            strong { (group.name) } " " span { (group.meaning) }
                        } }
                        (measures(group.rows, lanes))
                    }
                }
            }
        }
    }
}

/// A lane's name with its mark.
#[must_use]
pub fn name(transport: &str, look: Look) -> Markup {
    html! {
        span.lane data-dashed[look.dashed] style=(format!("--mark:var(--c{})", look.slot % 10)) { (transport) }
    }
}

fn measures(rows: &[Row<'_>], lanes: &[(&Lane, Look)]) -> Markup {
    let values =
        |row: &Row<'_>| lanes.iter().map(|(lane, _)| (row.value)(lane)).collect::<Vec<_>>();
    // A row that no lane has anything for says nothing.
    let told =
        rows.iter().map(|row| (row, values(row))).filter(|(_, v)| v.iter().any(Option::is_some));
    let told: Vec<_> = told.collect();
    let places: Vec<_> =
        (0..lanes.len()).map(|lane| places(told.iter().map(|(_, values)| values[lane]))).collect();
    html! { @for (row, values) in &told { (measure(row, values, &places)) } }
}

/// Digits behind the point, at most, in a column.
fn places(column: impl Iterator<Item = Option<f64>>) -> usize {
    let fraction = |value: f64| text(value).split_once('.').map(|(_, fraction)| fraction.len());
    column.flatten().filter_map(fraction).max().unwrap_or(0)
}

fn measure(row: &Row<'_>, values: &[Option<f64>], places: &[usize]) -> Markup {
    let best = values.iter().flatten().copied().reduce(f64::min);
    let varied =
        values.iter().flatten().any(|value| best.is_some_and(|best| *value > best * AS_GOOD));
    let good = |value: f64| {
        row.better == Lower && varied && best.is_some_and(|best| value <= best * AS_GOOD)
    };
    html! {
        tr {
            th scope="row" { (row.name) }
            @for (value, places) in values.iter().zip(places) {
                td.good[value.is_some_and(good)] { (aligned(&value.map_or("–".to_owned(), text), *places)) }
            }
        }
    }
}

fn text(value: f64) -> String {
    if value.fract() == 0.0 { count(value as u64) } else { significant(value, 3) }
}

/// A number whose fraction takes the room of `places` digits, so that points stand under each other.
fn aligned(text: &str, places: usize) -> Markup {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if places == 0 {
        return html! { (text) };
    }
    html! {
        (whole) span.fraction style=(format!("width:{}ch", places + 1)) {
            @if !fraction.is_empty() { "." (fraction) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_room_for_its_longest_fraction() {
        let column = [Some(0.0), None, Some(0.087), Some(3.18), Some(504.0)];
        assert_eq!(places(column.into_iter()), 4, "0.0870");
        assert_eq!(places([None, Some(12.0)].into_iter()), 0);
        let rendered = |value: f64| aligned(&text(value), 4).into_string();
        assert_eq!(rendered(3.18), "3<span class=\"fraction\" style=\"width:5ch\">.18</span>");
        assert_eq!(rendered(504.0), "504<span class=\"fraction\" style=\"width:5ch\"></span>");
    }
}
