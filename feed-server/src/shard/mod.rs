//! A shard: one thread's connections, and the way of an event to them.
//!
//! `queue` hands events in, `fanout` marks who wants them and sends each audience its frame, `delivery` looks after members that
//! are not level with their audience (`owed` sends what they missed a moment ago, `resume` replays, `send` what is for one alone), `commands` and
//! `subscribing` carry out what clients ask for, `clock` does what time asks for. A shard is sans-I/O: time comes in as a parameter, bytes leave through a [`outbox::Sink`] that never waits.
//!
//! # What shards share
//!
//! On the way of a message nothing but the queue that ends at its shard. What two threads touch, on that way or beside it, and how it
//! is kept apart (lines are of 64 bytes, but fetched in pairs, so that 128 are what counts):
//!
//! | what | who writes, and when | who reads | where |
//! |---|---|---|---|
//! | a queue's slots, tail, head | market: slot and tail an event; shard: slot and head an event | the other | the ring of one shard; tail and head 128 apart |
//! | its doorbell | shard: going to sleep; market: waking it | market, a batch | behind them, 128 of its own |
//! | its count of what was overwritten | market, when something is | scrapes | beside the doorbell |
//! | [`Counters`] | shard, a write and a batch | scrapes; other shards, when somebody connects | a set a shard, aligned to 128 |
//! | the market's head, watermark, sign of life | market, a batch | bars, polls, heartbeats, resuming | 128 of their own |
//! | history's lock and log | market, a batch | polls, resuming, an overflown queue | 128 of its own |
//! | a symbol's bars, a lock each | market, a trade | whoever is sent bars, when they are due; charts | side by side: they are looked at a few times a second |
//! | the universe | nobody | every encoding | aligned, so that its `Arc`'s count (written by each subscribe) is apart |
//! | the server's [stage](crate::stage) | its end; a look is a lock | a pass, twice, and whenever HTTP goes on | a channel a shard |
//! | the epoch's count of references | each cursor that is handed out | | a copy a shard |
//! | the sockets' count | connecting, leaving | connecting | one for all |
//! | the heap | | | glibc has an arena a thread, and [a shard's thread](crate::thread) makes what is its own |
//! | clocks | the kernel | each pass | the vDSO's page |
//!
//! No event is logged on the way, and no `Arc` of another thread's is cloned: a batch belongs to its shard, and each encodes for itself. The stage, the
//! epoch, the market's head and the heap were found shared by looking for it: one channel for all stages cost a pass 170 ns where
//! it costs 53 with one each (two threads that only look). What is aligned is asserted beside it; that nothing else is shared is
//! measured by `benches/shards`, which also shows what a shared line would cost.

pub mod audience;
pub mod backlog;
pub mod bars;
pub(crate) mod batch;
mod broadcast;
mod clock;
mod commands;
pub mod counters;
mod cuts;
mod delivery;
mod directory;
pub mod doorbell;
mod fanout;
pub mod frame;
mod journal;
mod latest;
mod member;
pub mod outbox;
mod outgoing;
mod overflow;
mod owed;
mod private;
pub mod queue;
pub mod replay;
mod resume;
pub mod ring;
mod roster;
pub mod run;
mod send;
mod subscribing;
mod waiting;
pub mod wire;

use std::collections::BinaryHeap;
use std::sync::Arc;

use feed_protocol::{Cursor, Limits, Universe};
use slab::Slab;

pub use audience::ConnectionId;
pub use clock::Now;
pub use latest::Latest;
pub use member::{Closing, Phase};

use audience::AudienceId;
use batch::Batch;
use clock::Deadline;
use counters::Counters;
use directory::Directory;
use frame::FrameBuilder;
use journal::Journal;
use member::Member;
use outbox::Sink;
use outgoing::Outgoing;
use ring::Ring;
use wire::Wire;

use crate::market::Market;

/// Unless told otherwise, whoever is further behind gets merged events, µs.
pub const MERGE_AFTER_US: u64 = 250_000;

/// Most events that are taken out of the queue at once.
pub const BATCH_EVENTS_MAX: usize = 4096;

