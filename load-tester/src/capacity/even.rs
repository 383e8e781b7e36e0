//! The break-even of a search: one more run of the first polling transport, with twice its interval, tells what of its cost
//! is requests; the formulas are in [`PollCost`].

use serde::Serialize;

use super::hunt::one;
use super::{Audience, Capacity, CapacityError, PollCost, Settings};
use crate::run::Stop;
use crate::transport::{Kind, Transport};

/// What was measured of polling.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PollMeasured {
    /// The transport.
    pub transport: String,
    /// Its interval, seconds.
    pub interval_s: f64,
    /// Clients in both runs.
    pub clients: u32,
    /// The server's CPU time for a client and second at that interval, µs.
    pub us_per_client_s: f64,
    /// The same at twice the interval.
    pub us_per_client_s_twice: f64,
    /// What follows, µs.
    pub cost: PollCost,
}

/// Where polling breaks even with one push transport.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BreakEven {
    /// The push transport.
    pub transport: String,
    /// Interval at which polling carries as many clients, seconds; `None` if there is none.
    pub by_clients_s: Option<f64>,
    /// Which of the two numbers of clients are only lower bounds: polling's, push's.
    pub bounds: (bool, bool),
    /// Interval at which a poller costs the server as much CPU time as a subscriber, seconds; `None` if there is none.
    pub by_cpu_s: Option<f64>,
}

/// Measures and enters the break-even, if there is polling, something to hold it against, and a server that is watched.
///
/// # Errors
/// As a step.
pub(super) fn enter(
    settings: &Settings,
    capacity: &mut Capacity,
    audience: &mut dyn Audience,
    stop: &Stop,
) -> Result<(), CapacityError> {
    let transports = &settings.plan.transports;
    let is_push = |transport: &Transport| !matches!(transport.kind, Kind::Poll(_));
    let Some((place, every)) =
        (0..).zip(transports).find_map(|(place, each)| Some((place, each.poll_every()?)))
    else {
        return Ok(());
    };
    let polling = &capacity.transports[place as usize];
    let once = polling.found().and_then(|step| step.server_us_per_client_s);
    let (Some(once), true) = (once, transports.iter().any(is_push)) else { return Ok(()) };
    let transport = transports[place as usize];
    let twice = Transport { kind: Kind::Poll(2 * every), ..transport };
    let Some(step) = one(settings, twice, polling.clients, audience, stop)? else {
        capacity.complete = false;
        capacity.incomplete_why = Some("interrupted before the break-even was known".to_owned());
        return Ok(());
    };
    let Some(us_twice) = step.server_us_per_client_s else { return Ok(()) };
    let interval_s = every.as_secs_f64();
    let cost = PollCost::from_two((interval_s, once), (2.0 * interval_s, us_twice));
    let (poll_clients, poll_at_least) = (polling.clients, polling.at_least);
    let pushed = transports.iter().zip(&capacity.transports).filter(|(each, _)| is_push(each));
    capacity.break_even = pushed
        .filter_map(|(_, push)| {
            let us = push.found()?.server_us_per_client_s?;
            Some(BreakEven {
                transport: push.transport.clone(),
                by_clients_s: cost.interval_for(interval_s, poll_clients, push.clients),
                bounds: (poll_at_least, push.at_least),
                by_cpu_s: cost.interval_of(us),
            })
        })
        .collect();
    capacity.poll = Some(PollMeasured {
        transport: polling.transport.clone(),
        interval_s,
        clients: poll_clients,
        us_per_client_s: once,
        us_per_client_s_twice: us_twice,
        cost,
    });
    Ok(())
}
