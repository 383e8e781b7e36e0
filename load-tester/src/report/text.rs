//! The outcome of a run in words, for a terminal or a log. Makes a text; prints nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::breaches::BreachKind;
use crate::report::{Outcome, Percentiles, Verdict};

/// So many different reasons are shown.
const REASONS_MAX: usize = 8;

/// The whole report.
#[must_use]
pub fn report(outcome: &Outcome) -> String {
    let mut lines = Lines(String::new());
    connections(&mut lines, outcome);
    traffic(&mut lines, outcome);
    latency(&mut lines, "latency", outcome.latency.as_ref());
    latency(&mut lines, "of merged", outcome.merged_latency.as_ref());
    contract(&mut lines, outcome);
    cost(&mut lines, outcome);
    verdict(&mut lines, &outcome.verdict);
    lines.0
}

/// Lines of a name and what there is to say of it.
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, text: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name:<12} {}", text.as_ref());
    }
}

fn connections(lines: &mut Lines, outcome: &Outcome) {
    let Outcome { connected, clients, connect_s, .. } = outcome;
    lines.add("clients", format!("{connected} of {clients} subscribed, in {connect_s:.1} s"));
    let (asked, subscribed) = outcome.stuck;
    if asked > 0 {
        lines.add("stuck", format!("{subscribed} of {asked} clients that never read"));
    }
    reasons(lines, "failed", &outcome.failed);
    reasons(lines, "ended early", &outcome.ended);
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

fn traffic(lines: &mut Lines, outcome: &Outcome) {
    let window_s = outcome.window_s;
    let traffic = &outcome.traffic;
    let rate = |count: u64| count as f64 / window_s;
    lines.add(
        "received",
        format!(
            "{} messages/s, {} events/s, {} frames/s, {} MB/s, over {window_s:.1} s",
            number(rate(traffic.messages)),
            number(rate(traffic.events)),
            number(rate(traffic.frames)),
            (rate(traffic.bytes) / 1e5).round() / 10.0,
        ),
    );
    let messages = traffic.messages.max(1) as f64;
    let frames = traffic.frames.max(1) as f64;
    lines.add(
        "",
        format!(
            "{} messages in all, {:.1} a frame, {:.1} bytes a message",
            number(traffic.messages as f64),
            messages / frames,
            traffic.bytes as f64 / messages
        ),
    );
}

fn latency(lines: &mut Lines, name: &str, latency: Option<&Percentiles>) {
    let Some(latency) = latency else {
        if name == "latency" {
            lines.add(name, "no single events were timed");
        }
        return;
    };
    let Percentiles { count, p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = latency;
    lines.add(
        name,
        format!(
            "p50 {p50_ms:.3} ms, p90 {p90_ms:.3}, p99 {p99_ms:.3}, p99.9 {p999_ms:.3}, max {max_ms:.3} ({} timed, from `ts`, the time an event was due)",
            number(*count as f64)
        ),
    );
    if latency.overflows > 0 {
        lines.add("", format!("{} above ten minutes", latency.overflows));
    }
    if latency.negative > 0 {
        let Percentiles { negative, lowest_ms, .. } = latency;
        lines.add("", format!("{negative} below zero, down to {lowest_ms:.3} ms"));
    }
}

fn contract(lines: &mut Lines, outcome: &Outcome) {
    let gaps = outcome.count(BreachKind::Gap);
    let missing = outcome.missing_events;
    lines.add("gaps", format!("{gaps} unannounced ({missing} events missing)"));
    for (why, announced) in &outcome.announced {
        let text = format!("{} announced ({} events, {why})", announced.gaps, announced.events);
        lines.add("", text);
    }
    let traffic = &outcome.traffic;
    if traffic.merged_records > 0 {
        let (records, away) = (traffic.merged_records, traffic.merged_away);
        lines.add("merged", format!("{away} events merged away into {records} records"));
    }
    let others: Vec<_> = BreachKind::ALL
        .into_iter()
        .filter(|&kind| kind != BreachKind::Gap)
        .map(|kind| (kind, outcome.count(kind)))
        .filter(|&(kind, count)| count > 0 || kind == BreachKind::Repeat)
        .map(|(kind, count)| format!("{count} {}", kind.as_str()))
        .collect();
    lines.add("contract", others.join(", "));
    if outcome.unchecked > 0 {
        let unchecked = outcome.unchecked;
        lines.add("", format!("{unchecked} messages of new symbols were not checked"));
    }
    for breach in &outcome.first_breaches {
        lines.add("", breach.to_string());
    }
    if outcome.unanswered > 0 {
        let unanswered = outcome.unanswered;
        lines.add("goodbye", format!("{unanswered} closes were not answered with 1000 within 1 s"));
    }
    if outcome.behind_ms_max > 0 {
        let behind_ms = outcome.behind_ms_max;
        lines.add("behind", format!("{behind_ms} ms at most, as heartbeats say"));
    }
}

fn cost(lines: &mut Lines, outcome: &Outcome) {
    let busy = outcome.generator_busy * 100.0;
    let late_ms = outcome.generator_late_ms;
    lines.add("tester", format!("{busy:.0} % of its processors, {late_ms:.1} ms late at most"));
    if outcome.generator_overloaded() {
        lines.add(
            "WARNING",
            "above 70 % the tester's own queueing is in the latencies: use fewer clients, or more processors with --threads",
        );
    }
    let Some(server) = outcome.server else { return };
    let busy = server.cpu_s / outcome.window_s * 100.0;
    let per_message = outcome.server_us_per_message.unwrap_or(f64::NAN);
    lines.add(
        "server",
        format!(
            "{:.2} s CPU ({busy:.0} % of one processor), {per_message:.3} µs a delivered message",
            server.cpu_s
        ),
    );
    let mib = |kib: f64| kib / 1024.0;
    let (rss, growth) = (mib(server.rss_kib as f64), mib(server.rss_growth_kib as f64));
    lines.add("", format!("{rss:.1} MiB resident, {growth:+.1} MiB in the window"));
}

fn verdict(lines: &mut Lines, verdict: &Verdict) {
    match verdict {
        Verdict::Ok => lines.add("verdict", "ok"),
        Verdict::Broken(why) => {
            lines.add("verdict", format!("CONTRACT BROKEN: {}", why.join("; ")));
        }
        Verdict::Invalid(why) => lines.add("verdict", format!("INVALID: {}", why.join("; "))),
    }
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
