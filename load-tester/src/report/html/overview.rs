//! The five figures that most readers came for, one row a transport, each with a bar. The order is that of staleness.

use maud::{Markup, html};

use super::number::{significant, time};
use super::palette::Look;
use super::table::{name, per_event};
use crate::result::{Lane, RunResult};

/// A column: heading, value, and how it is written.
struct Column {
    heading: &'static str,
    under: &'static str,
    value: fn(&Lane) -> Option<f64>,
    text: fn(f64) -> String,
}

const COLUMNS: [Column; 5] = [
    Column {
        heading: "latency p50",
        under: "half of the events came within",
        value: |lane| (!lane.latency.is_empty()).then_some(lane.latency.p50_us as f64),
        text: time,
    },
    Column {
        heading: "latency p99",
        under: "99 of 100 came within",
        value: |lane| (!lane.latency.is_empty()).then_some(lane.latency.p99_us as f64),
        text: time,
    },
    Column {
        heading: "staleness p99",
        under: "99 % of the time a view was behind by at most",
        value: |lane| (!lane.staleness.is_empty()).then_some(lane.staleness.p99_us as f64),
        text: time,
    },
    Column {
        heading: "bytes an event",
        under: "on the wire, both ways, all layers",
        value: |lane| per_event(lane.bytes.down.total() + lane.bytes.up.total(), lane),
        text: |value| significant(value, 3),
    },
    Column {
        heading: "server CPU an event",
        under: "the kernel’s part included",
        value: |lane| lane.server_use.and_then(|used| used.cpu_us_per_event),
        text: |value| format!("{} µs", significant(value, 3)),
    },
];

/// The table, and what it says in a sentence.
#[must_use]
pub fn section(run: &RunResult, lanes: &[(&Lane, Look)]) -> Markup {
    let mut lanes = lanes.to_vec();
    lanes.sort_by_key(|(lane, _)| lane.staleness.p99_us);
    let greatest = COLUMNS.map(|column| {
        lanes.iter().filter_map(|(lane, _)| (column.value)(lane)).fold(0.0, f64::max)
    });
    let shown: Vec<_> =
        COLUMNS.iter().zip(greatest).filter(|(_, greatest)| *greatest > 0.0).collect();
    html! {
        section {
            h2 { "At a glance" }
            p.lead { (sentence(run)) }
            div.scroll { table.overview {
                thead { tr {
                    th scope="col" { "transport" }
                    @for (column, _) in &shown { th scope="col" { (column.heading) small { (column.under) } } }
                } }
                tbody { @for (lane, look) in &lanes { tr {
                    th scope="row" { (name(&lane.transport, *look)) }
                    @for (column, greatest) in &shown { td data-label=(column.heading) {
                        @let value = (column.value)(lane);
                        span { (value.map_or("–".to_owned(), column.text)) }
                        @let width = value.unwrap_or(0.0) / greatest * 100.0;
                        i style=(format!("width:{width:.1}%;background:var(--c{})", look.slot % 10)) {}
                    } }
                } } }
            } }
        }
    }
}

/// What was measured, and what came out, for a reader who has a minute.
fn sentence(run: &RunResult) -> String {
    let measured: Vec<_> = run.lanes.iter().filter(|lane| !lane.staleness.is_empty()).collect();
    let by_staleness = |lane: &&&Lane| lane.staleness.p99_us;
    let (best, worst) =
        (measured.iter().min_by_key(by_staleness), measured.iter().max_by_key(by_staleness));
    let (Some(best), Some(worst)) = (best, worst) else {
        return "Nothing came in the measured window.".to_owned();
    };
    let behind = |lane: &Lane| match lane.staleness.p99_us {
        0 => "not behind at all".to_owned(),
        us => format!("at most {} behind", time(us as f64)),
    };
    if best.transport == worst.transport {
        return format!(
            "{}: 99 % of the time a client’s view of the market was {}.",
            best.transport,
            behind(best)
        );
    }
    let mut text = format!(
        "99 % of the time a client’s view of the market was {} over {}, and {} over {}.",
        behind(best),
        best.transport,
        behind(worst),
        worst.transport
    );
    let bytes = |lane: &Lane| per_event(lane.bytes.down.total() + lane.bytes.up.total(), lane);
    let sized = measured.iter().filter_map(|lane| Some((lane.transport.as_str(), bytes(lane)?)));
    let mut sized: Vec<_> = sized.collect();
    sized.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    if let (Some((light, least)), Some((heavy, most))) = (sized.first(), sized.last())
        && light != heavy
    {
        let (least, most) = (significant(*least, 3), significant(*most, 3));
        text +=
            &format!(" An event cost {least} bytes on the wire over {light}, {most} over {heavy}.");
    }
    text
}
