//! `GET /v1/symbols` and `GET /v1/bars`.

use std::rc::Rc;

use feed_protocol::{ErrorCode, Interval, Rejection, json, unknown_symbols};

use super::answer::{Answer, Rejected, json as json_answer};
use super::query::{Query, bad};
use crate::runtime::Local;

/// Bars answered with unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 500;
/// Most bars of one answer.
const LIMIT_MAX: usize = 5000;

/// All symbols: `[{"S","id","places","name"}]`.
pub fn symbols(local: &Rc<Local>) -> Answer {
    let shard = local.shard.borrow();
    let universe = shard.market().universe();
    let mut body = Vec::with_capacity(universe.len() * 72 + 2);
    body.push(b'[');
    for (id, symbol) in universe.iter() {
        if id.0 > 0 {
            body.push(b',');
        }
        let row = serde_json::json!({
            "S": &*symbol.name, "id": id.0, "places": symbol.places, "name": &*symbol.title,
        });
        body.extend_from_slice(row.to_string().as_bytes());
    }
    body.push(b']');
    json_answer(body)
}

/// Bars of one symbol and interval, oldest first.
pub fn answer(local: &Rc<Local>, query: Option<&str>) -> Result<Answer, Rejected> {
    let query = Query::parse(query)?;
    let shard = local.shard.borrow();
    let market = shard.market();
    let name = query
        .get("symbol")
        .ok_or_else(|| bad("`symbol` is missing, as in /v1/bars?symbol=AAPL&interval=1m"))?;
    let symbol = market.universe().find(name).ok_or_else(|| unknown_symbols(&[name]))?;
    let interval = interval(query.get("interval"))?;
    let from_us = query.number("from", i64::MIN..=i64::MAX)?.unwrap_or(i64::MIN);
    let to_us = query.number("to", i64::MIN..=i64::MAX)?.unwrap_or(i64::MAX);
    let limit = query.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    if from_us > to_us {
        return Err(bad("`from` (inclusive) is after `to` (exclusive); both are in µs").into());
    }
    let watermark_us = market.watermark_us();
    let bars = market.bars.range(symbol, interval, (from_us, to_us), limit, watermark_us);
    let mut body = Vec::with_capacity(bars.len() * 120 + 2);
    body.push(b'[');
    for (place, seen) in bars.iter().enumerate() {
        body.extend_from_slice(if place == 0 { b"{" } else { b",{" });
        let named = market.universe().get(symbol);
        json::write_bar_fields(&mut body, named, &seen.bar, seen.is_final);
        body.push(b'}');
    }
    body.push(b']');
    Ok(json_answer(body))
}

fn interval(name: Option<&str>) -> Result<Interval, Rejection> {
    let name = name.ok_or_else(|| bad("`interval` is missing: 1s 5s 1m 5m 15m 1h 1d"))?;
    Interval::from_wire(name).ok_or_else(|| {
        let shown: String = name.chars().take(20).collect();
        Rejection::new(
            ErrorCode::BadRequest,
            format!("no interval `{shown}`; there are 1s 5s 1m 5m 15m 1h 1d"),
        )
    })
}