/// One thread's connections and what they are owed.
#[derive(Debug)]
pub struct Shard<S> {
    market: Arc<Market>,
    universe: Arc<Universe>,
    /// A copy of the market's: what counts the references to that one would be written by all shards.
    epoch: Arc<str>,
    limits: Limits,
    /// Offset of the last event that was dealt with: the splice point.
    position: u64,
    /// Its `ts`.
    position_ts_us: i64,
    latest: Latest,
    directory: Directory,
    members: Slab<Member<S>>,
    deadlines: BinaryHeap<Deadline>,
    batch: Batch,
    /// Earlier batches that somebody is still owed something of.
    journal: Journal,
    /// Whether events are merged for everybody: what a queue has lost is being fetched.
    conflates: bool,
    /// Audiences with members that are.
    lagging: Vec<AudienceId>,
    /// Whoever is further behind gets merged events, µs.
    merge_after_us: u64,
    /// Audiences that got something from the current batch.
    touched: Vec<AudienceId>,
    /// Members to be looked after once the batch is out.
    unsettled: Vec<ConnectionId>,
    /// Audiences that members have left; perhaps nobody is in them any more.
    left: Vec<AudienceId>,
    builders: [FrameBuilder; Wire::COUNT],
    /// Frames of the batch that are not written yet.
    outgoing: Outgoing,
    generation: u32,
    counters: Arc<Counters>,
    /// This thread's CPU time, ns, if it is to be counted by transport.
    cpu_clock: Option<fn() -> u64>,
    random: u64,
}

impl<S: Sink> Shard<S> {
    /// A shard without connections at the market's beginning; every event must come through [`apply`](Self::apply).
    #[must_use]
    pub fn new(market: Arc<Market>, limits: Limits, counters: Arc<Counters>, seed: u64) -> Self {
        let universe = market.universe().clone();
        Self {
            limits,
            position: 0,
            position_ts_us: 0,
            latest: Latest::new(universe.len()),
            directory: Directory::new(universe.len()),
            members: Slab::new(),
            deadlines: BinaryHeap::new(),
            batch: Batch::default(),
            journal: Journal::default(),
            conflates: false,
            lagging: Vec::new(),
            merge_after_us: MERGE_AFTER_US,
            touched: Vec::new(),
            unsettled: Vec::new(),
            left: Vec::new(),
            builders: Wire::ALL.map(|wire| FrameBuilder::new(wire, market.epoch())),
            outgoing: Outgoing::new(),
            generation: 0,
            counters,
            cpu_clock: None,
            random: seed | 1,
            epoch: Arc::from(&**market.epoch()),
            universe,
            market,
        }
    }

    /// Offset of the last event that was dealt with.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The cursor of `offset` in the market's epoch.
    #[must_use]
    pub fn cursor(&self, offset: u64) -> Cursor {
        Cursor { epoch: self.epoch.clone(), offset }
    }

    /// The newest events as of [`position`](Self::position).
    #[must_use]
    pub fn latest(&self) -> &Latest {
        &self.latest
    }

    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The market behind it.
    #[must_use]
    pub fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// Connections, closing ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.members.len()
    }

    /// The socket of a connection.
    pub fn sink_mut(&mut self, id: ConnectionId) -> Option<&mut S> {
        self.members.get_mut(id).map(|member| &mut member.sink)
    }

    /// How far a connection's end has come; `None` once it was removed.
    #[must_use]
    pub fn phase(&self, id: ConnectionId) -> Option<Phase> {
        self.members.get(id).map(|member| member.phase)
    }

    /// Whether bytes wait for a connection's socket.
    #[must_use]
    pub fn is_blocked(&self, id: ConnectionId) -> bool {
        self.members.get(id).is_some_and(Member::is_blocked)
    }

    /// A member that falls behind by less than `us` is sent each event; beyond that they are merged.
    pub fn merge_after(&mut self, us: u64) {
        self.merge_after_us = us;
    }

    /// Has up to `sends` writes of a batch collected before they are done; a ring's way of writing, without one.
    pub fn collect_writes(&mut self, sends: usize) {
        self.outgoing.collect(sends);
    }

    /// Has frames of a batch written through a ring of this thread's, many at once.
    pub fn use_ring(&mut self, ring: Ring) {
        self.outgoing.use_ring(ring);
    }

    /// Has the CPU time of fan-out counted by transport; `clock` gives that of this thread, ns. Costs two readings an
    /// audience and batch.
    pub fn measure_cpu(&mut self, clock: fn() -> u64) {
        self.cpu_clock = Some(clock);
    }

    fn cpu_ns(&self) -> u64 {
        self.cpu_clock.map_or(0, |clock| clock())
    }

    fn count_cpu(&self, transport: counters::Transport, begin_ns: u64) {
        if let Some(clock) = self.cpu_clock {
            self.counters.cpu_ns(transport).add(clock().saturating_sub(begin_ns));
        }
    }

    /// A number for spreading things (xorshift64*); not for secrets.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
