//! What clients ask for: connecting, listing, pinging, and (in `subscribing`) changing subscriptions; and the shutdown, which
//! concerns them all. Requests that cannot be carried out yet wait in order.

use feed_protocol::{
    CloseCode, Control, ErrorCode, Format, Op, Rejection, Request, Subscribe, parse_request,
};

use super::Shard;
use super::audience::ConnectionId;
use super::clock::Now;
use super::frame::Trailer;
use super::member::{Closing, Member, Phase};
use super::outbox::Sink;
use super::subscribing::Start;
use super::wire::Wire;
use crate::connection::rate::Verdict;

/// Requests that may wait for a replay to end.
const DEFERRED_MAX: usize = 64;

impl<S: Sink> Shard<S> {
    /// Takes a connection in and welcomes it.
    pub fn connect(
        &mut self,
        sink: S,
        wire: impl Into<Wire>,
        heartbeat_ms: u32,
        now: Now,
    ) -> ConnectionId {
        let mut member = Member::new(sink, wire.into(), 0, now);
        // The first heartbeats of many connections that came at once are spread over a period.
        let spread = self.random() % (u64::from(heartbeat_ms) * 1000).max(1);
        member.heartbeat_ms = heartbeat_ms;
        member.heartbeat_at_us = now.clock_us + u64::from(heartbeat_ms) * 1000 - spread / 2;
        let id = self.admit(member);
        let welcome = Control::Welcome {
            epoch: self.market.epoch().to_string(),
            offset: self.position,
            heartbeat_ms,
            limits: self.limits,
        };
        self.send_control(id, &welcome, now);
        self.arrange_look(id, now);
        id
    }

    /// Counts a connection and gives it its number.
    pub(super) fn admit(&mut self, mut member: Member<S>) -> ConnectionId {
        self.generation += 1;
        member.generation = self.generation;
        self.counters.connections(member.transport).add(1);
        self.counters.connections_total(member.transport).add(1);
        self.members.insert(member)
    }

    /// Carries out a client's message.
    pub fn message(&mut self, id: ConnectionId, format: Format, message: &[u8], now: Now) {
        self.heard(id, now);
        let Some(member) = self.members.get_mut(id).filter(|member| member.is_open()) else {
            return;
        };
        if member.wire.format() != format {
            let reason = match format {
                Format::Json => "text on a MessagePack connection",
                Format::Msgpack => "binary on a JSON connection",
            };
            return self.close_with(id, CloseCode::WrongKind, reason, now);
        }
        match member.rate.take(self.limits.messages_per_s, now.clock_us) {
            Verdict::Allowed => match parse_request(format, message) {
                Ok(request) => self.request(id, request, now),
                Err(rejection) => self.reject(id, rejection, now),
            },
            Verdict::Refused => {
                let request_id = parse_request(format, message).map_or_else(|r| r.id, |r| r.id);
                let per_s = self.limits.messages_per_s;
                let message =
                    format!("more than {per_s} requests a second; this one was not carried out");
                let rejection = Rejection::new(ErrorCode::RateLimited, message);
                self.reject(id, Rejection { id: request_id, ..rejection }, now);
            }
            Verdict::Excessive => {
                self.close_with(id, CloseCode::RateLimited, "too many requests", now);
            }
        }
    }

    /// Carries out a request that was understood.
    pub fn request(&mut self, id: ConnectionId, request: Request, now: Now) {
        if self.must_defer(id, &request) {
            return self.defer(id, request, now);
        }
        self.counters.requests.add(1);
        let request_id = request.id;
        let done = match request.op {
            Op::Subscribe(subscribe) => self.subscribe(id, request_id.clone(), subscribe, now),
            Op::Unsubscribe(unsubscribe) => {
                self.unsubscribe(id, request_id.clone(), &unsubscribe, now)
            }
            Op::List => {
                let subscriptions = self.members[id].subscriptions.list(&self.universe);
                let answer = Control::Subscriptions { id: request_id.clone(), subscriptions };
                self.send_control(id, &answer, now);
                Ok(())
            }
            Op::Ping => {
                let pong = Control::Pong { id: request_id.clone(), ts: now.wall_us };
                self.send_control(id, &pong, now);
                Ok(())
            }
            Op::Auth { .. } => {
                let answer = Control::Authenticated { id: request_id.clone(), expires: None };
                self.send_control(id, &answer, now);
                Ok(())
            }
        };
        if let Err(rejection) = done {
            self.reject(id, Rejection { id: request_id, ..rejection }, now);
        }
    }

    /// The client has sent a Close frame.
    pub fn peer_closed(&mut self, id: ConnectionId, code: Option<u16>, now: Now) {
        match self.phase(id) {
            Some(Phase::Open) => {
                self.close(id, Closing { code, reason: String::new() }, now);
            }
            Some(Phase::Closing { .. } | Phase::Dead) | None => {}
        }
    }

