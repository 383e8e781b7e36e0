//! The tables that are printed, as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::peer::PEERS;
use super::result::{Report, Round, Unfinished};
use super::rows::{Kind, ROWS, Row};
use super::statistics::Spread;
use super::targets::{TARGETS, ratio};

/// Clients that used more of their processor may have been the limit: the server's rate is "at least" what they read.
pub const CLIENT_SHARE_MAX: f64 = 0.85;

/// All tables.
pub fn text(report: &Report) -> String {
    let machine: Vec<_> =
        report.machine.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let mut text = format!("{}, commit {}, {}\n", report.date, report.build(), machine.join(", "));
    text.push_str(&incomplete(report));
    for row in &ROWS {
        for (case, kind) in row.cases {
            let name = format!("{}{case}", row.name);
            if report.rounds.iter().any(|round| round.row == name) {
                head(&mut text, report, row, &name);
                match kind {
                    Kind::Idle(_) => idle(&mut text, report, &name),
                    Kind::Flood(..) => clients(&mut text, report, &name),
                    Kind::Storm => storm(&mut text, report, &name),
                    _ => fanout(&mut text, report, &name),
                }
            }
        }
    }
    targets(&mut text, report);
    text.push('\n');
    for (name, why) in &report.left_out {
        let _ = writeln!(text, "left out: {name}: {}", why.lines().next().unwrap_or_default());
    }
    text
}

/// What is missing of a run that did not come to its end.
fn incomplete(report: &Report) -> String {
    if report.complete {
        return String::new();
    }
    let rows = report.unfinished.iter().map(|(row, Unfinished { done, rounds, servers })| {
        let servers: Vec<_> = servers.iter().map(String::as_str).collect();
        format!("{row}: {done} of {rounds} rounds of {}", servers.join(", "))
    });
    format!("\n**Incomplete run**: {}\n", rows.collect::<Vec<_>>().join("; "))
}

fn head(text: &mut String, report: &Report, row: &Row, name: &str) {
    let of_row = || report.rounds.iter().filter(|round| round.row == name);
    let count = |peer| report.of(name, peer).count();
    let most = of_row().map(|round| count(&round.peer)).max().unwrap_or(0);
    let rounds = if most == 1 { "one round".to_owned() } else { format!("up to {most} rounds") };
    let times: BTreeSet<_> = of_row().map(|round| &round.at).filter(|at| !at.is_empty()).collect();
    let when = match (times.first(), times.last()) {
        (Some(first), Some(last)) if first != last => format!(", {first} to {last}"),
        (Some(first), _) => format!(", {first}"),
        _ => String::new(),
    };
    let title = row.title;
    let _ = writeln!(text, "\n**{name}: {title}** — medians (least–greatest) of {rounds}{when}\n");
}

fn idle(text: &mut String, report: &Report, row: &str) {
    text.push_str("| server | KiB a connection |\n|---|---|\n");
    for peer in &PEERS {
        let memory = report.of(row, peer.name).filter_map(|round| round.memory_kib);
        if let Some(memory) = Spread::of(memory) {
            let _ = writeln!(text, "| {} | {memory} |", peer.name);
        }
    }
}

fn storm(text: &mut String, report: &Report, row: &str) {
    text.push_str(
        "| server | all served, s | the others' p50 ms | p99 ms | server's CPU, s | client |\n|---|---|---|---|---|---|\n",
    );
    for peer in &PEERS {
        let shown = |value: fn(&Round) -> Option<f64>| {
            Spread::of(report.of(row, peer.name).filter_map(value)).map(|spread| spread.to_string())
        };
        let Some(served) = shown(|round| round.served_s) else { continue };
        let [p50, p99, cpu, client] = [
            (|round| Some(round.latency.p50_ms)) as fn(&Round) -> Option<f64>,
            |round| Some(round.latency.p99_ms),
            |round| Some(round.server_cpu_s),
            |round| Some(round.client_share() * 100.0),
        ]
        .map(|value| shown(value).unwrap_or_default());
        let _ = writeln!(text, "| {} | {served} | {p50} | {p99} | {cpu} | {client} % |", peer.name);
    }
}

