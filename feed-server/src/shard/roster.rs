//! Who belongs to which audience, and in which of its two lists. The only place that moves members between lists, so that
//! the places they remember stay right.

use super::Shard;
use super::audience::{AudienceId, Behaviour, ConnectionId};
use super::clock::Now;
use super::clock::schedule;
use super::fanout::add_item;
use super::member::Membership;
use super::outbox::Sink;
use super::private::{Private, Waits};

impl<S: Sink> Shard<S> {
    /// Puts a member into an audience, with a state of its own.
    pub(super) fn join_private(
        &mut self,
        id: ConnectionId,
        audience: AudienceId,
        mut private: Private,
        now: Now,
    ) {
        private.owed_from = self.owed_from_now(audience);
        let target = self.directory.get_mut(audience);
        let place = target.private.len() as u32;
        target.private.push((id, private));
        // What it brings along waits for the clock even if nothing else happens.
        schedule(audience, target, now, &mut self.deadlines);
        self.members[id].memberships.push(Membership { audience, place, is_private: true });
    }

    /// Takes a member out of an audience altogether; its own state comes back, if it had one, without what it is owed.
    pub(super) fn leave(&mut self, id: ConnectionId, audience: AudienceId) -> Option<Private> {
        let membership = self.take_membership(id, audience)?;
        let private = if membership.is_private {
            Some(self.take_private(audience, membership.place))
        } else {
            self.take_attached(audience, membership.place);
            None
        };
        // Not removed here: a flush of this very audience may be under way.
        self.left.push(audience);
        private
    }

    /// Removes audiences that the last member has left. Between batches only.
    pub(super) fn sweep(&mut self) {
        let mut left = std::mem::take(&mut self.left);
        for audience in left.drain(..) {
            self.directory.remove_if_empty(audience);
        }
        self.left = left;
    }

    /// Lets a member share its audience's frames; its own state must be used up.
    pub(super) fn attach(&mut self, id: ConnectionId, audience: AudienceId) {
        let Some(membership) = self.members[id].membership_mut(audience).copied() else { return };
        debug_assert!(membership.is_private, "attached once");
        let private = self.take_private(audience, membership.place);
        let target = self.directory.get_mut(audience);
        if let Waits::Bars(positions) = private.waits {
            if target.attached.is_empty() {
                target.bars = positions;
            } else {
                target.bars.adopt(positions);
            }
        }
        let place = target.attached.len() as u32;
        target.attached.push(id);
        if let Some(membership) = self.members[id].membership_mut(audience) {
            (membership.place, membership.is_private) = (place, false);
        }
    }

    /// Gives a member a state of its own in every audience: with what was collected for it together with the others.
    pub(super) fn detach(&mut self, id: ConnectionId) {
        for place in 0..self.members[id].memberships.len() {
            let membership = self.members[id].memberships[place];
            if membership.is_private {
                continue;
            }
            let audience = membership.audience;
            self.take_attached(audience, membership.place);
            let private = self.private_copy(audience);
            let list = &mut self.directory.get_mut(audience).private;
            let place = list.len() as u32;
            list.push((id, private));
            if let Some(membership) = self.members[id].membership_mut(audience) {
                (membership.place, membership.is_private) = (place, true);
            }
        }
    }

    /// The state of its own that an attached member would have: what the audience has collected and not sent.
    fn private_copy(&mut self, audience: AudienceId) -> Private {
        let owed_from = self.owed_from_now(audience);
        let Self { directory, batch, universe, .. } = self;
        let source = directory.get(audience);
        let mut private = Private::new(source.key.behaviour);
        private.owed_from = owed_from;
        match &mut private.waits {
            Waits::Merged(backlog) => *backlog = source.shared.clone(),
            Waits::Bars(positions) => *positions = source.bars.clone(),
            Waits::Raw(_) => {}
        }
        let marks = directory.marks(audience);
        if !marks.places_only {
            for &place in &marks.pending {
                add_item(&mut private, batch, place, source.key.wire.format(), universe);
            }
        }
        private
    }

    /// Every state of its own that a member has, to be looked at.
    pub(super) fn privates(&self, id: ConnectionId) -> impl Iterator<Item = (Behaviour, &Private)> {
        self.members[id].memberships.iter().filter(|m| m.is_private).map(|membership| {
            let audience = self.directory.get(membership.audience);
            (audience.key.behaviour, &audience.private[membership.place as usize].1)
        })
    }

    /// Where in the audience's list a member's own state is, if it has one.
    pub(super) fn private_place(&self, id: ConnectionId, audience: AudienceId) -> Option<usize> {
        let memberships = &self.members.get(id)?.memberships;
        let own = memberships.iter().find(|m| m.audience == audience && m.is_private)?;
        Some(own.place as usize)
    }

    /// A member's own state in an audience.
    pub(super) fn private_mut(
        &mut self,
        id: ConnectionId,
        audience: AudienceId,
    ) -> Option<&mut Private> {
        let place = self.private_place(id, audience)?;
        Some(&mut self.directory.get_mut(audience).private[place].1)
    }

    fn take_membership(&mut self, id: ConnectionId, audience: AudienceId) -> Option<Membership> {
        let memberships = &mut self.members[id].memberships;
        let place = memberships.iter().position(|m| m.audience == audience)?;
        Some(memberships.swap_remove(place))
    }

    fn take_private(&mut self, audience: AudienceId, place: u32) -> Private {
        let list = &mut self.directory.get_mut(audience).private;
        let (_, private) = list.swap_remove(place as usize);
        let moved = list.get(place as usize).map(|(id, _)| *id);
        self.move_to(moved, audience, place);
        private
    }

    fn take_attached(&mut self, audience: AudienceId, place: u32) {
        let list = &mut self.directory.get_mut(audience).attached;
        list.swap_remove(place as usize);
        let moved = list.get(place as usize).copied();
        self.move_to(moved, audience, place);
    }

    fn move_to(&mut self, moved: Option<ConnectionId>, audience: AudienceId, place: u32) {
        if let Some(membership) = moved.and_then(|id| self.members[id].membership_mut(audience)) {
            membership.place = place;
        }
    }
}
