//! A run as one HTML page that can be defended: the verdict before any figure, every measure of every transport, pictures,
//! and what it takes to repeat it. Built from a stored run alone, so it can be written again at any time.

mod assets;
mod bars;
pub mod document;
mod environment;
pub mod figures;
pub mod number;
mod overview;
pub mod palette;
mod table;
mod verdict;

use maud::{Markup, html};

use crate::result::{HistError, Lane, RunResult};
use document::{BYTES_MAX, Document, figure, json, render};
use palette::{Look, looks};

pub use environment::{instant, quoted};
pub use table::name as lane_name;

/// The page of `run`.
///
/// # Errors
/// A stored histogram cannot be read.
pub fn html(run: &RunResult) -> Result<String, HistError> {
    let figures = json(&figures::of_run(run)?);
    let title = "Tickcast laboratory report";
    let mut page = String::new();
    // The raw data gives way to the limit of size, and the page says how much.
    for kept in [Kept::Everything, Kept::NoHistograms, Kept::TwoDigits, Kept::NoSeconds] {
        let body = body(run, kept);
        let raw = raw(run, kept)?;
        let document = Document { title, body: &body, figures: &figures, raw: &raw };
        page = render(&document);
        if page.len() < BYTES_MAX {
            break;
        }
    }
    Ok(page)
}

/// How much of the run's data is in the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Everything,
    /// Without those of single seconds.
    NoHistograms,
    /// And the others with two digits instead of three: of minutes of age there are very many buckets.
    TwoDigits,
    /// And without the seconds.
    NoSeconds,
}

fn raw(run: &RunResult, kept: Kept) -> Result<String, HistError> {
    let mut run = run.clone();
    for lane in &mut run.lanes {
        match kept {
            Kept::Everything => {}
            Kept::NoHistograms | Kept::TwoDigits => {
                for second in &mut lane.intervals {
                    second.latency.clear();
                    second.staleness.clear();
                }
            }
            Kept::NoSeconds => lane.intervals.clear(),
        }
        if matches!(kept, Kept::TwoDigits | Kept::NoSeconds) {
            let merged = lane.merged_latency.as_mut();
            let all =
                [&mut lane.latency, &mut lane.all_latency, &mut lane.age, &mut lane.staleness];
            for hist in all.into_iter().chain(merged) {
                hist.round()?;
            }
        }
    }
    Ok(json(&run))
}

fn body(run: &RunResult, kept: Kept) -> Markup {
    let names: Vec<_> = run.lanes.iter().map(|lane| lane.transport.as_str()).collect();
    let lanes: Vec<_> = run.lanes.iter().zip(looks(&names)).collect();
    html! {
        header {
            p.brand { "Tickcast laboratory" }
            h1 { (heading(run)) }
            p.when { (environment::instant(run.started_us)) " · " (run.machine.processor) ", tester on " (run.machine.cpus) (if run.machine.cpus == 1 { " processor" } else { " processors" }) " · " (run.machine.kernel) }
        }
        main {
            (verdict::section(run))
            @if !lanes.is_empty() {
                (overview::section(run, &lanes))
                (charts(&lanes))
                (costs(&lanes))
                section {
                    h2 { "Every measure" }
                    p.lead { "One column a transport. The best value of a row, and what comes within 2 % of it, is " b { "bold" } " where lower is better." }
                    (table::lanes(&lanes))
                }
            }
            (environment::method(run))
            (environment::section(run))
            (download(kept))
        }
        footer { p { "Written by load-tester " (run.tool.version) ". Prices are simulated. Charts: uPlot, MIT licence." } }
    }
}

fn heading(run: &RunResult) -> String {
    let clients = run.lanes.iter().map(|lane| lane.clients).max().unwrap_or(0);
    let clients = number::count(u64::from(clients));
    match run.lanes.len() {
        0 => "Nothing was measured".to_owned(),
        1 => format!("{}, {clients} clients", run.lanes[0].transport),
        lanes => format!("{lanes} transports, {clients} clients each, the same events"),
    }
}

fn legend(lanes: &[(&Lane, Look)]) -> Markup {
    html! {
        div.legend { @for (lane, look) in lanes {
            button type="button" data-lane=(lane.transport) aria-pressed="true" { (table::name(&lane.transport, *look)) }
        } }
    }
}

