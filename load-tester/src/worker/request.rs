//! The one request of a client: its subscribe, as the connection's format has it.

use serde_json::json;

use crate::catalog::Selection;
use crate::plan::{Format, Mode, Plan};

/// Bytes of the `subscribe` for `selection`.
pub(super) fn subscribe(plan: &Plan, selection: &Selection) -> Vec<u8> {
    let everything = ["*".to_owned()];
    let symbols = if selection.is_everything() { &everything } else { selection.names() };
    let channels: Vec<_> = plan.channels.iter().map(|channel| channel.as_str()).collect();
    let mut request = json!({
        "op": "subscribe", "id": 1, "symbols": symbols, "channels": channels,
        "snapshot": plan.snapshot,
    });
    match plan.mode {
        Mode::Every => request["mode"] = json!("every"),
        Mode::Latest { interval_ms } => {
            request["mode"] = json!("latest");
            request["interval_ms"] = json!(interval_ms);
        }
    }
    match plan.format {
        Format::Json => request.to_string().into_bytes(),
        Format::Msgpack => {
            rmp_serde::to_vec_named(&request).expect("a value of maps and texts can be encoded")
        }
    }
}