    /// Closes with a code and a reason for people.
    pub fn close_with(&mut self, id: ConnectionId, code: CloseCode, reason: &str, now: Now) {
        self.close(id, Closing { code: Some(code.number()), reason: reason.to_owned() }, now);
    }

    /// Says goodbye to everybody: what waits goes first where the socket takes it, then `bye`, then 1012. Clients are told
    /// to come back at times spread over `retry_ms`.
    pub fn shut_down(&mut self, retry_ms: std::ops::Range<u64>, now: Now) {
        let ids: Vec<_> = self.members.iter().map(|(id, _)| id).collect();
        for id in ids {
            if !self.members[id].is_open() {
                continue;
            }
            if self.is_waiting(id) {
                self.members[id].sink.want_writable();
                continue;
            }
            self.detach(id);
            for place in 0..self.members[id].memberships.len() {
                let audience = self.members[id].memberships[place].audience;
                if let Some(private) = self.private_mut(id, audience) {
                    private.is_due = true;
                }
            }
            let span = (retry_ms.end - retry_ms.start).max(1);
            let retry_ms = retry_ms.start + self.random() % span;
            self.writable(id, now);
            self.members[id].farewell_ms = Some(retry_ms);
            self.say_goodbye(id, now);
        }
    }

    /// Sends the goodbye that is owed, if the socket takes it now; otherwise it follows what the socket did not take.
    pub(super) fn say_goodbye(&mut self, id: ConnectionId, now: Now) {
        let member = &mut self.members[id];
        if member.is_blocked() || !member.is_open() {
            return;
        }
        let Some(retry_ms) = member.farewell_ms.take() else { return };
        let code = CloseCode::Restart.number();
        let cursor = self.cursor(self.sent(id));
        let trailer = Trailer { upto: Some(cursor.offset), retry_ms: Some(retry_ms) };
        self.send_control_with(id, &Control::Bye { code, retry_ms, cursor }, trailer, now);
        self.members[id].farewell_is_sent = true;
        self.close_after_goodbye(id, now);
    }

    /// Closes once `bye` is out.
    pub(super) fn close_after_goodbye(&mut self, id: ConnectionId, now: Now) {
        let member = &self.members[id];
        if member.farewell_is_sent && !member.is_blocked() {
            self.close_with(id, CloseCode::Restart, "restart", now);
        }
    }

    fn reject(&mut self, id: ConnectionId, rejection: Rejection, now: Now) {
        self.counters.requests_refused.add(1);
        let Rejection { id: request_id, code, message } = rejection;
        let error = Control::Error { id: request_id, code, msg: message };
        self.send_control(id, &error, now);
    }

    /// Changes of subscriptions wait while a replay runs or too much is unsent; and a cursor that another shard gave out a
    /// moment ago waits until this one has got there.
    fn must_defer(&self, id: ConnectionId, request: &Request) -> bool {
        let changes = matches!(request.op, Op::Subscribe(_) | Op::Unsubscribe(_));
        if !changes {
            return false;
        }
        let member = &self.members[id];
        let unsent = member.outbox.as_ref().map_or(0, |outbox| outbox.bytes());
        let is_ahead = match &request.op {
            Op::Subscribe(Subscribe { since: Some(cursor), .. }) => {
                matches!(self.start(Some(cursor)), Start::After(offset) if offset > self.position)
            }
            _ => false,
        };
        is_ahead
            || member.deferred.as_ref().is_some_and(|deferred| !deferred.is_empty())
            || unsent > self.limits.backlog_bytes as usize
            || self.privates(id).any(|(_, private)| private.replay.is_some())
    }

    fn defer(&mut self, id: ConnectionId, request: Request, now: Now) {
        let deferred = self.members[id].deferred.get_or_insert_default();
        if deferred.len() < DEFERRED_MAX {
            deferred.push(request);
            self.unsettled.push(id);
        } else {
            let message =
                "too many requests wait for a replay to end; this one was not carried out";
            let rejection = Rejection::new(ErrorCode::RateLimited, message);
            self.reject(id, Rejection { id: request.id, ..rejection }, now);
        }
    }

    /// Carries out what was deferred, as far as it can be now.
    pub(super) fn run_deferred(&mut self, id: ConnectionId, now: Now) {
        let Some(deferred) = self.members[id].deferred.take() else { return };
        let mut waiting = deferred.into_iter();
        while let Some(request) = waiting.next() {
            if self.must_defer(id, &request) {
                let left: Vec<_> = std::iter::once(request).chain(waiting).collect();
                self.members[id].deferred = Some(Box::new(left));
                self.unsettled.push(id);
                return;
            }
            self.request(id, request, now);
            if !self.members[id].is_open() {
                return;
            }
        }
    }
}
