//! The hot path: events of a batch are marked for the audiences that want them, then every audience's frame is built once
//! and written to each attached member. A member whose socket does not take all of it keeps the rest of that one frame and
//! leaves the fast path (see `delivery`).

use feed_protocol::{Body, Event, Format, GapReason, Universe};

use super::Shard;
use super::audience::{Audience, AudienceId, Behaviour};
use super::backlog::Out;
use super::batch::{Batch, Item, write_out};
use super::broadcast::{Shortfall, broadcast};
use super::clock::{Now, schedule};
use super::cuts::Cuts;
use super::delivery::second_trailer;
use super::frame::{FRAGMENT_BYTES, Trailer};
use super::outbox::Sink;
use super::outgoing::Job;
use super::private::{Private, Waits};
use super::queue::Popped;
use super::wire::Wire;

/// So many audiences are fetched into the processor's cache at once.
const AHEAD: usize = 16;

impl<S: Sink> Shard<S> {
    /// Deals with events in the order in which they came out of the queue. What was overwritten there is fetched from
    /// history and merged.
    pub fn apply(&mut self, events: &[Popped], now: Now) {
        for popped in events {
            if popped.missed > 0 {
                self.recover(popped.event.offset - 1, now);
            }
            if popped.event.offset > self.position {
                self.accept(&popped.event, now);
            }
        }
        self.flush_batch(now);
        self.counters.events.add(events.len() as u64);
        self.counters.audiences.set(self.directory.len() as u64);
    }

    /// Marks an event for everybody who wants it.
    fn accept(&mut self, event: &Event, now: Now) {
        let place = self.advance(event, now);
        let Self { directory, batch, universe, touched, deadlines, .. } = self;
        let topic = (event.symbol, event.channel());
        directory.mark(topic, place, touched, |id, audience, pending, touched| {
            let is_for_now = match audience.key.behaviour {
                Behaviour::Every(_) => {
                    if !audience.attached.is_empty() {
                        pending.push(place);
                    }
                    true
                }
                Behaviour::Latest { interval_ms, .. } => {
                    audience.share(batch.item(place));
                    if interval_ms > 0 {
                        schedule(id, audience, now, deadlines);
                    }
                    interval_ms == 0
                }
                Behaviour::Bars { .. } => false,
                Behaviour::Wake => true,
            };
            if is_for_now {
                touch(id, audience, touched);
            }
            let format = audience.key.wire.format();
            for (_, private) in &mut audience.private {
                add_item(private, batch, place, format, universe);
            }
        });
    }

    /// Goes on to an event: what it changes, whoever takes it. Returns its place in the batch.
    pub(super) fn advance(&mut self, event: &Event, now: Now) -> u32 {
        self.position = event.offset;
        self.position_ts_us = event.ts_us;
        self.latest.replace(event);
        if matches!(event.body, Body::Trade(_)) {
            let Self { directory, deadlines, touched, .. } = self;
            directory.each_of_bars(event.symbol, |id, audience| {
                if audience.key.behaviour == Behaviour::Wake {
                    touch(id, audience, touched);
                }
                audience.bars.note_trade(event.symbol);
                for (_, private) in &mut audience.private {
                    if let Waits::Bars(positions) = &mut private.waits {
                        positions.note_trade(event.symbol);
                    }
                }
                schedule(id, audience, now, deadlines);
            });
        }
        self.batch.push(Item::Event(*event))
    }

    /// Sends what was marked, and looks after those who are not level.
    pub(super) fn flush_batch(&mut self, now: Now) {
        let mut touched = std::mem::take(&mut self.touched);
        for (place, &id) in touched.iter().enumerate() {
            if place % AHEAD == 0 {
                self.look_ahead(&touched[place..touched.len().min(place + AHEAD)]);
            }
            // Whose time it was is known only if each audience's frame is written by itself.
            let begin = self.cpu_clock.map(|_| self.cpu_ns());
            if self.directory.marks(id).places_only && !self.conflates {
                self.queue_pending(id);
            } else {
                self.flush_one(id);
            }
            if self.outgoing.is_full() || begin.is_some() {
                self.write_queued();
            }
            if let Some(begin) = begin {
                self.count_cpu(self.directory.get(id).transport(), begin);
            }
        }
        self.write_queued();
        self.keep_batch(now);
        for id in touched.drain(..) {
            // Nearly always nobody of the audience is behind.
            if self.directory.get(id).private.is_empty() {
                continue;
            }
            match self.directory.get(id).key.behaviour {
                Behaviour::Every(_) => self.unsettle(id, false, now),
                Behaviour::Latest { .. } => self.unsettle(id, true, now),
                Behaviour::Bars { .. } | Behaviour::Wake => {}
            }
        }
        self.touched = touched;
        self.settle_all(now);
    }

