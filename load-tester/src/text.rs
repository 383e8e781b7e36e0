//! A result in words, for a terminal or a log: a block a lane, a table if there are several, checks that failed, and the
//! verdict. Makes a text; prints nothing.

mod table;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::result::{BreachKind, Hist, Lane, RunResult, Verdict};

/// So many different reasons are shown.
const REASONS_MAX: usize = 8;

/// The whole report.
#[must_use]
pub fn report(result: &RunResult) -> String {
    let mut lines = Lines(String::new());
    for lane in &result.lanes {
        if result.lanes.len() > 1 {
            lines.0 += &format!("── {} ──\n", lane.transport);
        }
        connections(&mut lines, lane);
        traffic(&mut lines, lane);
        latency(&mut lines, "latency", Some(&lane.latency));
        latency(&mut lines, "of merged", lane.merged_latency.as_ref());
        freshness(&mut lines, lane);
        contract(&mut lines, lane);
        cost(&mut lines, lane);
    }
    if result.lanes.len() > 1 {
        lines.0 += "\n";
        lines.0 += &table::table(&result.lanes);
        lines.0 += "\n";
    }
    promises(&mut lines, result);
    verdict(&mut lines, result);
    lines.0
}

/// Rows as a table: columns as wide as they must be, the first and the last to the left.
#[must_use]
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                last if last + 1 == columns => write!(line, "  {cell}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Lines of a name and what there is to say of it.
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, text: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<12} {}", text.as_ref());
    }
}

fn connections(lines: &mut Lines, lane: &Lane) {
    let Lane { connected, clients, connect_s, stuck, .. } = lane;
    lines.add("clients", format!("{connected} of {clients} subscribed, in {connect_s:.1} s"));
    if stuck.asked > 0 {
        lines.add(
            "stuck",
            format!("{} of {} clients that never read", stuck.connected, stuck.asked),
        );
    }
    if let Some(why) = &lane.incomplete_why {
        lines.add("INCOMPLETE", why);
    }
    reasons(lines, "failed", &lane.failed);
    reasons(lines, "ended early", &lane.ended);
}

fn reasons(lines: &mut Lines, name: &str, reasons: &BTreeMap<String, u64>) {
    let mut by_count: Vec<_> = reasons.iter().collect();
    by_count.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    for (reason, count) in by_count.iter().take(REASONS_MAX) {
        lines.add(name, format!("{count} × {reason}"));
    }
    if by_count.len() > REASONS_MAX {
        lines.add(name, format!("… and {} more reasons", by_count.len() - REASONS_MAX));
    }
}

fn traffic(lines: &mut Lines, lane: &Lane) {
    let window_s = lane.window_s.max(f64::MIN_POSITIVE);
    let (events, bytes) = (&lane.events, &lane.bytes);
    let rate = |count: u64| count as f64 / window_s;
    lines.add(
        "received",
        format!(
            "{} messages/s, {} events/s, {} frames/s, {} MB/s, over {:.1} s",
            number(rate(events.messages)),
            number(rate(events.delivered)),
            number(rate(events.frames)),
            (rate(bytes.wire_total_down) / 1e5).round() / 10.0,
            lane.window_s,
        ),
    );
    let per_frame = events.messages as f64 / events.frames.max(1) as f64;
    let per_event = |count: u64| count as f64 / events.delivered.max(1) as f64;
    lines.add(
        "",
        format!("{} messages in all, {per_frame:.1} a frame", number(events.messages as f64)),
    );
    for (way, layers) in [("down", &bytes.down), ("up", &bytes.up)] {
        lines.add(
            if way == "down" { "bytes" } else { "" },
            format!(
                "{way:<4} {:.1} an event: payload {:.1}, framing {:.1}, HTTP heads {:.1}, TCP/IP {:.1}",
                per_event(layers.total()),
                per_event(layers.payload),
                per_event(layers.framing),
                per_event(layers.http_headers),
                per_event(layers.tcp_ip),
            ),
        );
    }
    if lane.requests > 0 {
        let statuses: Vec<_> =
            lane.responses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        lines.add(
            "requests",
            format!(
                "{} ({}), {} empty, {} slots missed, {} reconnects",
                number(lane.requests as f64),
                statuses.join(", "),
                number(lane.empty_responses as f64),
                lane.missed_slots,
                lane.reconnects,
            ),
        );
    }
}

fn latency(lines: &mut Lines, name: &str, latency: Option<&Hist>) {
    let Some(latency) = latency else { return };
    if latency.is_empty() && latency.overflows + latency.negative == 0 {
        return lines.add(name, "no single events were timed");
    }
    lines.add(
        name,
        format!(
            "{} ({} timed, from `ts`, the time an event was due)",
            percentiles(latency),
            number(latency.count as f64)
        ),
    );
    if latency.overflows > 0 {
        lines.add("", format!("{} above ten minutes", latency.overflows));
    }
    if latency.negative > 0 {
        let lowest_ms = latency.lowest_us as f64 / 1e3;
        lines.add("", format!("{} below zero, down to {lowest_ms:.3} ms", latency.negative));
    }
}

fn percentiles(hist: &Hist) -> String {
    let ms = |us: u64| us as f64 / 1e3;
    format!(
        "p50 {:.3} ms, p90 {:.3}, p99 {:.3}, p99.9 {:.3}, max {:.3}",
        ms(hist.p50_us),
        ms(hist.p90_us),
        ms(hist.p99_us),
        ms(hist.p999_us),
        ms(hist.max_us)
    )
}

