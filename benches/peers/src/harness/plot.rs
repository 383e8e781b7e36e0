//! The picture: server's processor time a delivered message against how much it delivers, both logarithmic. Written by hand
//! as SVG, with colours for light and dark pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::result::{Report, Round};
use super::statistics::Spread;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;
/// Rows in the picture: the same work at growing rates.
const ROWS: [&str; 4] = ["1k", "10k", "60k", "peak"];
/// Distance of two labels at least.
const LABEL: f64 = 15.0;
const COLOURS: [&str; 9] = [
    "#2563eb", "#dc2626", "#6b7280", "#16a34a", "#9333ea", "#d97706", "#0891b2", "#be185d",
    "#65a30d",
];

const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#1f2937}.g{stroke:#8884;stroke-width:1}\
    .s{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.b{fill:#111827}}.b{fill:#fff}\
    @media(prefers-color-scheme:dark){.b{fill:#111827}}</style>";

/// A logarithmic axis, in whole decades.
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Option<Self> {
        let spread = Spread::of(values)?;
        let (from, to) = (spread.least.log10().floor(), spread.greatest.log10().ceil());
        Some(Self { from, to: to.max(from + 1.0), start, end })
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - self.from) / (self.to - self.from);
        self.start + part * (self.end - self.start)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|power| 10f64.powi(power))
    }
}

/// A server's medians: million messages/s, µs a message.
struct Line {
    peer: String,
    points: Vec<(f64, f64)>,
}

/// The picture; none if no row of it was measured.
pub fn svg(report: &Report) -> Option<String> {
    let lines = lines(report);
    let points = || lines.iter().flat_map(|line| line.points.iter());
    let x = Axis::new(points().map(|point| point.0), LEFT, WIDTH - RIGHT)?;
    let y = Axis::new(points().map(|point| point.1), HEIGHT - BOTTOM, TOP)?;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">{STYLE}\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text x=\"{LEFT}\" y=\"24\">Server’s CPU a delivered message, µs: 1000 connections, each on its own 10 of 100 symbols</text>\n"
    );
    if !report.complete {
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" style=\"fill:#dc2626\">incomplete run</text>",
            TOP - 4.0
        );
    }
    grid(&mut svg, &x, &y);
    let mut labels = Vec::new();
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let places: Vec<_> = line.points.iter().map(|&(px, py)| (x.at(px), y.at(py))).collect();
        let path: Vec<_> = places.iter().map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"s\" stroke=\"{colour}\" points=\"{}\"/>",
            path.join(" ")
        );
        for (px, py) in &places {
            let _ = writeln!(
                svg,
                "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
            );
        }
        if let Some(&(px, py)) = places.last() {
            labels.push((px, py, &line.peer, *colour));
        }
    }
    put_labels(&mut svg, labels);
    svg.push_str("</svg>\n");
    Some(svg)
}

fn lines(report: &Report) -> Vec<Line> {
    let mut seen = BTreeSet::new();
    let peers = report.rounds.iter().filter(|round| seen.insert(round.peer.as_str()));
    let line = |round: &Round| {
        let median = |row: &str, value: fn(&Round) -> f64| {
            Spread::of(report.of(row, &round.peer).map(value)).map(|spread| spread.median)
        };
        let points = ROWS.iter().filter_map(|row| {
            Some((median(row, Round::rate_delivered)? / 1e6, median(row, Round::cpu_us)?))
        });
        let mut points: Vec<_> = points.collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Line { peer: round.peer.clone(), points }
    };
    peers.map(line).filter(|line| !line.points.is_empty()).collect()
}

fn grid(svg: &mut String, x: &Axis, y: &Axis) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for value in x.decades() {
        let at = x.at(value);
        let _ = writeln!(
            svg,
            "<line class=\"g\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{value}</text>",
            bottom + 18.0
        );
    }
    for value in y.decades() {
        let at = y.at(value);
        let _ = writeln!(
            svg,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">million messages delivered a second, by one processor</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 14.0
    );
}

/// Names behind the ends of lines, none on top of another.
fn put_labels(svg: &mut String, mut labels: Vec<(f64, f64, &String, &str)>) {
    labels.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut below = f64::NEG_INFINITY;
    for (px, py, peer, colour) in labels {
        let at = py.max(below + LABEL);
        below = at;
        let (x, y) = (px + 8.0, at + 4.0);
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" style=\"fill:{colour}\">{peer}</text>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_a_line_and_a_name() {
        let mut report = Report { complete: true, ..Report::default() };
        assert!(svg(&report).is_none());
        for (row, peer, messages) in
            [("1k", "a", 100_000), ("10k", "a", 1_000_000), ("1k", "b", 90_000)]
        {
            report.rounds.push(Round {
                row: row.to_owned(),
                peer: peer.to_owned(),
                messages,
                seconds: 1.0,
                server_cpu_s: 0.9,
                ..Round::default()
            });
        }
        let svg = svg(&report).unwrap();
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (2, 3));
        assert!(svg.contains(">a</text>") && svg.contains(">b</text>"));
        assert!(!svg.contains("incomplete run"));
    }

    #[test]
    fn a_run_that_is_not_over_says_so() {
        let round = Round {
            row: "1k".to_owned(),
            messages: 1,
            seconds: 1.0,
            server_cpu_s: 0.9,
            ..Round::default()
        };
        let report = Report { complete: false, rounds: vec![round], ..Report::default() };
        assert!(svg(&report).unwrap().contains("incomplete run"));
    }

    #[test]
    fn an_axis_ends_at_decades() {
        let axis = Axis::new([0.2, 30.0].into_iter(), 0.0, 300.0).unwrap();
        assert_eq!(axis.decades().collect::<Vec<_>>(), [0.1, 1.0, 10.0, 100.0]);
        assert!((axis.at(10.0) - 200.0).abs() < 1e-9);
    }
}
