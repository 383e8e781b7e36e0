//! Bars without a script: bytes by layer, CPU and memory, a delivered event or a client. Each bar has its figure beside it,
//! so that nobody has to measure with a ruler.

use maud::{Markup, html};

use super::number::significant;
use super::palette::Look;
use super::table::{name, per_event};
use crate::result::{Lane, LayerBytes};

/// Layers, from the inside out: name and colour.
const LAYERS: [(&str, &str); 4] = [
    ("payload", "--payload"),
    ("framing", "--framing"),
    ("HTTP headers", "--headers"),
    ("TCP and IP", "--tcp"),
];

fn layers(bytes: LayerBytes) -> [u64; 4] {
    [bytes.payload, bytes.framing, bytes.http_headers, bytes.tcp_ip]
}

/// Bytes a delivered event, by layer and direction.
#[must_use]
pub fn bytes(lanes: &[(&Lane, Look)]) -> Markup {
    let directions = |lane: &Lane| [("down", lane.bytes.down), ("up", lane.bytes.up)];
    let totals = lanes.iter().flat_map(|(lane, _)| {
        directions(lane).map(|(_, bytes)| per_event(bytes.total(), lane).unwrap_or(0.0))
    });
    let greatest = totals.fold(0.0, f64::max);
    html! {
        p.key { @for (name, colour) in LAYERS {
            span style=(format!("--mark:var({colour})")) { (name) }
        } }
        dl.bars {
            @for (lane, look) in lanes {
                dt { (name(&lane.transport, *look)) }
                dd { @for (direction, bytes) in directions(lane) {
                    @let total = per_event(bytes.total(), lane);
                    div.bar title=(title(direction, bytes, lane)) {
                        span.way { (direction) }
                        span.track { @for (bytes, (_, colour)) in layers(bytes).into_iter().zip(LAYERS) {
                            @let width = per_event(bytes, lane).unwrap_or(0.0) / greatest * 100.0;
                            i style=(format!("width:{width:.2}%;background:var({colour})")) {}
                        } }
                        b { (total.map_or("–".to_owned(), |total| significant(total, 3))) }
                    }
                } }
            }
        }
    }
}

fn title(direction: &str, bytes: LayerBytes, lane: &Lane) -> String {
    let layers = layers(bytes).into_iter().zip(LAYERS).map(|(bytes, (layer, _))| {
        let bytes = per_event(bytes, lane).map_or("–".to_owned(), |bytes| significant(bytes, 3));
        format!("{layer} {bytes}")
    });
    format!("{direction}: {} bytes an event", layers.collect::<Vec<_>>().join(", "))
}

/// One figure a lane; `None` if no lane has it.
#[must_use]
pub fn simple(lanes: &[(&Lane, Look)], value: impl Fn(&Lane) -> Option<f64>) -> Option<Markup> {
    let values: Vec<_> = lanes.iter().map(|(lane, _)| value(lane)).collect();
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return None;
    }
    Some(html! {
        dl.bars {
            @for ((lane, look), value) in lanes.iter().zip(&values) {
                dt { (name(&lane.transport, *look)) }
                dd { div.bar {
                    @let width = value.unwrap_or(0.0).max(0.0) / greatest * 100.0;
                    span.track {
                        i style=(format!("width:{width:.2}%;background:var(--c{})", look.slot % 10)) {}
                    }
                    b { (value.map_or("–".to_owned(), |value| significant(value, 3))) }
                } }
            }
        }
    })
}
