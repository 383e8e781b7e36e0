//! `/lab`: what the page that shows transports side by side reads and presses. Only on a server started with `--lab`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use feed_protocol::{ErrorCode, Rejection};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Rejected, json as json_answer, ok, problem};
use super::query::{Query, bad};
use crate::lab::crowd::CLIENTS_MAX;
use crate::lab::lanes::{DELAY_MAX, Lane, STALL_MAX};
use crate::lab::{Lab, RATE_RANGE};
use crate::metrics;
use crate::runtime::wall_us;
use crate::server::Shared;
use crate::shard::counters::{Answered, Counters, Transport};

/// Has to be on every request that changes something: pages of other origins cannot send it without being asked about it.
const BUTTON: &str = "x-tickcast-lab";
/// Polling intervals that a crowd may have, ms.
const POLL_MS: std::ops::RangeInclusive<u32> = 50..=60_000;

/// Answers a request below `/lab`.
pub fn answer(shared: &Shared, lab: &Lab, request: &Request<Incoming>) -> Answer {
    let is_get = [Method::GET, Method::HEAD].contains(request.method());
    match (request.uri().path(), is_get) {
        ("/lab", true) => json_answer(state(shared, lab).to_string()),
        ("/lab/metrics", true) => ok(metrics::CONTENT_TYPE, metrics::render(shared)),
        ("/lab/lane" | "/lab/rate", false) if request.method() == Method::POST => {
            if !request.headers().contains_key(BUTTON) {
                let detail =
                    "send a header x-tickcast-lab: 1, so that no other page can press this";
                return problem(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail);
            }
            match press(lab, request) {
                Ok(()) => json_answer(state(shared, lab).to_string()),
                Err(rejected) => rejected.into(),
            }
        }
        _ => {
            let detail = "there are GET /lab, GET /lab/metrics, POST /lab/lane, POST /lab/rate";
            problem(StatusCode::NOT_FOUND, ErrorCode::BadRequest, detail)
        }
    }
}

fn state(shared: &Shared, lab: &Lab) -> Value {
    json!({
        "ts": wall_us(),
        "rate": lab.rate.get(),
        "rate_min": RATE_RANGE.start(),
        "rate_max": RATE_RANGE.end(),
        "events": shared.market.head(),
        "crowd_possible": lab.crowd.is_possible(),
        "clients_max": CLIENTS_MAX,
        "lanes": lab.lanes.iter().map(|lane| lane_state(shared, lab, lane)).collect::<Vec<_>>(),
    })
}

fn lane_state(shared: &Shared, lab: &Lab, lane: &Lane) -> Value {
    let transport = lane.transport();
    let sum =
        |pick: &dyn Fn(&Counters) -> u64| -> u64 { shared.counters.iter().map(|c| pick(c)).sum() };
    let polls = |counters: &Counters| {
        Answered::ALL.map(|answered| counters.answers(transport, answered).get()).iter().sum()
    };
    let is_poll = matches!(transport, Transport::Poll | Transport::LongPoll);
    let orders = *lane.orders.borrow();
    let stalled = orders.stalled_until.map(|until| until.saturating_duration_since(Instant::now()));
    let (up_bytes, down_bytes) = lane.bytes();
    json!({
        "name": lane.name,
        "port": lane.address.port(),
        "delay_ms": orders.delay.as_millis() as u64,
        "stalled_ms": stalled.unwrap_or_default().as_millis() as u64,
        "clients": lab.crowd.clients(lane.name),
        // Of the relay alone: what this page itself has sent and received, headers and all.
        "relay": {
            "connections": lane.connections.load(Ordering::Relaxed),
            "up_bytes": up_bytes,
            "down_bytes": down_bytes,
        },
        // Of the server, over all its clients on this transport.
        "server": {
            "connections": sum(&|c| c.connections(transport).get()),
            "requests": if is_poll { sum(&polls) } else { sum(&|c| c.connections_total(transport).get()) },
            "messages": sum(&|c| c.messages(transport).get()),
            "sent_bytes": sum(&|c| c.bytes(transport).get()),
            "cpu_us": sum(&|c| c.cpu_ns(transport).get()) / 1000,
        },
    })
}

fn press(lab: &Lab, request: &Request<Incoming>) -> Result<(), Rejected> {
    let query = Query::parse(request.uri().query())?;
    if request.uri().path() == "/lab/rate" {
        let rate = query.number("events_per_s", RATE_RANGE)?;
        lab.rate.set(rate.ok_or_else(|| bad("`events_per_s` is missing"))?);
        return Ok(());
    }
    let lane = query.get("name").and_then(|name| lab.lane(name));
    let lane = lane.ok_or_else(|| bad("`name` is one of ws, sse, stream, longpoll, poll"))?;
    let millis = |most: Duration| 0..=most.as_millis() as u64;
    let delay_ms = query.number("delay_ms", millis(DELAY_MAX))?;
    let stall_ms = query.number("stall_ms", millis(STALL_MAX))?;
    let clients = query.number("clients", 0..=CLIENTS_MAX)?;
    let poll_ms = query.number("poll_ms", POLL_MS)?.unwrap_or(1000);
    if let Some(clients) = clients {
        let set = lab.crowd.set(lane.name, clients, poll_ms);
        set.map_err(|why| Rejection::new(ErrorCode::Internal, why))?;
    }
    delay_ms.map(Duration::from_millis).into_iter().for_each(|delay| lane.delay(delay));
    stall_ms.map(Duration::from_millis).into_iter().for_each(|time| lane.stall(time));
    if query.get("cut") == Some("true") {
        lane.cut();
    }
    Ok(())
}
