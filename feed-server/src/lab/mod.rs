//! What a server started with `--lab` can do besides, for the page that shows transports side by side: a relay a lane, which
//! counts every byte and can delay, stall or cut; figures by transport; the market's rate; more clients behind a lane.
//! Not for the public: whoever reaches the port can press all of these buttons.

pub mod cpu;
pub mod crowd;
pub mod lanes;
mod line;
pub mod relay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crowd::Crowd;
use lanes::Lane;

/// Events a second that the market may be set to.
pub const RATE_RANGE: std::ops::RangeInclusive<f64> = 1.0..=100_000.0;

/// The laboratory of a server.
#[derive(Debug)]
pub struct Lab {
    /// A lane a transport.
    pub lanes: Vec<Arc<Lane>>,
    /// The market's rate.
    pub rate: Rate,
    /// Clients behind the lanes.
    pub crowd: Crowd,
}

/// Events a second, on average, set from one thread and followed by another.
#[derive(Clone, Debug)]
pub struct Rate(Arc<AtomicU64>);

impl Rate {
    /// The rate to begin with.
    #[must_use]
    pub fn new(events_per_s: f64) -> Self {
        Self(Arc::new(AtomicU64::new(events_per_s.to_bits())))
    }

    /// The rate now.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Another rate from now on.
    pub fn set(&self, events_per_s: f64) {
        self.0.store(events_per_s.to_bits(), Ordering::Relaxed);
    }
}

impl Lab {
    /// Opens the lanes' relays to a server at `target`, on ports that the system chooses.
    ///
    /// # Errors
    /// No port could be had.
    pub fn open(target: SocketAddr, rate: Rate) -> std::io::Result<Self> {
        let lanes =
            lanes::NAMES.iter().map(|name| Lane::open(name, target)).collect::<Result<_, _>>()?;
        Ok(Self { lanes, rate, crowd: Crowd::new(target) })
    }

    /// The lane of this name.
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<&Arc<Lane>> {
        self.lanes.iter().find(|lane| lane.name == name)
    }
}