fn freshness(lines: &mut Lines, lane: &Lane) {
    if !lane.staleness.is_empty() {
        let text = percentiles(&lane.staleness);
        lines.add(
            "staleness",
            format!("{text} (of the time, age of the oldest event not yet there)"),
        );
    }
    if !lane.age.is_empty() {
        let text = percentiles(&lane.age);
        lines.add("age", format!("{text} (of the time, age of a symbol's newest event)"));
    }
}

fn contract(lines: &mut Lines, lane: &Lane) {
    let count = |kind| lane.breaches.get(&kind).copied().unwrap_or(0);
    let missing = lane.events.missed_unannounced;
    lines.add("gaps", format!("{} unannounced ({missing} events missing)", count(BreachKind::Gap)));
    for (why, announced) in &lane.announced {
        let text = format!("{} announced ({} events, {why})", announced.gaps, announced.events);
        lines.add("", text);
    }
    if lane.events.merged_records > 0 {
        let (records, away) = (lane.events.merged_records, lane.events.merged_away);
        lines.add("merged", format!("{away} events merged away into {records} records"));
    }
    let others: Vec<_> = BreachKind::ALL
        .into_iter()
        .filter(|&kind| kind != BreachKind::Gap)
        .map(|kind| (kind, count(kind)))
        .filter(|&(kind, count)| count > 0 || kind == BreachKind::Repeat)
        .map(|(kind, count)| format!("{count} {}", kind.as_str()))
        .collect();
    lines.add("contract", others.join(", "));
    if lane.unchecked > 0 {
        lines.add("", format!("{} messages of new symbols were not checked", lane.unchecked));
    }
    for breach in &lane.first_breaches {
        lines.add("", breach.to_string());
    }
    if lane.unanswered > 0 {
        let unanswered = lane.unanswered;
        lines.add("goodbye", format!("{unanswered} closes were not answered with 1000 within 1 s"));
    }
    if lane.behind_ms_max > 0 {
        lines.add("behind", format!("{} ms at most, as heartbeats say", lane.behind_ms_max));
    }
}

fn cost(lines: &mut Lines, lane: &Lane) {
    let busy = lane.generator.busy * 100.0;
    let late_ms = lane.generator.late_ms;
    let waited = lane.generator.waited * 100.0;
    lines.add(
        "tester",
        format!(
            "{busy:.0} % of its processors, waited for them {waited:.0} % of the time, {late_ms:.1} ms late at most"
        ),
    );
    let Some(server) = &lane.server_use else { return };
    let share = server.cpu_s / lane.window_s.max(f64::MIN_POSITIVE) * 100.0;
    let us = |value: Option<f64>| value.map_or("-".to_owned(), |us| format!("{us:.3}"));
    lines.add(
        "server",
        format!(
            "{:.2} s CPU ({share:.0} % of one processor), {} µs a delivered message, {} an event",
            server.cpu_s,
            us(server.cpu_us_per_message),
            us(server.cpu_us_per_event)
        ),
    );
    let mib = |kib: u64| kib as f64 / 1024.0;
    let growth = mib(server.rss_kib_after) - mib(server.rss_kib_before);
    let mut text = format!(
        "{:.1} MiB resident, {growth:+.1} MiB since the first client",
        mib(server.rss_kib_after)
    );
    if let Some(kib) = server.rss_kib_per_client {
        text += &format!(", {kib:.2} KiB a client");
    }
    lines.add("", text);
}

fn promises(lines: &mut Lines, result: &RunResult) {
    for slo in &result.slos {
        let kept = if slo.ok { "kept" } else { "BROKEN" };
        let measured = slo.measured.map_or("nothing was measured".to_owned(), |measured| {
            format!("measured {measured:.3} {}", slo.unit)
        });
        lines.add("slo", format!("{} on {}: {kept}, {measured}", slo.expression, slo.lane));
    }
}

fn verdict(lines: &mut Lines, result: &RunResult) {
    for check in result.checks.iter().filter(|check| !check.ok) {
        let lane = check.lane.as_deref().unwrap_or("run");
        lines.add("INVALID", format!("{lane}: {}: {}", check.name, check.detail));
    }
    let passed = result.checks.iter().filter(|check| check.ok).count();
    lines.add("checks", format!("{passed} of {} passed", result.checks.len()));
    let text = match result.verdict {
        Verdict::Ok => "ok".to_owned(),
        Verdict::Broken => {
            let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
            for (kind, count) in result.lanes.iter().flat_map(|lane| &lane.breaches) {
                *kinds.entry(*kind).or_default() += count;
            }
            let kinds: Vec<_> = kinds
                .into_iter()
                .filter(|&(_, count)| count > 0)
                .map(|(kind, count)| format!("{}: {count}", kind.as_str()))
                .collect();
            format!("CONTRACT BROKEN: {}", kinds.join("; "))
        }
        Verdict::Incomplete => {
            format!("INCOMPLETE: {}", result.incomplete_why.as_deref().unwrap_or("no reason known"))
        }
        Verdict::Invalid => "INVALID: see above; do not use these figures".to_owned(),
        Verdict::SloBroken => {
            let broken = result.slos.iter().filter(|slo| !slo.ok).count();
            format!("SLO BROKEN: {broken} of {} promises", result.slos.len())
        }
    };
    lines.add("verdict", text);
}

/// A count, rounded, with its thousands set apart.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_thousands_apart() {
        assert_eq!(number(0.4), "0");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(1_234_567.8), "1,234,568");
    }
}
