//! Long polls: who waits for something to happen to some topics. They are sent nothing: their sink is told, and whoever is
//! behind it reads what has happened the way a poll does.

use feed_protocol::Format;

use super::Shard;
use super::audience::{AudienceId, Behaviour, ConnectionId, Key, Selection};
use super::clock::Now;
use super::counters::Transport;
use super::member::{Member, Membership};
use super::outbox::Sink;
use super::wire::Wire;

impl<S: Sink> Shard<S> {
    /// Has `sink` told, by `want_writable`, when an event of `selection` has been dealt with, a trade changes one of their bars,
    /// or the server is about to stop. Until it is removed.
    pub fn wait(&mut self, sink: S, selection: Selection, now: Now) -> ConnectionId {
        let mut member = Member::new(sink, Wire::WebSocket(Format::Json), 0, now);
        member.transport = Transport::LongPoll;
        let id = self.admit(member);
        let key = Key { wire: self.members[id].wire, behaviour: Behaviour::Wake, selection };
        let audience = self.directory.find_or_insert(key);
        let attached = &mut self.directory.get_mut(audience).attached;
        let place = attached.len() as u32;
        attached.push(id);
        self.members[id].memberships.push(Membership { audience, place, is_private: false });
        id
    }

    /// Whether a connection is a long poll.
    pub(super) fn is_waiting(&self, id: ConnectionId) -> bool {
        self.members[id].transport == Transport::LongPoll
    }

    /// Tells everybody who waits in an audience.
    pub(super) fn wake(&mut self, id: AudienceId) {
        for member in &self.directory.get(id).attached {
            self.members[*member].sink.want_writable();
        }
    }
}
