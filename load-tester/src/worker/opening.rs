//! How a client begins: what it asks for, as its transport has it, from which address, and when its polls are due.

use std::rc::Rc;

use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Thread;
use crate::catalog::Selection;
use crate::plan::{Format, Mode, Plan};
use crate::transport::{Ask, Connection, Dial, End, Kind, Pacing, query};

/// Receive buffer of a client that never reads, bytes; a larger one would hide how the server bears it.
const STUCK_BUFFER_BYTES: u32 = 4096;
/// Fraction of the interval between the first polls of two clients: the golden ratio spreads any number of them evenly,
/// and every n-th of them too.
const STAGGER: f64 = 0.618_033_988_749_894_9;

impl Thread {
    /// Waits for the turn of client `number`, connects, and asks for its symbols.
    pub(super) async fn open(
        &self,
        number: u32,
        reads: bool,
        deadline: Instant,
    ) -> Result<(Connection, Rc<Selection>), End> {
        sleep_until(self.turn(number)).await;
        let (plan, transport) = (&*self.plan, self.transport);
        let selection = self.selection(number);
        let buffer = if reads { plan.receive_buffer } else { STUCK_BUFFER_BYTES };
        let (path, request) = match transport.kind {
            Kind::WebSocket(format) => {
                (plan.target.path.clone(), subscribe(plan, format, &selection))
            }
            _ => (plan.target.path_of(transport.endpoint(), &query(plan, &selection)), Vec::new()),
        };
        let pacing = match transport.poll_every() {
            Some(pause) if plan.poll_pause => Pacing::After(pause),
            Some(every) => {
                let phase = (f64::from(number) * STAGGER).fract();
                Pacing::Every { every, first: self.begin + every.mul_f64(phase) }
            }
            None => Pacing::AtOnce,
        };
        let ask = Ask {
            transport,
            dial: Dial {
                target: plan.target.address,
                source: plan.target.source(number),
                receive_buffer: (buffer > 0).then_some(buffer),
                watched: self.watches(number),
                delay: plan.delay,
            },
            authority: &plan.target.authority,
            path,
            request,
            pacing,
            conditional: plan.conditional,
            headers: plan.headers.clone(),
        };
        let connection = timeout_at(deadline, Connection::open(ask)).await;
        Ok((connection.unwrap_or(Err(End::Late))?, selection))
    }
}

/// Bytes of the `subscribe` for `selection`.
fn subscribe(plan: &Plan, format: Format, selection: &Selection) -> Vec<u8> {
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
    match format {
        Format::Json => request.to_string().into_bytes(),
        Format::Msgpack => {
            rmp_serde::to_vec_named(&request).expect("a value of maps and texts can be encoded")
        }
    }
}
