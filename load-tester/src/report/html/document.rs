//! The frame of every page that the tester writes: one file with its style, its script and its data, which asks nothing of
//! any network (its content policy forbids it) and can be read without the script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use super::assets::{CHARTS, STYLE};

/// No page is larger: it is to be mailed, attached and opened on a phone.
pub const BYTES_MAX: usize = 400_000;

/// Nothing comes from anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:";

/// What goes into a page.
pub struct Document<'a> {
    /// Of the window.
    pub title: &'a str,
    /// What is seen.
    pub body: &'a Markup,
    /// The charts' data, as JSON text.
    pub figures: &'a str,
    /// What the download button hands out, as JSON text.
    pub raw: &'a str,
}

/// The page.
#[must_use]
pub fn render(document: &Document<'_>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (document.title) }
                @if let Some(charts) = &CHARTS { style { (PreEscaped(charts.style)) } }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (document.body)
                (data("figures", document.figures))
                (data("raw", document.raw))
                @if let Some(charts) = &CHARTS { script { (PreEscaped(charts.script)) } }
            }
        }
    };
    page.into_string()
}

/// A place for a chart. Where none can be drawn, it says what to do.
#[must_use]
pub fn figure(id: &str, title: &str, meaning: &Markup, more: &Markup) -> Markup {
    html! {
        figure id=(id) {
            h3 { (title) }
            figcaption { (meaning) }
            div.plot {
                @if CHARTS.is_some() {
                    noscript { p.absent { "Charts are drawn by the script in this page, and scripts are off. The tables have every figure." } }
                } @else {
                    p.absent { "No chart: this load tester was built before its pages were. Run " code { "make pages" } ", build it again, and write the report anew with " code { "load-tester report" } "." }
                }
            }
            (more)
        }
    }
}

/// JSON text of `value` for [`Document`].
///
/// # Panics
/// Never: reports hold nothing that JSON cannot say.
#[must_use]
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("reports hold nothing that JSON cannot say")
}

/// JSON in a page: nothing in it may end the element that it is in.
fn data(id: &str, json: &str) -> Markup {
    html! { script type="application/json" id=(id) { (PreEscaped(json.replace('<', "\\u003c"))) } }
}
