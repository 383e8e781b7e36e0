//! What time asks of a shard: flushes of audiences, heartbeats, pings, and the end of connections that do not go.
//! Time is a parameter: nothing here reads a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use feed_protocol::{CloseCode, Control, OnSlow};

use super::Shard;
use super::audience::{Audience, AudienceId, Behaviour, ConnectionId};
use super::batch::Item;
use super::broadcast::{Shortfall, broadcast};
use super::frame::Trailer;
use super::member::Phase;
use super::outbox::Sink;

/// A client that says nothing for so long is sent a ping.
pub const PING_AFTER_US: u64 = 20_000_000;
/// A client that does not answer a ping for so long is closed with 4102.
pub const PONG_WITHIN_US: u64 = 20_000_000;
/// HTTP streams are sent a sign of life this often; the contract says at least every 15 s.
pub const SIGN_OF_LIFE_EVERY_US: u64 = 12_000_000;

/// The time, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// µs since the Unix epoch, UTC: what messages say.
    pub wall_us: i64,
    /// µs of a clock that never goes back: what periods are measured by.
    pub clock_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Member { id: ConnectionId, generation: u32 },
    Flush { audience: AudienceId, generation: u32 },
}

/// A point in time at which something is to be looked at. Ordered so that a heap gives the earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    pub at_us: u64,
    pub timer: Timer,
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Reverse((self.at_us, self.timer)).cmp(&Reverse((other.at_us, other.timer)))
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: Sink> Shard<S> {
    /// When [`tick`](Self::tick) is due next, µs of the shard's clock.
    #[must_use]
    pub fn next_deadline_us(&self) -> Option<u64> {
        self.deadlines.peek().map(|deadline| deadline.at_us)
    }

    /// Does everything that is due.
    pub fn tick(&mut self, now: Now) {
        while let Some(deadline) = self.deadlines.peek().copied() {
            if deadline.at_us > now.clock_us {
                break;
            }
            self.deadlines.pop();
            match deadline.timer {
                Timer::Member { id, generation } => {
                    if self.members.get(id).is_some_and(|m| m.generation == generation) {
                        self.look_after(id, now);
                    }
                }
                Timer::Flush { audience, generation } => {
                    let found = self.directory.find(audience);
                    if found.is_some_and(|audience| audience.generation == generation) {
                        self.flush_by_clock(audience, now);
                    }
                }
            }
        }
        self.absorb_outdated(now);
        self.settle_all(now);
    }

    fn flush_by_clock(&mut self, id: AudienceId, now: Now) {
        let begin = self.cpu_ns();
        let audience = self.directory.get_mut(id);
        audience.is_scheduled = false;
        let transport = audience.key.wire.transport();
        match audience.key.behaviour {
            Behaviour::Every(_) | Behaviour::Wake => return,
            Behaviour::Latest { .. } => self.flush_shared(id),
            Behaviour::Bars { .. } => {
                self.flush_bars(id, now);
                // A forming bar becomes final by time alone, so the clock goes on while there is somebody to tell.
                schedule(id, self.directory.get_mut(id), now, &mut self.deadlines);
            }
        }
        self.unsettle(id, true, now);
        self.count_cpu(transport, begin);
    }

    fn flush_bars(&mut self, id: AudienceId, now: Now) {
        let audience = self.directory.get_mut(id);
        audience.flushed_us = now.clock_us;
        if audience.attached.is_empty() {
            return;
        }
        let (key, mut bars) = (audience.key.clone(), Vec::new());
        audience.bars.collect(&key.selection, &self.market, &mut bars);
        if bars.is_empty() {
            return;
        }
        let frame = self.bar_frame(key.wire, &bars);
        let members = std::mem::take(&mut self.directory.get_mut(id).attached);
        let transport = key.wire.transport();
        self.counters.messages(transport).add((bars.len() * members.len()) as u64);
        let shortfalls = broadcast(&mut self.members, &members, &frame, transport, &self.counters);
        self.directory.get_mut(id).attached = members;
        for Shortfall { id: member, taken } in shortfalls {
            match taken {
                None => self.kill(member),
                Some(taken) => {
                    self.detach(member);
                    self.hold(member, frame.clone(), taken);
                }
            }
        }
    }

    fn look_after(&mut self, id: ConnectionId, now: Now) {
        let member = &mut self.members[id];
        match member.phase {
            Phase::Dead => return,
            Phase::Closing { reset_at_us, .. } => {
                if now.clock_us >= reset_at_us {
                    self.kill(id);
                    return;
                }
            }
            Phase::Open => {
                if member.heartbeat_ms > 0 && now.clock_us >= member.heartbeat_at_us {
                    let period_us = u64::from(member.heartbeat_ms) * 1000;
                    member.heartbeat_at_us = (member.heartbeat_at_us + period_us).max(now.clock_us);
                    member.owes_heartbeat = true;
                }
                if !member.wire.is_two_way() {
                    self.give_sign_of_life(id, now);
                    self.send_owed_heartbeat(id, now);
                    return self.arrange_look(id, now);
                }
                let silent_us = now.clock_us.saturating_sub(member.heard_us);
                let unanswered =
                    member.pinged_us > 0 && now.clock_us >= member.pinged_us + PONG_WITHIN_US;
                if unanswered {
                    self.close(id, CloseCode::NoPong.into(), now);
                } else if member.pinged_us == 0 && silent_us >= PING_AFTER_US {
                    member.pinged_us = now.clock_us;
                    let mut ping = Vec::new();
                    member.wire.push_sign_of_life(&mut ping);
                    self.send_urgent(id, &ping);
                }
                self.send_owed_heartbeat(id, now);
            }
        }
        self.arrange_look(id, now);
    }

    /// Sends a stream its sign of life if it is time for that. One whose socket takes nothing gets none: it has bytes to
    /// come, and TCP finds out whether it is there.
    fn give_sign_of_life(&mut self, id: ConnectionId, now: Now) {
        let member = &mut self.members[id];
        if now.clock_us < member.heard_us + SIGN_OF_LIFE_EVERY_US {
            return;
        }
        member.heard_us = now.clock_us;
        if !member.is_blocked() {
            let mut sign = Vec::new();
            member.wire.push_sign_of_life(&mut sign);
            self.send_urgent(id, &sign);
        }
    }

    /// Arranges for the next look at a member.
    pub(super) fn arrange_look(&mut self, id: ConnectionId, now: Now) {
        let member = &self.members[id];
        let at_us = match member.phase {
            Phase::Dead => return,
            Phase::Closing { reset_at_us, .. } => reset_at_us,
            Phase::Open => {
                let liveness = if !member.wire.is_two_way() {
                    member.heard_us + SIGN_OF_LIFE_EVERY_US
                } else if member.pinged_us > 0 {
                    member.pinged_us + PONG_WITHIN_US
                } else {
                    member.heard_us + PING_AFTER_US
                };
                let beat = if member.heartbeat_ms > 0 { member.heartbeat_at_us } else { u64::MAX };
                liveness.min(beat)
            }
        };
        let timer = Timer::Member { id, generation: member.generation };
        self.deadlines.push(Deadline { at_us: at_us.max(now.clock_us + 1), timer });
    }

    /// Sends the heartbeat that is owed, if the socket takes it.
    pub(super) fn send_owed_heartbeat(&mut self, id: ConnectionId, now: Now) {
        let member = &mut self.members[id];
        if !member.owes_heartbeat || member.is_blocked() || !member.is_open() {
            return;
        }
        member.owes_heartbeat = false;
        let merged = std::mem::take(&mut member.merged);
        let sent = self.sent(id);
        let heartbeat = Control::Heartbeat {
            ts: now.wall_us,
            o: self.market.head(),
            sent,
            behind_ms: self.behind_ms(id, now),
            merged,
            source_age_ms: self.market.source_age_us(now.wall_us) as u64 / 1000,
        };
        self.send_control_with(id, &heartbeat, Trailer::upto(sent), now);
    }

    /// An offset up to which a connection has everything: all of its subscriptions can be resumed from there.
    pub(super) fn sent(&self, id: ConnectionId) -> u64 {
        let shared = self.members[id].memberships.iter().filter(|m| !m.is_private);
        let shared = shared.filter_map(|m| self.directory.get(m.audience).shared.first_offset());
        let private = self.privates(id).filter_map(|(_, private)| private.first_offset());
        let owed = self.owed_first(id).map(Item::first_offset);
        shared.chain(private).chain(owed).min().map_or(self.position, |first| first - 1)
    }

    /// Age of the oldest event that waits longer than its subscription's interval, ms.
    fn behind_ms(&self, id: ConnectionId, now: Now) -> u64 {
        let shared = self.members[id].memberships.iter().filter(|m| !m.is_private).map(|m| {
            let audience = self.directory.get(m.audience);
            (audience.key.behaviour, audience.shared.oldest_ts_us())
        });
        let private = self.privates(id).map(|(b, private)| (b, private.oldest_ts_us()));
        let owed =
            self.owed_first(id).map(|item| (Behaviour::Every(OnSlow::Merge), Some(item.ts_us())));
        let ages = shared.chain(private).chain(owed).filter_map(|(behaviour, oldest)| {
            let age_ms = (now.wall_us - oldest?).max(0) as u64 / 1000;
            (age_ms > u64::from(behaviour.period_ms().unwrap_or(0))).then_some(age_ms)
        });
        ages.max().unwrap_or(0)
    }
}

/// Arranges for a flush by the clock, at the next multiple of the audience's period: all that have the same period are
/// flushed together.
pub(super) fn schedule(
    id: AudienceId,
    audience: &mut Audience,
    now: Now,
    deadlines: &mut BinaryHeap<Deadline>,
) {
    let Some(period_ms) = audience.key.behaviour.period_ms() else { return };
    if std::mem::replace(&mut audience.is_scheduled, true) {
        return;
    }
    let period_us = u64::from(period_ms) * 1000;
    let at_us = (now.clock_us / period_us + 1) * period_us;
    let timer = Timer::Flush { audience: id, generation: audience.generation };
    deadlines.push(Deadline { at_us, timer });
}