fn clients(text: &mut String, report: &Report, row: &str) {
    text.push_str(
        "| sender | million messages/s of a whole processor | million reads/s | messages a read | processor used |\n\
         |---|---|---|---|---|\n",
    );
    for peer in &PEERS {
        let over = |value: fn(&Round) -> f64| Spread::of(report.of(row, peer.name).map(value));
        let Some(messages) = over(|round| round.messages as f64 / round.client_cpu_s / 1e6) else {
            continue;
        };
        let shown = |value| over(value).map_or_else(String::new, |spread| spread.to_string());
        let _ = writeln!(
            text,
            "| {} | {messages} | {} | {} | {:.0} % |",
            peer.name,
            shown(|round| round.reads as f64 / round.client_cpu_s / 1e6),
            shown(|round| round.messages as f64 / round.reads as f64),
            over(Round::client_share).map_or(0.0, |spread| spread.median) * 100.0,
        );
    }
}

fn fanout(text: &mut String, report: &Report, row: &str) {
    text.push_str(
        "| server | CPU µs a message | : uWebSockets | delivered | million messages/s | p50 ms | p99 ms | messages a frame | bytes a message | client |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for peer in &PEERS {
        let over = |value: fn(&Round) -> f64| Spread::of(report.of(row, peer.name).map(value));
        let Some(cpu) = over(Round::cpu_us) else { continue };
        let against = ratio(report, (row, peer.name), (row, "uwebsockets"), Round::cpu_us);
        let against = against.map_or_else(String::new, |ratio| ratio.to_string());
        let median = |value| over(value).map_or(0.0, |spread| spread.median);
        let shown = |value| over(value).map_or_else(String::new, |spread| spread.to_string());
        let client = median(Round::client_share);
        let at_least = if client > CLIENT_SHARE_MAX { "at least " } else { "" };
        let delivered = median(|round| round.messages as f64 / round.asked * 100.0);
        let delivered =
            if delivered.is_finite() { format!("{delivered:.0} %") } else { String::new() };
        let _ = writeln!(
            text,
            "| {} | {cpu} | {against} | {delivered} | {at_least}{:.3} | {} | {} | {:.1} | {:.0} | {:.0} % |",
            peer.name,
            median(Round::rate_delivered) / 1e6,
            shown(|round| round.latency.p50_ms),
            shown(|round| round.latency.p99_ms),
            median(|round| round.messages as f64 / round.frames as f64),
            median(Round::bytes_each),
            client * 100.0,
        );
    }
}

fn targets(text: &mut String, report: &Report) {
    text.push_str("\n| work | of | target | measured | rounds | |\n|---|---|---|---|---|---|\n");
    for target in &TARGETS {
        let Some(figure) = target.figure(report) else { continue };
        let holds = |value| target.bound.holds(value);
        let verdict = match (holds(figure.median), holds(figure.least) && holds(figure.greatest)) {
            (false, _) => "**missed**",
            (true, false) => "met by the median",
            (true, true) => "met",
        };
        let (title, measure) = (target.title(), target.measure.name);
        let (bound, rounds) = (target.bound, figure.count);
        let _ =
            writeln!(text, "| {title} | {measure} | {bound} | {figure} | {rounds} | {verdict} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_not_over_says_so_with_what_is_missing() {
        let mut report = Report { complete: true, ..Report::default() };
        let round = Round { row: "1k".to_owned(), peer: "ws".to_owned(), ..Round::default() };
        let at = ["2026-11-21T20:10:00Z", "2026-11-21T20:09:00Z"].map(str::to_owned);
        report.rounds.extend(at.map(|at| Round { at, ..round.clone() }));
        assert!(!text(&report).contains("Incomplete"));
        assert!(
            text(&report)
                .contains("of up to 2 rounds, 2026-11-21T20:09:00Z to 2026-11-21T20:10:00Z")
        );
        report.complete = false;
        let servers = ["tickcast", "ws"].map(str::to_owned).into();
        report.unfinished.insert("1k".to_owned(), Unfinished { done: 2, rounds: 3, servers });
        assert!(text(&report).contains("**Incomplete run**: 1k: 2 of 3 rounds of tickcast, ws"));
    }
}
