//! Frames of a batch on their way to sockets: many audiences' frames are written with one system call where there is a ring, and
//! one by one where there is none. Nothing else may happen to a member while a write to it waits here, so all of it is written
//! before anybody looks.

use std::io;

use slab::Slab;

use super::audience::{AudienceId, ConnectionId};
use super::broadcast::Shortfall;
use super::counters::Counters;
use super::cuts::Cuts;
use super::member::Member;
use super::outbox::Sink;
use super::ring::{Ring, SENDS_MAX};
use super::wire::Wire;

/// So many bytes of frames at once: they should still be in the processor's cache when the kernel copies them.
const BYTES_MAX: usize = 512 * 1024;
/// Memory of buffers that are kept to be used again, at most.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// For fewer sends a ring does not pay.
const SENDS_MIN: usize = 4;

/// An audience's frames, to be written to its attached members.
#[derive(Debug)]
pub(super) struct Job {
    pub audience: AudienceId,
    pub wire: Wire,
    /// Frames, from `begin` on.
    pub buffer: Vec<u8>,
    pub begin: usize,
    /// Where each ends, from `begin` on.
    pub cuts: Cuts,
    /// Places in the batch that are in them.
    pub pending: Vec<u32>,
    /// How many members they go to.
    pub members: usize,
}

impl Job {
    pub fn frames(&self) -> &[u8] {
        &self.buffer[self.begin..]
    }
}

/// What waits to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub jobs: Vec<Job>,
    /// Members of the jobs, in their order.
    members: Vec<ConnectionId>,
    /// A bit a connection: whether a write to it waits.
    is_in: Vec<u64>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    /// Their memory.
    spare_bytes: usize,
    bytes: usize,
    /// So many writes are collected before they are done.
    sends_max: usize,
    ring: Option<Ring>,
    results: Vec<io::Result<usize>>,
    /// What went through the ring.
    sent: Vec<Option<io::Result<usize>>>,
}

impl Outgoing {
    /// Every frame is written at once.
    pub fn new() -> Self {
        Self {
            jobs: Vec::new(),
            members: Vec::new(),
            is_in: Vec::new(),
            spare: Vec::new(),
            spare_bytes: 0,
            bytes: 0,
            sends_max: 1,
            ring: None,
            results: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Collects `sends_max` writes, at least 1, before they are done.
    pub fn collect(&mut self, sends_max: usize) {
        self.sends_max = sends_max.max(1);
    }

    /// Collects writes and does them through `ring` from now on.
    pub fn use_ring(&mut self, ring: Ring) {
        self.collect(SENDS_MAX);
        self.ring = Some(ring);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether it is time to write.
    pub fn is_full(&self) -> bool {
        self.members.len() >= self.sends_max || self.bytes >= BYTES_MAX
    }

    /// Whether a write to one of `members` waits.
    pub fn has_any(&self, members: &[ConnectionId]) -> bool {
        let has = |id: &ConnectionId| {
            self.is_in.get(id / 64).is_some_and(|bits| bits & (1 << (id % 64)) != 0)
        };
        !self.is_empty() && members.iter().any(has)
    }

    /// A buffer to build a frame in.
    pub fn buffer(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.spare_bytes -= buffer.capacity();
        buffer
    }

    /// Takes a job in.
    pub fn push(&mut self, job: Job, members: &[ConnectionId]) {
        self.bytes += job.frames().len() * members.len();
        self.members.extend_from_slice(members);
        for id in members {
            if self.is_in.len() <= id / 64 {
                self.is_in.resize(id / 64 + 1, 0);
            }
            self.is_in[id / 64] |= 1 << (id % 64);
        }
        self.jobs.push(job);
    }

    /// Gives a job's buffer back.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        // What a burst needed is not kept for good.
        if self.spare_bytes + buffer.capacity() <= SPARE_BYTES_MAX && self.spare.len() < SENDS_MAX {
            self.spare_bytes += buffer.capacity();
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Writes everything; `shortfalls` gets the members that did not take all, each with the place of its job, in order. Jobs are
    /// left for the caller to take.
    pub fn write<S: Sink>(
        &mut self,
        sinks: &mut Slab<Member<S>>,
        counters: &Counters,
        shortfalls: &mut Vec<(usize, Shortfall)>,
    ) {
        let mut start = 0;
        self.results.clear();
        while start < self.members.len() {
            let end = self.members.len().min(start + SENDS_MAX);
            self.write_some(sinks, start, end);
            start = end;
        }
        let (mut bytes, mut writes) = ([0; Wire::COUNT], 0);
        let mut results = self.members.iter().zip(&self.results);
        for (place, job) in self.jobs.iter().enumerate() {
            let length = job.frames().len();
            for (&id, result) in results.by_ref().take(job.members) {
                let taken = result.as_ref().ok().copied();
                bytes[job.wire.index()] += taken.unwrap_or(0) as u64;
                writes += u64::from(taken.is_some_and(|taken| taken > 0));
                if taken != Some(length) {
                    shortfalls.push((place, Shortfall { id, taken }));
                }
            }
        }
        for (wire, bytes) in Wire::ALL.into_iter().zip(bytes).filter(|(_, bytes)| *bytes > 0) {
            counters.bytes(wire.transport()).add(bytes);
        }
        counters.writes.add(writes);
        for id in self.members.drain(..) {
            self.is_in[id / 64] = 0;
        }
        self.bytes = 0;
    }

    /// Members `start..end`: those with a descriptor through the ring, if there is one and they are enough.
    fn write_some<S: Sink>(&mut self, sinks: &mut Slab<Member<S>>, start: usize, end: usize) {
        let Self { jobs, members, ring, results, sent, .. } = self;
        let targets = || {
            let each = jobs.iter().flat_map(|job| std::iter::repeat_n(job.frames(), job.members));
            members.iter().copied().zip(each).take(end).skip(start)
        };
        let Some(ring) = ring.as_mut().filter(|_| end - start >= SENDS_MIN) else {
            results.extend(targets().map(|(id, frames)| sinks[id].sink.try_write(frames)));
            return;
        };
        let sends = targets().map(|(id, frames)| (sinks[id].sink.descriptor(), frames));
        ring.send_all(sends, sent);
        for (result, (id, frames)) in sent.drain(..).zip(targets()) {
            // A body that HTTP writes has no socket of its own to be written to.
            results.push(result.unwrap_or_else(|| sinks[id].sink.try_write(frames)));
        }
    }
}
