//! The subscription of a client as a query string, which HTTP transports have instead of a `subscribe`. Makes a text.

use std::fmt::Write;

use crate::catalog::Selection;
use crate::plan::{Mode, Plan};

/// `symbols=…&channels=…` and so on, escaped.
#[must_use]
pub fn query(plan: &Plan, selection: &Selection) -> String {
    let mut query = String::from("symbols=");
    if selection.is_everything() {
        query.push('*');
    } else {
        list(&mut query, selection.names().iter().map(String::as_str));
    }
    query.push_str("&channels=");
    list(&mut query, plan.channels.iter().map(|channel| channel.as_str()));
    if let Mode::Latest { interval_ms } = plan.mode {
        // Writing to a string cannot fail.
        let _ = write!(query, "&mode=latest&interval_ms={interval_ms}");
    }
    if !plan.snapshot {
        query.push_str("&snapshot=false");
    }
    query
}

fn list<'a>(query: &mut String, names: impl Iterator<Item = &'a str>) {
    for (place, name) in names.enumerate() {
        if place > 0 {
            query.push(',');
        }
        escape(query, name);
    }
}

/// Appends `text`; of RFC 3986's query characters those stay that separate neither parameters nor names.
pub(super) fn escape(query: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~/:".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    #[test]
    fn asks_for_what_a_subscribe_would() {
        let plan = Plan::new(Target::new("ws://127.0.0.1:1/v1/ws", false).unwrap());
        let selection = Selection::of(&["BRK.B", "BTC/USD", "A&B"]);
        assert_eq!(query(&plan, &selection), "symbols=BRK.B,BTC/USD,A%26B&channels=trades");
        let plan = Plan { mode: Mode::Latest { interval_ms: 250 }, snapshot: false, ..plan };
        let query = query(&plan, &Selection::of(&["AAPL"]));
        let rest = "&channels=trades&mode=latest&interval_ms=250&snapshot=false";
        assert_eq!(query, format!("symbols=AAPL{rest}"));
    }
}
