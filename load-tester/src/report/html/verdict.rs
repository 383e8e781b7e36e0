//! What a run comes to, first: the verdict in words, what was demanded, and every check with its figure, failed ones first.

use maud::{Markup, html};

use super::number::significant;
use crate::result::{Check, RunResult, Slo, Verdict};

/// The verdict, the SLOs and the checks.
#[must_use]
pub fn section(run: &RunResult) -> Markup {
    let (class, word, meaning) = words(run.verdict);
    let (passed, failed): (Vec<_>, Vec<_>) = run.checks.iter().partition(|check| check.ok);
    html! {
        section.verdict.(class) aria-label="Verdict" {
            p.word { (word) }
            p { (meaning) }
            @if let Some(why) = &run.incomplete_why { p { "Incomplete: " (why) "." } }
            @for lane in &run.lanes {
                @if let Some(why) = &lane.incomplete_why { p { (lane.transport) " is incomplete: " (why) "." } }
                @for (kind, count) in lane.breaches.iter().filter(|(_, count)| **count > 0) {
                    p { (lane.transport) ": " (count) " " (kind.as_str()) }
                }
            }
            @if !failed.is_empty() {
                ul.checks { @for one in &failed { li { (check(one)) } } }
            }
            @if !passed.is_empty() {
                details {
                    summary { (passed.len()) " validity checks passed" @if !failed.is_empty() { ", " (failed.len()) " failed" } }
                    ul.checks { @for one in &passed { li { (check(one)) } } }
                }
            }
        }
        @if !run.slos.is_empty() { (slos(&run.slos)) }
    }
}

fn words(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Verdict::Ok => (
            "ok",
            "Valid",
            "Every asked-for client was there from beginning to end, the tester was not in its own way, and the server kept its contract: the figures may be used.",
        ),
        Verdict::SloBroken => (
            "broken",
            "SLO broken",
            "The figures are valid, and something that was demanded is not met.",
        ),
        Verdict::Broken => (
            "broken",
            "Contract broken",
            "The server did not keep its contract: something was missing without a word, repeated, out of order or malformed. The figures stand, but they are those of a faulty server.",
        ),
        Verdict::Invalid => (
            "invalid",
            "Invalid",
            "A validity check failed, so the figures are not those of what was asked for. Do not quote them.",
        ),
        Verdict::Incomplete => {
            ("invalid", "Incomplete", "The run did not go to its end. What there is was kept.")
        }
    }
}

fn check(check: &Check) -> Markup {
    html! {
        span.sign data-ok=(check.ok) { @if check.ok { "✓" } @else { "✗" } }
        span.unseen { @if check.ok { "passed: " } @else { "failed: " } }
        @if let Some(lane) = &check.lane { b { (lane) } " " }
        (check.name) ": " (check.detail)
    }
}

fn slos(slos: &[Slo]) -> Markup {
    let figure = |value: f64, unit: &str| format!("{} {unit}", significant(value, 3));
    html! {
        section {
            h2 { "What was demanded" }
            div.scroll { table {
                thead { tr { th { "objective" } th { "transport" } th.number { "measured" } th.number { "limit" } th { "met" } } }
                tbody { @for slo in slos { tr {
                    td { code { (slo.expression) } }
                    td { (slo.lane) }
                    td.number { (slo.measured.map_or("nothing".to_owned(), |value| figure(value, &slo.unit))) }
                    td.number { (slo.limit) " " (slo.unit) }
                    td { span.sign data-ok=(slo.ok) { @if slo.ok { "✓" } @else { "✗" } } @if slo.ok { " yes" } @else { " no" } }
                } } }
            } }
        }
    }
}
