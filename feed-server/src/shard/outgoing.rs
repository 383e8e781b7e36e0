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
    sent: Vec<io::Result<usize>>,
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

    /// Writes everything; tells for each job who did not take all. Jobs are left for the caller to take.
    pub fn write<S: Sink>(
        &mut self,
        sinks: &mut Slab<Member<S>>,
        counters: &Counters,
    ) -> Vec<Vec<Shortfall>> {
        let mut shortfalls: Vec<Vec<Shortfall>> = Vec::new();
        let mut start = 0;
        self.results.clear();
        while start < self.members.len() {
            let end = self.members.len().min(start + SENDS_MAX);
            self.write_some(sinks, start, end);
            start = end;
        }
        let mut results = self.results.drain(..);
        let mut place = 0;
        for job in &self.jobs {
            let length = job.frames().len();
            let (mut bytes, mut writes, mut short) = (0, 0, Vec::new());
            // In this order: `zip` asks its second side only when the first has one more.
            for (&id, result) in self.members[place..place + job.members].iter().zip(&mut results) {
                let taken = result.ok();
                bytes += taken.unwrap_or(0) as u64;
                writes += u64::from(taken.is_some_and(|taken| taken > 0));
                if taken != Some(length) {
                    short.push(Shortfall { id, taken });
                }
            }
            place += job.members;
            counters.bytes(job.wire.transport()).add(bytes);
            counters.writes.add(writes);
            shortfalls.push(short);
        }
        drop(results);
        for id in self.members.drain(..) {
            self.is_in[id / 64] = 0;
        }
        self.bytes = 0;
        shortfalls
    }

    /// Members `start..end`: those with a descriptor through the ring, if there is one and they are enough.
    fn write_some<S: Sink>(&mut self, sinks: &mut Slab<Member<S>>, start: usize, end: usize) {
        let Self { jobs, members, ring, results, sent, .. } = self;
        let targets = || {
            let each = jobs.iter().flat_map(|job| std::iter::repeat_n(job.frames(), job.members));
            members.iter().zip(each).take(end).skip(start)
        };
        let Some(ring) = ring.as_mut().filter(|_| end - start >= SENDS_MIN) else {
            results.extend(targets().map(|(&id, frames)| sinks[id].sink.try_write(frames)));
            return;
        };
        // A body that HTTP writes has no socket of its own to be written to.
        let first = results.len();
        let mut others = false;
        for (&id, frames) in targets() {
            let sink = &mut sinks[id].sink;
            let through_ring = sink.descriptor().is_some();
            others |= !through_ring;
            results.push(if through_ring { Ok(0) } else { sink.try_write(frames) });
        }
        let sends =
            targets().filter_map(|(&id, frames)| Some((sinks[id].sink.descriptor()?, frames)));
        ring.send_all(sends, sent);
        if !others {
            results.truncate(first);
            results.append(sent);
            return;
        }
        let mut sent = sent.drain(..);
        for (place, (&id, _)) in (first..).zip(targets()) {
            if sinks[id].sink.descriptor().is_some()
                && let Some(result) = sent.next()
            {
                results[place] = result;
            }
        }
    }
}
