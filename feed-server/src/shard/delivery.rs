//! Members that are not level with their audience: what is their own is sent as far as the socket takes it, then they share
//! the audience's frames again. Nothing waits for a socket: what it does not take is taken up again in `writable`.

use feed_protocol::{CloseCode, OnSlow, Record, write_bar};

use super::Shard;
use super::audience::{AudienceId, Behaviour, ConnectionId, Topic};
use super::backlog::{Backlog, Out};
use super::batch::{Item, write_gap, write_out};
use super::clock::Now;
use super::frame::{FRAME_BYTES_TARGET, Trailer};
use super::outbox::{Sink, Written};
use super::private::{Private, Waits};
use super::wire::Wire;
use crate::market::SeenBar;

/// What a merged record takes on the wire, about; for `on_slow: close`.
const RECORD_BYTES: usize = 170;

impl<S: Sink> Shard<S> {
    /// A connection's socket takes bytes again, or its turn has come.
    pub fn writable(&mut self, id: ConnectionId, now: Now) {
        let Some(member) = self.members.get_mut(id) else { return };
        if let Some(outbox) = &mut member.outbox {
            let (written, bytes) = outbox.flush(&mut member.sink);
            self.counters.bytes(member.wire.transport()).add(bytes);
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
        self.say_goodbye(id, now);
        self.close_after_goodbye(id, now);
        self.send_owed_heartbeat(id, now);
        self.settle(id, now);
    }

    /// Marks the members of an audience that have a state of their own to be looked after; `due`: their time has come.
    pub(super) fn unsettle(&mut self, audience: AudienceId, due: bool, now: Now) {
        let source = self.directory.get_mut(audience);
        let on_slow = match source.key.behaviour {
            Behaviour::Every(on_slow) | Behaviour::Latest { on_slow, .. } => on_slow,
            Behaviour::Bars { .. } | Behaviour::Wake => OnSlow::Merge,
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
                    if backlog.is_empty() && !self.waits_elsewhere(id, audience) {
                        self.send_owed(id, audience, now);
                    } else {
                        self.send_merged(id, audience, now);
                    }
                }
                Waits::Raw(_) => self.send_raw(id, audience, now),
                Waits::Bars(_) => self.send_bars(id, audience, now),
            }
        }
        if self.members[id].is_blocked() || !self.members[id].is_open() {
            return;
        }
        let Some(place) = self.private_place(id, audience) else { return };
        let target = self.directory.get(audience);
        let (_, private) = &target.private[place];
        let is_level = private.is_level() && target.owed_to(private).is_empty();
        let may_attach = match behaviour {
            Behaviour::Every(_) | Behaviour::Latest { .. } => target.shared.is_empty(),
            Behaviour::Wake => true,
            // The others' positions are those of their last flush: only right after it are they the same.
            Behaviour::Bars { .. } => {
                is_due && (target.attached.is_empty() || target.flushed_us == now.clock_us)
            }
        };
        if is_level && may_attach {
            self.attach(id, audience);
        }
    }

    /// Sends a member what was merged for it, with what it is owed since.
    fn send_merged(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        self.absorb_in(id, audience);
        let Some(Private { waits: Waits::Merged(backlog), .. }) = self.private_mut(id, audience)
        else {
            return;
        };
        let mut backlog = std::mem::take(backlog);
        let rest = self.send_backlog(id, &mut backlog, now);
        if let Some(private) = self.private_mut(id, audience) {
            private.waits = Waits::Merged(backlog);
            private.is_due = !rest;
        }
    }

    /// Sends merged records, a frame a second of `ts`; `false` if the socket did not take all.
    fn send_backlog(&mut self, id: ConnectionId, backlog: &mut Backlog, now: Now) -> bool {
        let wire = self.members[id].wire;
        let mut records = Vec::new();
        while !backlog.is_empty() {
            if self.members[id].is_blocked() || !self.members[id].is_open() {
                return false;
            }
            let mut frames = Vec::new();
            while !backlog.is_empty() && frames.len() < FRAME_BYTES_TARGET {
                self.take_second(id, wire, backlog, &mut records, &mut frames);
            }
            self.send(id, frames, now);
        }
        true
    }

    /// Appends the frame of a backlog's oldest second to `frames`.
    pub(super) fn take_second(
        &mut self,
        id: ConnectionId,
        wire: Wire,
        backlog: &mut Backlog,
        records: &mut Vec<Out>,
        frames: &mut Vec<u8>,
    ) {
        records.clear();
        let merged = backlog.take_second(records);
        let builder = &mut self.builders[wire.index()];
        builder.clear();
        for out in &*records {
            builder.push_with(|bytes| write_out(wire.format(), bytes, out, false, &self.universe));
        }
        frames.extend_from_slice(builder.finish_with(second_trailer(records)));
        self.members[id].merged += merged;
        self.counters.merged.add(merged);
        self.counters.messages(wire.transport()).add(records.len() as u64);
        self.count_gaps(records, 1);
    }

    fn send_raw(&mut self, id: ConnectionId, audience: AudienceId, now: Now) {
        let wire = self.members[id].wire;
        let format = wire.format();
        while !self.members[id].is_blocked() && self.members[id].is_open() {
            let Some(place) = self.private_place(id, audience) else { return };
            let Self { directory, builders, universe, counters, .. } = self;
            let private = &mut directory.get_mut(audience).private[place].1;
            let Waits::Raw(queue) = &mut private.waits else { return };
            let builder = &mut builders[wire.index()];
            builder.clear();
            let mut trailer = Trailer::default();
            while builder.payload_bytes() < FRAME_BYTES_TARGET
                && let Some((item, bytes)) = queue.items.pop_front()
            {
                queue.bytes -= bytes as usize;
                trailer = Trailer::upto(item.offset());
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
            counters.messages(wire.transport()).add(builder.messages().into());
            let frame = builder.finish_with(trailer).to_vec();
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
            self.counters.messages(key.wire.transport()).add(bars.len() as u64);
            let frame = self.bar_frame(key.wire, &bars);
            self.send(id, frame, now);
        }
    }

    pub(super) fn bar_frame(&mut self, wire: Wire, bars: &[(Topic, SeenBar)]) -> Vec<u8> {
        let builder = &mut self.builders[wire.index()];
        builder.clear();
        for (topic, seen) in bars {
            let Some((symbol, interval)) = topic.bar() else { continue };
            let named = (symbol, self.universe.get(symbol));
            builder.push_with(|out| {
                write_bar(wire.format(), out, named, interval, &seen.bar, seen.is_final);
            });
        }
        builder.finish().to_vec()
    }
}

/// What the frame of one second is a cursor of: the greatest offset in it, if it holds any event.
pub(super) fn second_trailer(records: &[Out]) -> Trailer {
    let offset = |out: &Out| match out {
        Out::Record(Record::Event(event)) => Some(event.offset),
        Out::Record(Record::Trades(trades)) => Some(trades.offset),
        Out::Record(Record::Quote(quote)) => Some(quote.offset),
        Out::Gap(_) => None,
    };
    Trailer { upto: records.iter().filter_map(offset).max(), retry_ms: None }
}
