//! The lanes of a run side by side, a line each.

use std::fmt::Write;

use crate::result::Lane;

/// What a column shows of a lane.
type Column = (&'static str, fn(&Lane) -> String);

const COLUMNS: [Column; 12] = [
    ("transport", |lane| lane.transport.clone()),
    ("clients", |lane| lane.connected.to_string()),
    ("p50 ms", |lane| ms(lane.all_latency.p50_us)),
    ("p99 ms", |lane| ms(lane.all_latency.p99_us)),
    ("p99.9 ms", |lane| ms(lane.all_latency.p999_us)),
    ("stale p50", |lane| ms(lane.staleness.p50_us)),
    ("stale p99", |lane| ms(lane.staleness.p99_us)),
    ("age p50", |lane| ms(lane.age.p50_us)),
    ("events", |lane| lane.events.delivered.to_string()),
    ("missed", |lane| (lane.events.missed_announced + lane.events.missed_unannounced).to_string()),
    ("bytes/event", |lane| {
        let total = lane.bytes.down.total() + lane.bytes.up.total();
        format!("{:.1}", total as f64 / lane.events.delivered.max(1) as f64)
    }),
    ("CPU µs/event", |lane| {
        let us = lane.server_use.and_then(|server| server.cpu_us_per_event);
        us.map_or("-".to_owned(), |us| format!("{us:.3}"))
    }),
];

fn ms(us: u64) -> String {
    format!("{:.3}", us as f64 / 1e3)
}

/// The table, columns set apart by two spaces.
pub(super) fn table(lanes: &[Lane]) -> String {
    let mut rows = vec![COLUMNS.map(|(name, _)| name.to_owned())];
    rows.extend(lanes.iter().map(|lane| COLUMNS.map(|(_, show)| show(lane))));
    let widths = std::array::from_fn::<_, { COLUMNS.len() }, _>(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = if place == 0 {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "  {cell:>width$}")
            };
        }
        table += line.trim_end();
        table.push('\n');
    }
    table
}
