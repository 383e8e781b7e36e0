//! The market: what every shard reads and one ingest thread writes.
//! Ticks come in from a source, get their numbers, go into history and bars, and then into every shard's queue.
//! Nothing here waits for a shard or a connection.

mod bars;
mod history;
mod ingest;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use feed_protocol::{Cursor, Universe};

pub use bars::{BarStore, SeenBar};
pub use history::{Evicted, History};
pub use ingest::Ingest;

/// How much of the past a market keeps.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events kept for resuming, over all symbols together.
    pub events: usize,
    /// Memory for bars, bytes.
    pub bar_bytes: usize,
}

/// State shared between the ingest thread and all shards.
#[derive(Debug)]
pub struct Market {
    epoch: Arc<str>,
    universe: Arc<Universe>,
    progress: Progress,
    /// Recent events.
    pub history: History,
    /// Bars of every symbol.
    pub bars: BarStore,
}

/// What the ingest thread writes at every batch, on cache lines of its own (128: they are fetched in pairs): what shards read of
/// a market besides stays in their caches.
#[derive(Debug)]
#[repr(align(128))]
struct Progress {
    /// Offset of the newest event; every event up to it is in `history`.
    head: AtomicU64,
    /// No event with an earlier `ts` will come, µs.
    watermark_us: AtomicI64,
    /// When the source was last heard of, wall clock, µs.
    alive_us: AtomicI64,
}

const _: () = assert!(size_of::<Progress>() == 128 && size_of::<History>().is_multiple_of(128));

impl Market {
    /// An empty market. `epoch` must be new for every numbering; see [`feed_protocol::is_epoch`].
    #[must_use]
    pub fn new(universe: Arc<Universe>, epoch: &str, retention: Retention) -> Arc<Self> {
        assert!(feed_protocol::is_epoch(epoch), "an epoch of visible characters without `:`");
        Arc::new(Self {
            epoch: epoch.into(),
            progress: Progress {
                head: AtomicU64::new(0),
                watermark_us: AtomicI64::new(i64::MIN),
                alive_us: AtomicI64::new(0),
            },
            history: History::new(universe.len(), retention.events),
            bars: BarStore::new(universe.len(), retention.bar_bytes),
            universe,
        })
    }

    /// This numbering's name.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// All symbols.
    #[must_use]
    pub fn universe(&self) -> &Arc<Universe> {
        &self.universe
    }

    /// Offset of the newest event, 0 before the first.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.progress.head.load(Ordering::Acquire)
    }

    /// No event with an earlier `ts` will come, µs.
    #[must_use]
    pub fn watermark_us(&self) -> i64 {
        self.progress.watermark_us.load(Ordering::Acquire)
    }

    /// How long the source has not been heard of, µs; 0 before it was first heard of.
    #[must_use]
    pub fn source_age_us(&self, now_us: i64) -> i64 {
        match self.progress.alive_us.load(Ordering::Relaxed) {
            0 => 0,
            alive => (now_us - alive).max(0),
        }
    }

    /// Whether the source was ever heard of.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.progress.alive_us.load(Ordering::Relaxed) != 0
    }

    /// The cursor of `offset` in this epoch.
    #[must_use]
    pub fn cursor(&self, offset: u64) -> Cursor {
        Cursor { epoch: self.epoch.clone(), offset }
    }
}
