//! How a run is going, as values that somebody else shows: once a second, one for each lane that runs. Prints nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::recorder::{Shared, Tally};
use crate::transport::Transport;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A server is being started.
    Starting,
    /// Clients are being connected.
    Connecting,
    /// All are subscribed; not measuring yet.
    Settling,
    /// Measuring.
    Measuring,
    /// The window is over; what was under way still comes in.
    Draining,
}

/// How a run is going.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// How long until the phase is over, at most.
    pub left: Duration,
    /// The lanes that run now.
    pub lanes: Vec<LaneProgress>,
    /// Lanes that have ended.
    pub done: usize,
    /// Lanes in all.
    pub total: usize,
}

/// How a lane is going.
#[derive(Clone, Debug)]
pub struct LaneProgress {
    /// Its transport.
    pub transport: String,
    /// Clients asked for.
    pub clients: u32,
    /// Clients that are subscribed.
    pub ready: u32,
    /// Clients that could not be.
    pub failed: u32,
    /// Connections that ended early.
    pub ended: u32,
    /// Messages a second since the last call.
    pub messages_per_s: f64,
    /// Median of latency in the measured window so far, µs.
    pub p50_us: Option<u64>,
    /// 99th percentile of latency, µs.
    pub p99_us: Option<u64>,
    /// 99th percentile of staleness, µs.
    pub staleness_p99_us: Option<u64>,
    /// Events delivered in the window so far.
    pub events: u64,
    /// Bytes read from sockets in the window so far.
    pub bytes_down: u64,
    /// Breaches of the contract so far.
    pub breaches: u64,
}

impl LaneProgress {
    pub(crate) fn new(
        transport: &Transport,
        clients: u32,
        messages_per_s: f64,
        shared: &Shared,
        tally: &Tally,
    ) -> Self {
        let latency = tally.all_latency().histogram;
        let staleness = &tally.staleness.histogram;
        Self {
            transport: transport.to_string(),
            clients,
            ready: shared.ready.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed),
            ended: shared.ended.load(Ordering::Relaxed),
            messages_per_s,
            p50_us: (!latency.is_empty()).then(|| latency.value_at_quantile(0.5)),
            p99_us: (!latency.is_empty()).then(|| latency.value_at_quantile(0.99)),
            staleness_p99_us: (!staleness.is_empty()).then(|| staleness.value_at_quantile(0.99)),
            events: tally.window.events,
            bytes_down: tally.window.down.wire,
            breaches: tally.breaches.total(),
        }
    }
}
