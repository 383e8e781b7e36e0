//! Studies in words: a table each, short enough to read. Makes a text; prints nothing.

use super::{Reproduced, Reproduction, Row};
use crate::text::aligned;

/// The whole report.
#[must_use]
pub fn text(reproduction: &Reproduction) -> String {
    let mut text: String = reproduction.studies.iter().map(study).collect::<Vec<_>>().join("\n");
    if let Some(why) = &reproduction.incomplete_why {
        text += &format!("INCOMPLETE   {why}\n");
    }
    text
}

fn study(study: &Reproduced) -> String {
    let head = ["", "theirs", "ours", "comparable", "unit", "agrees", "why"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(study.rows.iter().map(row));
    let mut text = format!(
        "── {}: {} ──\n{}\nhere         {}\nagain        load-tester reproduce {}\n{}",
        study.study,
        study.source,
        study.claim,
        study.simulated,
        study.study,
        aligned(&rows)
    );
    for note in &study.notes {
        text += &format!("· {note}\n");
    }
    for why in &study.invalid {
        text += &format!("INVALID      {why}\n");
    }
    text
}

fn row(row: &Row) -> Vec<String> {
    let agrees = match (row.agrees, row.within) {
        (Some(agrees), Some(0.0)) => if agrees { "yes" } else { "NO" }.to_owned(),
        (Some(agrees), Some(within)) => {
            format!("{} (±{} %)", if agrees { "yes" } else { "NO" }, (within * 100.0).round())
        }
        _ => "-".to_owned(),
    };
    let is_equal = (row.comparable - row.ours).abs() < 1e-9;
    vec![
        row.what.clone(),
        row.theirs.map_or("-".to_owned(), number),
        number(row.ours),
        if is_equal { String::new() } else { number(row.comparable) },
        row.unit.to_owned(),
        agrees,
        row.why.clone(),
    ]
}

/// Four significant digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1000.0.. => format!("{value:.0}"),
        100.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
