//! Members that are not level with their audience, and everything that is for one connection alone: answers, replays,
//! backlogs, closing. Nothing waits for a socket: what it does not take is held, and taken up again in `writable`.

use fastwebsockets::OpCode;
use feed_protocol::{CloseCode, Control, Format, OnSlow, write_bar};

use super::Shard;
use super::audience::{AudienceId, Behaviour, ConnectionId, Topic};
use super::backlog::{Backlog, Out};
use super::batch::{Item, write_gap, write_out};
use super::clock::Now;
use super::frame::{FRAME_BYTES_TARGET, FrameBuilder, push_close, push_control};
use super::member::{Closing, Phase};
use super::outbox::{Sink, Written, write};
use super::private::Waits;
use super::replay::{Progress, Replay, Replayed};
use crate::market::SeenBar;

/// A close that cannot be sent, or is not answered, for so long ends in a reset.
const CLOSE_WITHIN_US: u64 = 10_000_000;
/// Pieces of history that one member is sent before others have their turn.
const REPLAY_STEPS_MAX: usize = 8;
/// What a merged record takes on the wire, about; for `on_slow: close`.
const RECORD_BYTES: usize = 170;

impl<S: Sink> Shard<S> {
    /// A connection's socket takes bytes again, or its turn has come.
    pub fn writable(&mut self, id: ConnectionId, now: Now) {
        let Some(member) = self.members.get_mut(id) else { return };
        if let Some(outbox) = &mut member.outbox {
            let (written, bytes) = outbox.flush(&mut member.sink);
            self.counters.bytes.add(bytes);
            self.counters.writes.add(u64::from(bytes > 0));
            match written {
                Written::All => {
                    member.outbox = None;
                    self.counters.slow_connections.sub(1);
                }
                Written::Part(_) => return member.sink.want_writable(),
                Written::Broken => return self.kill(id),
            }
        }
        self.send_owed_heartbeat(id, now);
        self.settle(id, now);
    }

    /// Marks the members of an audience that have a state of their own to be looked after; `due`: their time has come.
    pub(super) fn unsettle(&mut self, audience: AudienceId, due: bool, now: Now) {
        let source = self.directory.get_mut(audience);
        let on_slow = match source.key.behaviour {
            Behaviour::Every(on_slow) | Behaviour::Latest { on_slow, .. } => on_slow,
            Behaviour::Bars { .. } => OnSlow::Merge,
        };
        let mut overfull = Vec::new();
        for (id, private) in &mut source.private {
            private.is_due |= due;
            if !self.members[*id].is_blocked() {
                self.unsettled.push(*id);
            } else if on_slow == OnSlow::Close {
                let bytes = match &private.waits {
                    Waits::Merged(backlog) => backlog.len() * RECORD_BYTES,
                    Waits::Raw(queue) => queue.bytes,
                    Waits::Bars(_) => 0,
                };
                if bytes > self.limits.backlog_bytes as usize {
                    overfull.push(*id);
                }
            }
        }
        for id in overfull {
            self.close(id, CloseCode::SlowConsumer.into(), now);
        }
    }

