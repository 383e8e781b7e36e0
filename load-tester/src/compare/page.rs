//! A comparison as an HTML page: what it comes to, what differs about the conditions, each figure with its bounds as a
//! picture, and the histograms of both runs laid over each other. The same frame and style as a run's report.

use hdrhistogram::Histogram;
use maud::{Markup, html};
use serde::Serialize;

use super::{Comparison, Difference, Finding, LaneDifferences, text};
use crate::report::html::document::{Document, figure, json, render};
use crate::report::html::figures::{Figure, Number, Series, View, percentiles};
use crate::report::html::palette::{Look, looks};
use crate::report::html::{instant, lane_name, quoted};
use crate::result::{HistError, Lane, RunResult};

/// Classes of an overlaid histogram: so many a factor of ten.
const CLASSES_A_DECADE: f64 = 20.0;

/// The page; `names` are what the runs are called, most likely their files.
///
/// # Errors
/// A stored histogram cannot be read.
pub fn page(
    comparison: &Comparison,
    runs: [&RunResult; 2],
    names: [&str; 2],
) -> Result<String, HistError> {
    let transports: Vec<_> = comparison.lanes.iter().map(|lane| lane.transport.as_str()).collect();
    let looks = looks(&transports);
    let mut curves = Vec::new();
    let mut shapes = Vec::new();
    for (transport, look) in transports.iter().zip(&looks) {
        let mut both = Vec::new();
        for (run, letter) in runs.iter().zip(["A", "B"]) {
            let lane = run.lanes.iter().find(|lane: &&Lane| lane.transport == *transport);
            let lane = lane.expect("compared lanes are in both runs");
            both.push((letter, Look { slot: look.slot, dashed: false }, lane.latency.histogram()?));
        }
        for (mut view, all) in
            [(percentiles(transport, &both), &mut curves), (shape(transport, &both), &mut shapes)]
        {
            view.series[0].slot = None;
            all.push(view);
        }
    }
    let figure = |id, horizontal, views| Figure { id, horizontal, views };
    let figures = [figure("percentiles", "nines", curves), figure("shapes", "ms", shapes)];
    let figures: Vec<_> = figures.into_iter().filter(|figure| !figure.views.is_empty()).collect();
    let body = body(comparison, runs, names, &looks);
    let title = "Tickcast laboratory: two runs compared";
    let raw = Raw { a: names[0], b: names[1], comparison };
    let (figures, raw) = (json(&figures), json(&raw));
    Ok(render(&Document { title, body: &body, figures: &figures, raw: &raw }))
}

#[derive(Serialize)]
struct Raw<'a> {
    a: &'a str,
    b: &'a str,
    comparison: &'a Comparison,
}

/// Which part of the events came with which latency.
fn shape(transport: &str, both: &[(&str, Look, Histogram<u64>)]) -> View {
    let class = |us: u64| ((us.max(1) as f64).log10() * CLASSES_A_DECADE).floor() as usize;
    let filled = both.iter().filter(|(_, _, histogram)| !histogram.is_empty());
    let ends =
        filled.flat_map(|(_, _, histogram)| [class(histogram.min()), class(histogram.max())]);
    let ends: Vec<_> = ends.collect();
    let first = ends.iter().min().copied().unwrap_or(0);
    let last = ends.iter().max().copied().unwrap_or(0);
    let series = both.iter().map(|(name, look, histogram)| {
        let mut counts = vec![0_u64; last - first + 1];
        for bucket in histogram.iter_recorded() {
            counts[class(bucket.value_iterated_to()).clamp(first, last) - first] +=
                bucket.count_at_value();
        }
        let all = histogram.len().max(1) as f64;
        let share = |count: &u64| Some(Number(*count as f64 * 100.0 / all));
        Series {
            label: (*name).to_owned(),
            slot: Some(look.slot),
            dashed: look.dashed,
            values: counts.iter().map(share).collect(),
        }
    });
    let middle = |class: usize| 10_f64.powf((class as f64 + 0.5) / CLASSES_A_DECADE) / 1e3;
    View {
        label: transport.to_owned(),
        unit: "%",
        log: false,
        x: (first..=last).map(middle).map(Number).collect(),
        series: series.collect(),
    }
}

