//! What is for one connection alone and goes out at once or is held: answers, control frames, the close. A socket that does
//! not take all of it makes the connection a slow one; nothing here waits.

use fastwebsockets::OpCode;
use feed_protocol::{CloseCode, Control};

use super::Shard;
use super::audience::ConnectionId;
use super::clock::Now;
use super::frame::{Trailer, push_control};
use super::member::{Closing, Phase};
use super::outbox::{Outbox, Sink, Written, write};
use super::wire::Wire;

/// A close that cannot be sent, or is not answered, for so long ends in a reset.
const CLOSE_WITHIN_US: u64 = 10_000_000;
/// Pongs that wait for a client which pings and does not read, bytes.
const PONGS_BYTES_MAX: usize = 4096;

impl<S: Sink> Shard<S> {
    /// Sends one control message.
    pub(super) fn send_control(&mut self, id: ConnectionId, control: &Control, now: Now) {
        self.send_control_with(id, control, Trailer::default(), now);
    }

    /// The same with a trailer.
    pub(super) fn send_control_with(
        &mut self,
        id: ConnectionId,
        control: &Control,
        trailer: Trailer,
        now: Now,
    ) {
        let frame = self.control_frame(self.members[id].wire, control, trailer);
        self.send(id, frame, now);
    }

    pub(super) fn control_frame(
        &mut self,
        wire: Wire,
        control: &Control,
        trailer: Trailer,
    ) -> Vec<u8> {
        let builder = &mut self.builders[wire.index()];
        builder.clear();
        builder.push_with(|out| control.write(wire.format(), out));
        builder.finish_with(trailer).to_vec()
    }

    /// Sends whole frames behind whatever waits already.
    pub(super) fn send(&mut self, id: ConnectionId, frames: Vec<u8>, now: Now) {
        let member = &mut self.members[id];
        if frames.is_empty() || !member.is_open() {
            return;
        }
        if let Some(outbox) = &mut member.outbox {
            if outbox.bytes() > self.limits.backlog_bytes as usize {
                return self.close(id, CloseCode::SlowConsumer.into(), now);
            }
            return outbox.push(frames, 0);
        }
        let written = write(&mut member.sink, &frames);
        let taken = match written {
            Written::All => frames.len(),
            Written::Part(taken) => taken,
            Written::Broken => return self.kill(id),
        };
        self.counters.bytes(member.wire.transport()).add(taken as u64);
        self.counters.writes.add(u64::from(taken > 0));
        if taken < frames.len() {
            self.detach(id);
            self.hold(id, frames, taken);
        }
    }

    /// Keeps what a socket did not take, and asks to be told when it takes more. The member must be detached.
    pub(super) fn hold(&mut self, id: ConnectionId, frames: Vec<u8>, sent: usize) {
        let member = &mut self.members[id];
        if member.outbox.is_none() {
            self.counters.slow_connections.add(1);
        }
        let wire = member.wire;
        let outbox = member.outbox.get_or_insert_with(|| Box::new(Outbox::new(wire)));
        if !frames.is_empty() {
            outbox.push(frames, sent);
        }
        member.sink.want_writable();
        self.counters.fell_behind.add(1);
    }

    /// Sends control frames ahead of data that waits.
    pub(super) fn send_urgent(&mut self, id: ConnectionId, frames: &[u8]) {
        let member = &mut self.members[id];
        if let Some(outbox) = &mut member.outbox {
            return outbox.push_urgent(frames);
        }
        match write(&mut member.sink, frames) {
            Written::All => self.counters.bytes(member.wire.transport()).add(frames.len() as u64),
            Written::Part(taken) => {
                self.detach(id);
                self.hold(id, frames.to_vec(), taken);
            }
            Written::Broken => self.kill(id),
        }
    }

    /// Answers a ping.
    pub fn ping(&mut self, id: ConnectionId, payload: &[u8], now: Now) {
        self.heard(id, now);
        let Some(member) = self.members.get_mut(id).filter(|member| member.is_open()) else {
            return;
        };
        // RFC 6455, 5.5.3: of several pings it is enough to answer the last; a client that does not read gets no more.
        if member.outbox.as_ref().is_some_and(|outbox| outbox.urgent_bytes() > PONGS_BYTES_MAX) {
            return;
        }
        let mut pong = Vec::new();
        push_control(OpCode::Pong, payload, &mut pong);
        self.send_urgent(id, &pong);
    }

    /// Notes that the client is there.
    pub fn heard(&mut self, id: ConnectionId, now: Now) {
        if let Some(member) = self.members.get_mut(id) {
            member.heard_us = now.clock_us;
            member.pinged_us = 0;
        }
    }

    /// Starts closing: nothing but the Close frame leaves after the fragment that was begun.
    pub fn close(&mut self, id: ConnectionId, closing: Closing, now: Now) {
        let Some(member) = self.members.get_mut(id).filter(|member| member.is_open()) else {
            return;
        };
        let Closing { code, reason } = closing;
        let reset_at_us = now.clock_us + CLOSE_WITHIN_US;
        member.phase = Phase::Closing { code, reset_at_us };
        if let Some(outbox) = &mut member.outbox {
            outbox.drop_data();
        }
        member.deferred = None;
        if let Some(code) = code {
            self.counters.count_close(code);
        }
        self.leave_all(id);
        let mut frame = Vec::new();
        self.members[id].wire.push_end(code, &reason, &mut frame);
        self.send_urgent(id, &frame);
        let member = &mut self.members[id];
        member.sink.want_writable();
        self.arrange_look(id, now);
    }

    /// The connection is broken or has had its time: only its removal is left.
    pub(super) fn kill(&mut self, id: ConnectionId) {
        self.members[id].phase = Phase::Dead;
        if self.members[id].outbox.take().is_some() {
            self.counters.slow_connections.sub(1);
        }
        self.leave_all(id);
        self.members[id].sink.want_writable();
    }

    pub(super) fn leave_all(&mut self, id: ConnectionId) {
        while let Some(membership) = self.members[id].memberships.last().copied() {
            self.leave(id, membership.audience);
        }
    }

    /// Forgets a connection; its socket comes back.
    pub fn remove(&mut self, id: ConnectionId) -> Option<S> {
        self.members.get(id)?;
        self.leave_all(id);
        self.sweep();
        let member = self.members.remove(id);
        self.counters.connections(member.transport).sub(1);
        if member.outbox.is_some() {
            self.counters.slow_connections.sub(1);
        }
        Some(member.sink)
    }
}