    /// Looks after all that were marked.
    pub(super) fn settle_all(&mut self, now: Now) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        for id in unsettled.drain(..) {
            if self.members.contains(id) {
                self.settle(id, now);
            }
        }
        // Nobody is marked while settling but those who wait for the position to move on.
        unsettled.append(&mut self.unsettled);
        self.unsettled = unsettled;
        self.sweep();
    }

    /// Sends a member what is its own, as far as the socket takes it and the time has come; once it is level it shares
    /// its audience's frames again.
    pub(super) fn settle(&mut self, id: ConnectionId, now: Now) {
        for place in 0..self.members[id].memberships.len() {
            let member = &self.members[id];
            if member.is_blocked() || !member.is_open() {
                return;
            }
            let Some(membership) = member.memberships.get(place).copied() else { break };
            if membership.is_private {
                self.settle_in(id, membership.audience, now);
            }
        }
        self.run_deferred(id, now);
    }

    fn settle_in(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        let behaviour = self.directory.get(audience).key.behaviour;
        let Some(private) = self.private_mut(id, audience) else { return };
        if let Some(replay) = private.replay.take()
            && !self.run_replay(id, audience, replay, now)
        {
            return;
        }
        let Some(private) = self.private_mut(id, audience) else { return };
        let is_due = private.is_due || behaviour.period_ms().is_none();
        if is_due {
            private.is_due = false;
            match &mut private.waits {
                Waits::Merged(backlog) => {
                    let mut backlog = std::mem::take(backlog);
                    let rest = self.send_backlog(id, &mut backlog, now);
                    if let Some(private) = self.private_mut(id, audience) {
                        private.waits = Waits::Merged(backlog);
                        private.is_due = !rest;
                    }
                }
                Waits::Raw(_) => self.send_raw(id, audience, now),
                Waits::Bars(_) => self.send_bars(id, audience, now),
            }
        }
        if self.members[id].is_blocked() || !self.members[id].is_open() {
            return;
        }
        let Some(private) = self.private_mut(id, audience) else { return };
        let is_level = private.is_level();
        let target = self.directory.get(audience);
        let may_attach = match behaviour {
            Behaviour::Every(_) | Behaviour::Latest { .. } => target.shared.is_empty(),
            // The others' positions are those of their last flush: only right after it are they the same.
            Behaviour::Bars { .. } => {
                is_due && (target.attached.is_empty() || target.flushed_us == now.clock_us)
            }
        };
        if is_level && may_attach {
            self.attach(id, audience);
        }
    }

    /// Sends merged records, a frame a second of `ts`; `false` if the socket did not take all.
    fn send_backlog(&mut self, id: ConnectionId, backlog: &mut Backlog, now: Now) -> bool {
        let format = self.members[id].format;
        let mut records = Vec::new();
        while !backlog.is_empty() {
            if self.members[id].is_blocked() || !self.members[id].is_open() {
                return false;
            }
            let mut frames = Vec::new();
            while !backlog.is_empty() && frames.len() < FRAME_BYTES_TARGET {
                self.take_second(id, format, backlog, &mut records, &mut frames);
            }
            self.send(id, frames, now);
        }
        true
    }

    /// Appends the frame of a backlog's oldest second to `frames`.
    pub(super) fn take_second(
        &mut self,
        id: ConnectionId,
        format: Format,
        backlog: &mut Backlog,
        records: &mut Vec<Out>,
        frames: &mut Vec<u8>,
    ) {
        records.clear();
        let merged = backlog.take_second(records);
        let builder = &mut self.builders[format as usize];
        builder.clear();
        for out in &*records {
            builder.push_with(|bytes| write_out(format, bytes, out, false, &self.universe));
        }
        frames.extend_from_slice(builder.finish());
        self.members[id].merged += merged;
        self.counters.merged.add(merged);
        self.counters.messages.add(records.len() as u64);
        self.count_gaps(records, 1);
    }

    fn send_raw(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        let format = self.members[id].format;
        while !self.members[id].is_blocked() && self.members[id].is_open() {
            let Some(place) = self.private_place(id, audience) else { return };
            let Self { directory, builders, universe, counters, .. } = self;
            let private = &mut directory.get_mut(audience).private[place].1;
            let Waits::Raw(queue) = &mut private.waits else { return };
            let builder = &mut builders[format as usize];
            builder.clear();
            while builder.payload_bytes() < FRAME_BYTES_TARGET
                && let Some((item, bytes)) = queue.items.pop_front()
            {
                queue.bytes -= bytes as usize;
                builder.push_with(|out| match &item {
                    Item::Event(event) => {
                        let record = feed_protocol::Record::Event(*event);
                        write_out(format, out, &Out::Record(record), false, universe);
                    }
                    Item::Gap(gap) => write_gap(format, out, gap, universe),
                });
            }
            if builder.messages() == 0 {
                return;
            }
            counters.messages.add(builder.messages().into());
            let frame = builder.finish().to_vec();
            self.send(id, frame, now);
        }
    }

    fn send_bars(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        let Some(place) = self.private_place(id, audience) else { return };
        let Self { directory, market, .. } = self;
        let source = directory.get_mut(audience);
        let key = source.key.clone();
        let Waits::Bars(positions) = &mut source.private[place].1.waits else { return };
        let mut bars = Vec::new();
        positions.collect(&key.selection, market, &mut bars);
        if !bars.is_empty() {
            self.counters.messages.add(bars.len() as u64);
            let frame = self.bar_frame(key.format, &bars);
            self.send(id, frame, now);
        }
    }

    pub(super) fn bar_frame(&mut self, format: Format, bars: &[(Topic, SeenBar)]) -> Vec<u8> {
        let builder = &mut self.builders[format as usize];
        builder.clear();
        for (topic, seen) in bars {
            let Some((symbol, interval)) = topic.bar() else { continue };
            let named = (symbol, self.universe.get(symbol));
            builder.push_with(|out| {
                write_bar(format, out, named, interval, &seen.bar, seen.is_final);
            });
        }
        builder.finish().to_vec()
    }

    /// Sends the next pieces of a replay; `true` if it is over. Otherwise it is put back.
    fn run_replay(
        &mut self,
        id: ConnectionId,
        audience: AudienceId,
        mut replay: Box<Replay>,
        now: Now,
    ) -> bool {
        let key = self.directory.get(audience).key.clone();
        let merges = matches!(key.behaviour, Behaviour::Latest { .. });
        for _ in 0..REPLAY_STEPS_MAX {
            if self.members[id].is_blocked() || !self.members[id].is_open() {
                break;
            }
            let mut out = Vec::new();
            let progress = replay.step(&self.latest, &self.market, &mut out);
            let frames = self.replay_frames(id, key.format, &out, merges, &mut replay, &progress);
            if !frames.is_empty() {
                self.send(id, frames, now);
            }
            match progress {
                Progress::More => {}
                Progress::Respliced(lost) => {
                    if let Some(private) = self.private_mut(id, audience) {
                        lost.iter().for_each(|newest| private.resplice(newest));
                    }
                }
                Progress::Done => return true,
            }
        }
        if let Some(private) = self.private_mut(id, audience) {
            private.replay = Some(replay);
        }
        self.members[id].sink.want_writable();
        false
    }

    /// Frames of a piece of a replay; for `latest` it is merged by seconds.
    fn replay_frames(
        &mut self,
        id: ConnectionId,
        format: Format,
        out: &[Replayed],
        merges: bool,
        replay: &mut Replay,
        progress: &Progress,
    ) -> Vec<u8> {
        let outs: Vec<Out> = out.iter().map(|replayed| replayed.out).collect();
        self.count_gaps(&outs, 1);
        let mut frames = Vec::new();
        if merges {
            let mut records = Vec::new();
            for Replayed { out, snap } in out {
                match out {
                    Out::Record(feed_protocol::Record::Event(event)) if !snap => {
                        if replay.merged.first_second().is_some_and(|s| s < event.second()) {
                            let mut merged = std::mem::take(&mut replay.merged);
                            self.take_second(id, format, &mut merged, &mut records, &mut frames);
                            replay.merged = merged;
                        }
                        replay.merged.add(event);
                    }
                    // A hole and the newest event behind it: what was merged before them leaves before them.
                    _ => {
                        let mut merged = std::mem::take(&mut replay.merged);
                        while !merged.is_empty() {
                            self.take_second(id, format, &mut merged, &mut records, &mut frames);
                        }
                        let one = [Replayed { out: *out, snap: *snap }];
                        frames.extend(self.plain_frames(format, &one));
                    }
                }
            }
            if *progress == Progress::Done {
                let mut merged = std::mem::take(&mut replay.merged);
                while !merged.is_empty() {
                    self.take_second(id, format, &mut merged, &mut records, &mut frames);
                }
            }
        } else {
            frames = self.plain_frames(format, out);
        }
        frames
    }

    /// Frames of single events in order of offsets.
    pub(super) fn plain_frames(&mut self, format: Format, out: &[Replayed]) -> Vec<u8> {
        let Self { builders, universe, counters, .. } = self;
        let builder: &mut FrameBuilder = &mut builders[format as usize];
        let mut frames = Vec::new();
        builder.clear();
        for (place, Replayed { out: message, snap }) in out.iter().enumerate() {
            builder.push_with(|bytes| write_out(format, bytes, message, *snap, universe));
            let is_last = place + 1 == out.len();
            if is_last || builder.payload_bytes() >= FRAME_BYTES_TARGET {
                counters.messages.add(builder.messages().into());
                frames.extend_from_slice(builder.finish());
                builder.clear();
            }
        }
        frames
    }

    /// Sends one control message.
    pub(super) fn send_control(&mut self, id: ConnectionId, control: &Control, now: Now) {
        let frame = self.control_frame(self.members[id].format, control);
        self.send(id, frame, now);
    }

    pub(super) fn control_frame(&mut self, format: Format, control: &Control) -> Vec<u8> {
        let builder = &mut self.builders[format as usize];
        builder.clear();
        builder.push_with(|out| control.write(format, out));
        builder.finish().to_vec()
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
        self.counters.bytes.add(taken as u64);
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
        let outbox = member.outbox.get_or_insert_default();
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
            Written::All => self.counters.bytes.add(frames.len() as u64),
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
        if member.outbox.as_ref().is_some_and(|outbox| outbox.urgent_bytes() > 4096) {
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
        let reset_at_us = now.clock_us + CLOSE_WITHIN_US;
        member.phase = Phase::Closing { code: closing.code, reset_at_us };
        if let Some(outbox) = &mut member.outbox {
            outbox.drop_data();
        }
        member.deferred = None;
        if let Some(code) = closing.code {
            self.counters.count_close(code);
        }
        self.leave_all(id);
        let mut frame = Vec::new();
        push_close(closing.code, &closing.reason, &mut frame);
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
        self.counters.connections.set(self.members.len() as u64 - 1);
        let member = self.members.remove(id);
        if member.outbox.is_some() {
            self.counters.slow_connections.sub(1);
        }
        Some(member.sink)
    }
}