fn charts(lanes: &[(&Lane, Look)]) -> Markup {
    let axis = html! { "Read it from left to right: the further right, the rarer. At p99 a line is at the value that 99 of 100 stay below." };
    html! {
        section.charts {
            h2 { "How late" }
            p.lead.screen { "Press a name to hide its lines, point at a chart to read its values." }
            (legend(lanes))
            (figure("latency", "Latency: how late events came", &axis, &html! {}))
            (figure("staleness", "Staleness: how far a client’s view was behind", &html! {
                "The same axis, but of time instead of events: at p99 a line is at what a client’s view was behind for all but 1 % of the time. Where a line lies on the floor, the view had everything there was. "
                @if lanes.iter().any(|(lane, _)| lane.poll_interval_ms.is_some()) {
                    "Thin dashed lines are theory: a client that asks every T seconds is behind by anything between 0 and T, equally often."
                }
            }, &theory(lanes)))
            (figure("time", "Second by second", &html! { "Whether it was so all the time. Transports that ran one after another are laid over each other; 0 s is where each one’s measuring began." }, &html! {}))
        }
    }
}

/// Theory and measurement of polling, in figures.
fn theory(lanes: &[(&Lane, Look)]) -> Markup {
    let polling: Vec<_> = lanes
        .iter()
        .filter_map(|(lane, look)| Some((*lane, *look, lane.poll_interval_ms? as f64 * 1e3)))
        .filter(|(lane, ..)| !lane.staleness.is_empty())
        .collect();
    if polling.is_empty() {
        return html! {};
    }
    html! {
        div.scroll { table.theory {
            thead { tr { th { "staleness of polling" } th.number { "p50, theory" } th.number { "measured" } th.number { "p99, theory" } th.number { "measured" } } }
            tbody { @for (lane, look, interval_us) in polling { tr {
                th scope="row" { (table::name(&lane.transport, look)) }
                td.number { (number::time(interval_us * 0.5)) }
                td.number { b { (number::time(lane.staleness.p50_us as f64)) } }
                td.number { (number::time(interval_us * 0.99)) }
                td.number { b { (number::time(lane.staleness.p99_us as f64)) } }
            } } }
        } }
    }
}

fn costs(lanes: &[(&Lane, Look)]) -> Markup {
    let cpu = bars::simple(lanes, |lane| lane.server_use?.cpu_us_per_event);
    let memory = bars::simple(lanes, |lane| lane.server_use?.rss_kib_per_client);
    html! {
        section {
            h2 { "What it costs" }
            figure {
                h3 { "Bytes on the wire a delivered event" }
                figcaption { "What an event needs beside its own " b { "payload" } ": " b { "framing" } " says where a message ends, " b { "HTTP headers" } " come with every request and answer, and " b { "TCP and IP" } " wrap every packet. Several events in one packet share all of that." }
                (bars::bytes(lanes))
            }
            @if cpu.is_some() || memory.is_some() { div.pair {
                @if let Some(cpu) = cpu { figure {
                    h3 { "Server CPU a delivered event, µs" }
                    figcaption { "Processor time of the server, the kernel’s part included. It limits how many clients a machine carries." }
                    (cpu)
                } }
                @if let Some(memory) = memory { figure {
                    h3 { "Server memory a client, KiB" }
                    figcaption { "By how much the server’s process grew while the clients came, divided by them." }
                    (memory)
                } }
            } }
        }
    }
}

fn download(kept: Kept) -> Markup {
    html! {
        section.screen {
            h2 { "The data" }
            p { "Every figure of this page, and the histograms behind them (HdrHistogram V2, deflated, base64), as JSON. "
                code { "load-tester report" } " writes this page from it, " code { "load-tester compare" } " compares two."
                @match kept {
                    Kept::Everything => {}
                    Kept::NoHistograms => { " To keep this page below 400 kB, the histograms of single seconds are left out here; the run’s own file has them." }
                    Kept::TwoDigits => { " To keep this page below 400 kB, the histograms of single seconds are left out here and the others have two digits; the run’s own file has all of it." }
                    Kept::NoSeconds => { " To keep this page below 400 kB, single seconds are left out here and the histograms have two digits; the run’s own file has all of it." }
                }
            }
            p { button.primary type="button" data-download="run.json" { "Download run.json" } }
        }
    }
}