fn body(
    comparison: &Comparison,
    runs: [&RunResult; 2],
    names: [&str; 2],
    looks: &[Look],
) -> Markup {
    let class = if comparison.differing() == 0 { "ok" } else { "different" };
    html! {
        header {
            p.brand { "Tickcast laboratory" }
            h1 { "Two runs compared" }
            p.when { "A: " (names[0]) ", " (instant(runs[0].started_us)) br; "B: " (names[1]) ", " (instant(runs[1].started_us)) }
        }
        main {
            section.verdict.(class) aria-label="Verdict" {
                p.word { (text::verdict(comparison)) }
                p { (text::method(comparison)) }
                @if !comparison.only_in_one.is_empty() {
                    p { "Only in one of the runs: " (comparison.only_in_one.join(", ")) "." }
                }
            }
            (conditions(comparison))
            section {
                h2 { "Figure by figure" }
                p.lead { "The bar is where the true difference lies, B less A; the grey zone is too little to matter. A figure differs when its bar lies outside the zone altogether." }
                @for (lane, look) in comparison.lanes.iter().zip(looks) { (differences(lane, *look)) }
            }
            @if !comparison.lanes.is_empty() {
                section.charts {
                    h2 { "Laid over each other" }
                    (figure("percentiles", "Latency by percentile", &html! { "A is grey. The further right, the rarer: at p99 a line is at the value that 99 of 100 events stay below." }, &html! {}))
                    (figure("shapes", "Histograms of latency", &html! { "Which part of the events came with which latency. A is grey." }, &html! {}))
                }
            }
            section {
                h2 { "The runs" }
                @for (run, name) in runs.iter().zip(names) {
                    h3 { (name) }
                    pre { code { (run.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")) } }
                }
            }
            section.screen { h2 { "The data" } p { button.primary type="button" data-download="comparison.json" { "Download comparison.json" } } }
        }
        footer { p { "Written by load-tester " (env!("CARGO_PKG_VERSION")) ". Charts: uPlot, MIT licence." } }
    }
}

fn conditions(comparison: &Comparison) -> Markup {
    if comparison.conditions.is_empty() {
        return html! { section { p.lead { "Both were had on the same machine, with the same settings and the same server." } } };
    }
    html! {
        section {
            h2 { "What else is not the same" }
            div.scroll { table {
                thead { tr { th { "" } th { "A" } th { "B" } } }
                tbody { @for one in &comparison.conditions { tr { th scope="row" { (one.name.replace('_', " ")) } td { (one.a) } td { (one.b) } } } }
            } }
        }
    }
}

fn differences(lane: &LaneDifferences, look: Look) -> Markup {
    html! {
        div.scroll.spaced { table.differences {
            thead { tr { th scope="col" { (lane_name(&lane.transport, look)) } th.number scope="col" { "A" } th.number scope="col" { "B" } th scope="col" { "B less A" } th scope="col" { "" } } }
            tbody { @for one in &lane.differences {
                tr.differs[matches!(one.finding, Finding::More | Finding::Less)] {
                    th scope="row" { (one.name) }
                    td.number { (text::value(one.measure, one.a)) }
                    td.number { (text::value(one.measure, one.b)) }
                    td.interval { (interval(one)) }
                    td { (text::sentence(one)) }
                }
            } }
        } }
    }
}

/// The bounds of a difference as a bar about zero, over the zone that does not matter.
fn interval(one: &Difference) -> Markup {
    let (Some(low), Some(high)) = (one.low, one.high) else { return html! {} };
    let reach = low.abs().max(high.abs()).max(one.margin * 1.5) * 1.08;
    let at = |value: f64| 50.0 + 50.0 * value / reach;
    let span =
        |from: f64, to: f64| format!("left:{:.2}%;width:{:.2}%", at(from), at(to) - at(from));
    html! {
        span.bounds {
            i.zone style=(span(-one.margin, one.margin)) {}
            i.zero {}
            i.bar style=(span(low, high)) {}
            i.point style=(format!("left:{:.2}%", at(one.difference))) {}
        }
    }
}
