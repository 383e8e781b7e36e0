//! Runs of a study: a fresh server on the study's market, and one lane on it. Collects what was not valid.

use std::time::Duration;

use super::market::{Market, Shape};
use super::{ReproduceError, Settings, Study};
use crate::plan::Plan;
use crate::result::Lane;
use crate::run::{Stop, run_until};
use crate::spawn::{Spawn, Spawned};
use crate::target::Target;
use crate::transport::Transport;

/// Time around a window: a server that starts, clients that come and settle, polls that drain.
const AROUND: Duration = Duration::from_secs(45);

/// Where a study is measured.
pub struct Bench<'a> {
    settings: &'a Settings,
    study: Study,
    tell: &'a mut dyn FnMut(&str),
    stop: &'a Stop,
    /// Checks that failed.
    pub invalid: Vec<String>,
}

/// A server on a market.
pub struct Serving {
    server: Spawned,
    _market: Market,
}

impl Serving {
    /// Its address, every path with `query`.
    pub fn target(&self, query: &str) -> Target {
        let url = format!("{}?{query}", self.server.target.url);
        Target::new(url.trim_end_matches('?'), true).unwrap_or(self.server.target.clone())
    }
}

impl<'a> Bench<'a> {
    pub fn new(
        settings: &'a Settings,
        study: Study,
        tell: &'a mut dyn FnMut(&str),
        stop: &'a Stop,
    ) -> Self {
        Self { settings, study, tell, stop, invalid: Vec::new() }
    }

    /// So many clients, or fewer if it is to be quick.
    pub fn clients(&self, full: u32) -> u32 {
        ((f64::from(full) * self.settings.scale).ceil() as u32).max(1)
    }

    /// So long, or less if it is to be quick.
    pub fn time(&self, full: Duration) -> Duration {
        full.mul_f64(self.settings.scale).max(Duration::from_millis(500))
    }

    /// A server that replays `shape`, whose length is made to last for `window`.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve(&self, shape: &Shape, window: Duration) -> Result<Serving, ReproduceError> {
        let market = Market::new(&Shape { length: window + AROUND, ..shape.clone() })?;
        let program = self.settings.server.to_string_lossy();
        let path = market.path.to_string_lossy();
        let command = [program.as_ref(), "--replay", path.as_ref()];
        let command = shlex::try_join(command).unwrap_or_default();
        let spawn = Spawn::new(&command, self.settings.pin_server.as_deref())?;
        Ok(Serving { server: Spawned::start(&spawn)?, _market: market })
    }

    /// One lane on a fresh server. `plan` says clients and all else but server and transport; `query` goes with every path.
    ///
    /// # Errors
    /// It cannot begin, or was interrupted.
    pub fn lane(
        &mut self,
        shape: &Shape,
        transport: &str,
        query: &str,
        plan: &Plan,
    ) -> Result<Lane, ReproduceError> {
        let transport: Transport = transport.parse().expect("a study names transports that exist");
        (self.tell)(&format!(
            "{}: {transport}, {} clients, {:.1} s",
            self.study,
            plan.clients,
            plan.measure.as_secs_f64()
        ));
        if self.stop.is_asked() {
            return Err(ReproduceError::Interrupted);
        }
        let serving = self.serve(shape, plan.measure + plan.warmup)?;
        let plan = Plan {
            target: serving.target(query),
            server_pid: Some(serving.server.pid()),
            admin: serving.server.admin.clone(),
            transports: vec![transport],
            sample_every: Some(1),
            busy_max: self.settings.busy_max,
            ..plan.clone()
        };
        let mut result = run_until(&plan, &mut |_| {}, self.stop)?;
        if self.stop.is_asked() {
            return Err(ReproduceError::Interrupted);
        }
        let failed = result.checks.iter().filter(|check| !check.ok);
        self.invalid.extend(failed.map(|check| format!("{transport}: {}", check.detail)));
        let lane = result.lanes.remove(0);
        let breach = lane.first_breaches.first();
        self.invalid.extend(breach.map(|breach| format!("{transport}: {breach}")));
        Ok(lane)
    }
}

/// The plan of a study, server and transport left open.
pub fn plan(clients: u32, measure: Duration) -> Plan {
    let nowhere = Target::new("http://127.0.0.1:1/", false).expect("an address of this machine");
    Plan { clients, measure, warmup: Duration::from_secs(1), ..Plan::new(nowhere) }
}

/// Bytes by frame: of WebSocket messages, events, lines, answers. Both directions.
pub struct Bytes {
    pub payload: f64,
    pub framing: f64,
    pub headers: f64,
}

impl Bytes {
    pub fn of(lane: &Lane) -> Self {
        let frames = lane.events.frames.max(1) as f64;
        let (down, up) = (&lane.bytes.down, &lane.bytes.up);
        let each = |bytes: u64| bytes as f64 / frames;
        Self {
            payload: each(down.payload + up.payload),
            framing: each(down.framing + up.framing),
            headers: each(down.http_headers + up.http_headers),
        }
    }

    /// Everything but the payload.
    pub fn overhead(&self) -> f64 {
        self.framing + self.headers
    }
}