    /// Touches what the frames of these audiences need first: audience, its first member, that one's socket. Whoever comes to it
    /// one after another waits for memory each time; what is asked for here the processor fetches all at once.
    #[inline]
    fn look_ahead(&self, audiences: &[AudienceId]) {
        let mut members = [None; AHEAD];
        for (member, &id) in members.iter_mut().zip(audiences) {
            *member = self.directory.get(id).attached.first().copied();
        }
        for id in members.into_iter().flatten() {
            std::hint::black_box(self.members[id].sink.descriptor());
        }
    }

    /// Sends an audience what it is to be sent at the end of a batch.
    fn flush_one(&mut self, id: AudienceId) {
        let audience = self.directory.get_mut(id);
        audience.is_touched = false;
        match audience.key.behaviour {
            Behaviour::Every(_) => {
                self.flush_shared(id);
                self.queue_pending(id);
            }
            Behaviour::Latest { .. } => self.flush_shared(id),
            Behaviour::Bars { .. } => {}
            Behaviour::Wake => self.wake(id),
        }
    }

    /// Builds the frames of what was marked for an audience's attached members, to be written.
    fn queue_pending(&mut self, id: AudienceId) {
        if self.directory.marks_mut(id).pending.is_empty() {
            return;
        }
        // What a socket does not take of one frame must be known before the next follows.
        if self.outgoing.has_any(&self.directory.get(id).attached) {
            self.write_queued();
        }
        let pending = std::mem::take(&mut self.directory.marks_mut(id).pending);
        if self.directory.get(id).attached.is_empty() {
            return self.return_pending(id, pending);
        }
        let audience = self.directory.get(id);
        let wire = audience.wire;
        let format = wire.format();
        let builder = &mut self.builders[wire.index()];
        builder.clear();
        let (mut whole, mut cuts) = (Vec::new(), Cuts::default());
        for (count, &place) in pending.iter().enumerate() {
            builder.push_separated(self.batch.message_and_more(format, place, &self.universe));
            if builder.payload_bytes() > FRAGMENT_BYTES - 512 && count + 1 < pending.len() {
                let trailer = Trailer::upto(self.batch.item(place).offset());
                cuts.cut(builder, &mut whole, count + 1, trailer);
            }
        }
        // Whatever else of this batch they want is in it, too.
        let trailer = Trailer::upto(self.position);
        let (buffer, begin) = if whole.is_empty() {
            let (buffer, begin) = builder.take_with(trailer, self.outgoing.buffer());
            cuts.single(buffer.len() - begin, pending.len());
            (buffer, begin)
        } else {
            cuts.cut(builder, &mut whole, pending.len(), trailer);
            (whole, 0)
        };
        let attached = &audience.attached;
        let members = attached.len();
        let job = Job { audience: id, wire, buffer, begin, cuts, pending, members };
        self.outgoing.push(job, attached);
    }

    /// Writes the frames that were built, and looks after the members that did not take all of theirs.
    pub(super) fn write_queued(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        let mut shortfalls = Vec::new();
        self.outgoing.write(&mut self.members, &self.counters, &mut shortfalls);
        let mut shortfalls = shortfalls.into_iter().peekable();
        let mut messages = [0; Wire::COUNT];
        let mut jobs = std::mem::take(&mut self.outgoing.jobs);
        for (place, job) in jobs.drain(..).enumerate() {
            messages[job.wire.index()] += (job.pending.len() * job.members) as u64;
            while let Some((_, shortfall)) = shortfalls.next_if(|(of, _)| *of == place) {
                messages[job.wire.index()] -= job.pending.len() as u64;
                self.fall_behind(job.audience, shortfall, job.frames(), &job.cuts, &job.pending);
            }
            self.return_pending(job.audience, job.pending);
            self.outgoing.recycle(job.buffer);
        }
        self.outgoing.jobs = jobs;
        for (wire, messages) in Wire::ALL.into_iter().zip(messages).filter(|(_, count)| *count > 0)
        {
            self.counters.messages(wire.transport()).add(messages);
        }
    }

