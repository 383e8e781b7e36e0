//! The tables that are printed.

use std::fmt::Write as _;

use super::peer::PEERS;
use super::result::{Report, Round};
use super::rows::ROWS;
use super::statistics::Spread;
use super::targets::{TARGETS, ratio};

/// A client that used more of its processor may have been what was measured.
const CLIENT_SHARE_MAX: f64 = 0.85;

/// All tables, as Markdown.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for row in &ROWS {
        if report.rounds.iter().any(|round| round.row == row.name) {
            let _ =
                writeln!(text, "\n**{}: {}** — medians (least–greatest)\n", row.name, row.title);
            row_table(&mut text, report, row.name);
        }
    }
    targets(&mut text, report);
    for (name, why) in &report.left_out {
        let _ = writeln!(text, "left out: {name}: {why}");
    }
    text
}

fn row_table(text: &mut String, report: &Report, row: &str) {
    text.push_str("| server | CPU µs a message | against uWebSockets | delivered | million messages/s | p50 ms | p99 ms | messages a frame | client |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for peer in &PEERS {
        let over = |value: fn(&Round) -> f64| Spread::of(report.of(row, peer.name).map(value));
        let Some(cpu) = over(Round::cpu_us) else { continue };
        let against = ratio(report, row, peer.name, "uwebsockets", Round::cpu_us, Round::cpu_us);
        let against = against.map_or_else(String::new, |ratio| ratio.to_string());
        let median = |value| over(value).map_or(0.0, |spread| spread.median);
        let client = median(Round::client_share);
        let mark = if client > CLIENT_SHARE_MAX { " **(limit)**" } else { "" };
        let latency = |value| over(value).map_or_else(String::new, |spread| spread.to_string());
        let _ = writeln!(
            text,
            "| {} | {cpu} | {against} | {:.1} % | {:.3} | {} | {} | {:.1} | {:.0} %{mark} |",
            peer.name,
            median(|round| round.messages as f64 / round.asked * 100.0),
            median(Round::rate_delivered) / 1e6,
            latency(|round| round.latency.p50_ms),
            latency(|round| round.latency.p99_ms),
            median(|round| round.messages as f64 / round.frames as f64),
            client * 100.0,
        );
    }
}

fn targets(text: &mut String, report: &Report) {
    text.push_str(
        "\n| row | Tickcast against | of | target | measured | |\n|---|---|---|---|---|---|\n",
    );
    for target in &TARGETS {
        let Some(ratio) = target.ratio(report) else { continue };
        let verdict = if target.bound.holds(ratio.median) { "met" } else { "**missed**" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {ratio} | {verdict} |",
            target.row, target.against, target.measure, target.bound
        );
    }
}
