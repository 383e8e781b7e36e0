//! What members are owed out of the journal: they fell behind a moment ago and are sent each event as soon as they take it, or
//! merged ones once they are too far behind.

use super::Shard;
use super::audience::{Audience, AudienceId, ConnectionId};
use super::batch::Item;
use super::clock::Now;
use super::frame::{FRAME_BYTES_TARGET, Trailer};
use super::journal::Journal;
use super::outbox::Sink;
use super::private::{Private, Waits};

impl Audience {
    /// The places that a member is still owed.
    #[must_use]
    pub fn owed_to(&self, private: &Private) -> &[u64] {
        &self.owed[self.owed.partition_point(|place| *place < private.owed_from)..]
    }

    /// Merges what a member (its place in `private`) is owed before `until` into what else waits for it.
    fn absorb(&mut self, member: usize, journal: &Journal, until: u64) {
        let Self { owed, private, .. } = self;
        let Some((_, private)) = private.get_mut(member) else { return };
        if private.owed_from >= until {
            return;
        }
        let start = owed.partition_point(|place| *place < private.owed_from);
        let end = owed.partition_point(|place| *place < until);
        private.owed_from = until;
        let Waits::Merged(backlog) = &mut private.waits else { return };
        journal.each(&owed[start..end], |item| match item {
            Item::Event(event) => backlog.add(event),
            Item::Gap(gap) => backlog.add_gap(gap),
        });
    }
}

impl<S: Sink> Shard<S> {
    /// Takes places that were marked for an audience back, once its attached members have been sent them: those with a state of
    /// their own are owed them.
    pub(super) fn return_pending(&mut self, id: AudienceId, mut pending: Vec<u32>) {
        let Self { directory, lagging, batch, .. } = self;
        let places_only = directory.marks_mut(id).places_only;
        let audience = directory.get_mut(id);
        if places_only && !audience.private.is_empty() {
            if audience.owed.is_empty() {
                lagging.push(id);
            }
            let first = batch.first();
            audience.owed.extend(pending.iter().map(|&place| first + u64::from(place)));
        }
        pending.clear();
        directory.marks_mut(id).pending = pending;
    }

    /// The place from which on a member that gets a state of its own now will be owed everything.
    pub(super) fn owed_from_now(&self, id: AudienceId) -> u64 {
        let first = self.directory.marks(id).pending.first().copied();
        first.map_or(self.batch.end(), |place| self.batch.first() + u64::from(place))
    }

    /// Ends a batch: it is kept while somebody is owed anything, but no longer than it takes to be too far behind.
    pub(super) fn keep_batch(&mut self, now: Now) {
        let Self { directory, lagging, journal, batch, .. } = self;
        lagging.retain(|id| {
            let Some(audience) = directory.find_mut(*id) else { return false };
            if audience.private.is_empty() || audience.owed.is_empty() {
                // One that had been far behind keeps no memory of it.
                audience.owed = Vec::new();
            }
            !audience.owed.is_empty()
        });
        if lagging.is_empty() {
            journal.forget(batch.first());
            batch.clear();
            return;
        }
        journal.keep(batch, now.clock_us);
        self.absorb_outdated(now);
    }

    /// Merges what somebody has been owed for too long.
    pub(super) fn absorb_outdated(&mut self, now: Now) {
        if let Some(until) = self.journal.outdated(now.clock_us, self.merge_after_us) {
            self.absorb_until(until);
        }
    }

    /// Merges for everybody what they are owed out of the journal.
    pub(super) fn absorb_all(&mut self) {
        self.absorb_until(self.batch.first());
    }

    fn absorb_until(&mut self, until: u64) {
        let Self { directory, lagging, journal, .. } = self;
        lagging.retain(|id| {
            let Some(audience) = directory.find_mut(*id) else { return false };
            if audience.owed.first().is_some_and(|place| *place < until) {
                for member in 0..audience.private.len() {
                    audience.absorb(member, journal, until);
                }
                let gone = audience.owed.partition_point(|place| *place < until);
                audience.owed.drain(..gone);
            }
            !audience.owed.is_empty()
        });
        journal.forget(until);
    }

    /// Merges what one member is owed by all of its audiences, so that all that waits for it is its own.
    pub(super) fn absorb(&mut self, id: ConnectionId) {
        for place in 0..self.members[id].memberships.len() {
            self.absorb_in(id, self.members[id].memberships[place].audience);
        }
    }

    /// The same for one audience.
    pub(super) fn absorb_in(&mut self, id: ConnectionId, audience: AudienceId) {
        let until = self.batch.first();
        let Some(member) = self.private_place(id, audience) else { return };
        self.directory.get_mut(audience).absorb(member, &self.journal, until);
    }

    /// Whether something waits for a member in another of its audiences, which what it is owed in this one must not hold up.
    pub(super) fn waits_elsewhere(&self, id: ConnectionId, audience: AudienceId) -> bool {
        self.members[id].memberships.iter().any(|membership| {
            let other = self.directory.get(membership.audience);
            membership.is_private
                && membership.audience != audience
                && !other.private[membership.place as usize].1.is_level()
        })
    }

    /// The first item that a member is owed by any of its audiences.
    pub(super) fn owed_first(&self, id: ConnectionId) -> Option<&Item> {
        let owed = self.members[id].memberships.iter().filter(|m| m.is_private).filter_map(|m| {
            let audience = self.directory.get(m.audience);
            let (_, private) = &audience.private[m.place as usize];
            audience.owed_to(private).first().copied()
        });
        self.journal.item(owed.min()?)
    }

    /// Sends a member what it is owed, event by event, as far as the socket takes it.
    pub(super) fn send_owed(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        let wire = self.members[id].wire;
        while !self.members[id].is_blocked() && self.members[id].is_open() {
            let Some(place) = self.private_place(id, audience) else { return };
            let Self { directory, journal, builders, universe, counters, .. } = self;
            let source = directory.get_mut(audience);
            let (_, private) = &mut source.private[place];
            let start = source.owed.partition_point(|place| *place < private.owed_from);
            let builder = &mut builders[wire.index()];
            builder.clear();
            let mut trailer = Trailer::default();
            for &place in &source.owed[start..] {
                let Some(batch) = journal.batch_mut(place) else { break };
                let index = batch.index(place);
                trailer = Trailer::upto(batch.item(index).offset());
                builder.push_separated(batch.message_and_more(wire.format(), index, universe));
                private.owed_from = place + 1;
                if builder.payload_bytes() >= FRAME_BYTES_TARGET {
                    break;
                }
            }
            if builder.messages() == 0 {
                return;
            }
            counters.messages(wire.transport()).add(builder.messages().into());
            let frame = builder.finish_with(trailer).to_vec();
            self.send(id, frame, now);
        }
    }
}