    /// A member did not take all of `frames`: it keeps the rest of the frame that was begun, and is owed the events of those
    /// that were not.
    fn fall_behind(
        &mut self,
        audience: AudienceId,
        shortfall: Shortfall,
        frames: &[u8],
        cuts: &Cuts,
        pending: &[u32],
    ) {
        let Shortfall { id, taken } = shortfall;
        let Some(taken) = taken else { return self.kill(id) };
        self.detach(id);
        let (rest, sent, left) = cuts.rest(taken);
        let transport = self.members[id].transport;
        self.counters.messages(transport).add(left as u64);
        self.hold(id, frames[rest].to_vec(), sent);
        let Some(place) = self.private_place(id, audience) else { return };
        let Self { directory, batch, universe, .. } = self;
        let places_only = directory.marks_mut(audience).places_only;
        let audience = directory.get_mut(audience);
        let (_, private) = &mut audience.private[place];
        if places_only {
            let first = pending.get(left).map_or(batch.len() as u64, |&item| item.into());
            private.owed_from = batch.first() + first;
            return;
        }
        for &item in &pending[left..] {
            add_item(private, batch, item, audience.key.wire.format(), universe);
        }
    }

    /// Sends an audience's attached members what was merged for them: a frame a second of `ts`.
    pub(super) fn flush_shared(&mut self, id: AudienceId) {
        if self.directory.get(id).shared.is_empty() {
            return;
        }
        if self.outgoing.has_any(&self.directory.get(id).attached) {
            self.write_queued();
        }
        let audience = self.directory.get_mut(id);
        let wire = audience.key.wire;
        let members = std::mem::take(&mut audience.attached);
        let mut shared = std::mem::take(&mut audience.shared);
        let (mut whole, mut ends, mut merged, mut messages) = (Vec::new(), Vec::new(), 0, 0);
        let mut records = Vec::new();
        while !shared.is_empty() {
            records.clear();
            merged += shared.take_second(&mut records);
            messages += records.len();
            let builder = &mut self.builders[wire.index()];
            builder.clear();
            for out in &records {
                builder
                    .push_with(|bytes| write_out(wire.format(), bytes, out, false, &self.universe));
            }
            whole.extend_from_slice(builder.finish_with(second_trailer(&records)));
            ends.push(whole.len());
            self.count_gaps(&records, members.len());
        }
        self.counters.merged.add(merged * members.len() as u64);
        self.counters.messages(wire.transport()).add((messages * members.len()) as u64);
        let shortfalls =
            broadcast(&mut self.members, &members, &whole, wire.transport(), &self.counters);
        for &member in &members {
            self.members[member].merged += merged;
        }
        self.directory.get_mut(id).attached = members;
        for Shortfall { id: member, taken } in shortfalls {
            let Some(taken) = taken else {
                self.kill(member);
                continue;
            };
            self.detach(member);
            // Their values have left the backlog: all frames that were not taken stay as they are, from one flush at most.
            let begun = ends.partition_point(|end| *end <= taken);
            let start = begun.checked_sub(1).map_or(0, |place| ends[place]);
            self.hold(member, whole[start..].to_vec(), taken - start);
        }
    }

    pub(super) fn count_gaps(&self, records: &[Out], members: usize) {
        for out in records {
            if let Out::Gap(gap) = out {
                let counter = match gap.why {
                    GapReason::History => &self.counters.gaps_history,
                    GapReason::Slow => &self.counters.gaps_slow,
                    GapReason::Overflow => &self.counters.gaps_overflow,
                };
                counter.add(members as u64);
            }
        }
    }
}

/// Has an audience looked after at the end of the batch.
pub(super) fn touch(id: AudienceId, audience: &mut Audience, touched: &mut Vec<AudienceId>) {
    if !std::mem::replace(&mut audience.is_touched, true) {
        touched.push(id);
    }
}

/// Adds an item of the batch to a member's own state.
pub(super) fn add_item(
    private: &mut Private,
    batch: &mut Batch,
    place: u32,
    format: Format,
    universe: &Universe,
) {
    let item = *batch.item(place);
    let bytes = || batch.message(format, place, universe).len();
    match item {
        Item::Event(event) => private.add(&event, bytes),
        Item::Gap(gap) => private.add_gap(&gap, bytes),
    }
}

impl Audience {
    /// Merges an item for the attached members.
    pub(super) fn share(&mut self, item: &Item) {
        if self.attached.is_empty() {
            return;
        }
        match item {
            Item::Event(event) => self.shared.add(event),
            Item::Gap(gap) => self.shared.add_gap(gap),
        }
    }
}
