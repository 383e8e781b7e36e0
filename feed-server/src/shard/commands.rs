//! What clients ask for: connecting, subscribing with a snapshot or a replay, unsubscribing, listing, pinging.
//! A command is carried out between two batches, at the shard's own position, so that what it answers and what follows
//! fit together without gap or repeat.

use feed_protocol::{
    Channel, ChannelSet, CloseCode, Control, Cursor, ErrorCode, Event, Format, Op, Record,
    Rejection, Request, RequestId, Subscribe, Unsubscribe, parse_request,
};

use super::Shard;
use super::audience::{Behaviour, ConnectionId, Key, Topic};
use super::backlog::Out;
use super::bars::BarPositions;
use super::clock::Now;
use super::member::{Closing, Member, Phase};
use super::outbox::Sink;
use super::private::{Private, Waits};
use super::replay::{Replay, Replayed};
use crate::connection::rate::{RateLimit, Verdict};
use crate::connection::subscriptions::{Manner, Names, Subscriptions, topics_of};

/// Requests that may wait for a replay to end.
const DEFERRED_MAX: usize = 64;

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// At the present.
    Present,
    /// After this offset.
    After(u64),
    /// With a cursor of which nothing is known here.
    Unknown,
}

impl<S: Sink> Shard<S> {
    /// Takes a connection in and welcomes it.
    pub fn connect(
        &mut self,
        sink: S,
        format: Format,
        heartbeat_ms: u32,
        now: Now,
    ) -> ConnectionId {
        self.generation += 1;
        // The first heartbeats of many connections that came at once are spread over a period.
        let spread = self.random() % (u64::from(heartbeat_ms) * 1000).max(1);
        let id = self.members.insert(Member {
            sink,
            format,
            phase: Phase::Open,
            owes_heartbeat: false,
            heartbeat_ms,
            heartbeat_at_us: now.clock_us + u64::from(heartbeat_ms) * 1000 - spread / 2,
            heard_us: now.clock_us,
            pinged_us: 0,
            merged: 0,
            rate: RateLimit::default(),
            subscriptions: Subscriptions::default(),
            memberships: Vec::new(),
            outbox: None,
            deferred: None,
            generation: self.generation,
        });
        self.counters.connections.set(self.members.len() as u64);
        self.counters.connections_total.add(1);
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

    /// Carries out a client's message.
    pub fn message(&mut self, id: ConnectionId, format: Format, message: &[u8], now: Now) {
        self.heard(id, now);
        let Some(member) = self.members.get_mut(id).filter(|member| member.is_open()) else {
            return;
        };
        if member.format != format {
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
            self.detach(id);
            for place in 0..self.members[id].memberships.len() {
                let audience = self.members[id].memberships[place].audience;
                if let Some(private) = self.private_mut(id, audience) {
                    private.is_due = true;
                }
            }
            self.writable(id, now);
            let span = (retry_ms.end - retry_ms.start).max(1);
            let retry_ms = retry_ms.start + self.random() % span;
            let code = CloseCode::Restart.number();
            if self.members[id].is_open() && !self.members[id].is_blocked() {
                let cursor = self.market.cursor(self.sent(id));
                self.send_control(id, &Control::Bye { code, retry_ms, cursor }, now);
            }
            self.close(id, Closing { code: Some(code), reason: "restart".into() }, now);
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

    fn start(&self, since: Option<&Cursor>) -> Start {
        match since {
            None => Start::Present,
            Some(cursor) => {
                let is_known =
                    cursor.epoch == *self.market.epoch() && cursor.offset <= self.market.head();
                if is_known { Start::After(cursor.offset) } else { Start::Unknown }
            }
        }
    }

    fn subscribe(
        &mut self,
        id: ConnectionId,
        request_id: Option<RequestId>,
        subscribe: Subscribe,
        now: Now,
    ) -> Result<(), Rejection> {
        let universe = self.universe.clone();
        let names = Names::resolve(&subscribe.symbols, &universe)?;
        let manner = Manner {
            mode: subscribe.mode,
            interval_ms: subscribe.interval_ms,
            on_slow: subscribe.on_slow,
        };
        let held = self.members[id].subscriptions.topics(&universe);
        let mut subscriptions = self.members[id].subscriptions.clone();
        subscriptions.subscribe(&names, subscribe.channels, manner, &universe);
        self.check_names(subscriptions.names())?;
        let wanted = topics_of(&names, subscribe.channels, &universe);
        let (moved, fresh): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|topic| held.binary_search(topic).is_ok());

        self.detach(id);
        let mut frames = self.drain_topics(id, &moved);
        self.members[id].subscriptions = subscriptions;
        self.regroup(id, now);

        let start = self.start(subscribe.since.as_ref());
        let (replay, recovered) = self.plan_start(start, &fresh);
        let cursor = match (start, subscribe.since) {
            (Start::After(_), Some(since)) if recovered == Some(true) => since,
            _ => self.market.cursor(self.position),
        };
        let format = self.members[id].format;
        let answer = Control::Subscribed {
            id: request_id,
            symbols: subscribe.symbols,
            channels: channel_names(subscribe.channels),
            mode: subscribe.mode,
            cursor,
            recovered,
            table: (format == Format::Msgpack).then(|| self.table(&names)),
        };
        frames.extend(self.control_frame(format, &answer));
        let snapshot = match start {
            Start::Present => subscribe.snapshot,
            Start::Unknown => true,
            Start::After(_) => false,
        };
        if snapshot {
            let snapshot = self.snapshot(&fresh);
            frames.extend(self.plain_frames(format, &snapshot));
        }
        frames.extend(self.start_bars(id, format, &fresh, subscribe.snapshot));
        self.send(id, frames, now);
        if let Some(replay) = replay {
            self.start_replay(id, manner, replay);
        }
        if self.members.contains(id) {
            self.settle(id, now);
        }
        Ok(())
    }

    fn unsubscribe(
        &mut self,
        id: ConnectionId,
        request_id: Option<RequestId>,
        unsubscribe: &Unsubscribe,
        now: Now,
    ) -> Result<(), Rejection> {
        let universe = self.universe.clone();
        let names = Names::resolve_known(&unsubscribe.symbols, &universe);
        let mut subscriptions = self.members[id].subscriptions.clone();
        subscriptions.unsubscribe(&names, unsubscribe.channels, &universe);
        let topics = topics_of(&names, unsubscribe.channels, &universe);
        self.detach(id);
        for place in 0..self.members[id].memberships.len() {
            let audience = self.members[id].memberships[place].audience;
            if let Some(private) = self.private_mut(id, audience) {
                topics.iter().for_each(|topic| private.discard(*topic));
            }
        }
        self.members[id].subscriptions = subscriptions;
        self.regroup(id, now);
        let answer = Control::Unsubscribed {
            id: request_id,
            symbols: unsubscribe.symbols.clone(),
            channels: channel_names(unsubscribe.channels),
        };
        self.send_control(id, &answer, now);
        self.settle(id, now);
        Ok(())
    }

    /// Whether a connection may hold so many names.
    pub(crate) fn check_names(&self, names: usize) -> Result<(), Rejection> {
        let most = self.limits.symbols;
        if names <= most as usize {
            return Ok(());
        }
        let message = format!(
            "{names} names on this connection, at most {most}; use patterns, or several connections"
        );
        Err(Rejection::new(ErrorCode::TooManySymbols, message))
    }

    /// Takes what waits of some topics out of a member's own states, as frames that leave before anything else.
    fn drain_topics(&mut self, id: ConnectionId, topics: &[Topic]) -> Vec<u8> {
        let mut frames = Vec::new();
        if topics.is_empty() {
            return frames;
        }
        let format = self.members[id].format;
        for place in 0..self.members[id].memberships.len() {
            let audience = self.members[id].memberships[place].audience;
            let Some(private) = self.private_mut(id, audience) else { continue };
            match &mut private.waits {
                Waits::Merged(backlog) => {
                    let mut moved = backlog.split_off(topics.iter().filter_map(|t| t.event()));
                    let mut records = Vec::new();
                    while !moved.is_empty() {
                        self.take_second(id, format, &mut moved, &mut records, &mut frames);
                    }
                }
                Waits::Raw(queue) => {
                    queue.bytes = 0;
                    let items = std::mem::take(&mut queue.items);
                    let replayed: Vec<_> = items.into_iter().map(|(item, _)| item.into()).collect();
                    frames.extend(self.plain_frames(format, &replayed));
                }
                Waits::Bars(_) => {}
            }
        }
        frames
    }

    /// Brings a detached member's audiences in line with its subscriptions; what waits in a manner that it keeps, stays.
    fn regroup(&mut self, id: ConnectionId, now: Now) {
        let mut old: Vec<(Behaviour, Private)> = Vec::new();
        let mut bars = BarPositions::default();
        while let Some(membership) = self.members[id].memberships.last().copied() {
            let behaviour = self.directory.get(membership.audience).key.behaviour;
            match self.leave(id, membership.audience) {
                Some(Private { waits: Waits::Bars(positions), .. }) => bars.adopt(positions),
                private => old.extend(private.map(|private| (behaviour, private))),
            }
        }
        let format = self.members[id].format;
        for (behaviour, selection) in self.members[id].subscriptions.selections(&self.universe) {
            let kept = old.iter().position(|(b, _)| *b == behaviour).map(|at| old.swap_remove(at));
            let mut private = kept.map_or_else(|| Private::new(behaviour), |(_, private)| private);
            if let Waits::Bars(positions) = &mut private.waits {
                // A bar that moves to another period goes on from what was sent of it.
                positions.clone_from(&bars);
                positions.retain(&selection);
            }
            let audience = self.directory.find_or_insert(Key { format, behaviour, selection });
            self.join_private(id, audience, private, now);
        }
    }

    /// What comes first of fresh topics: a replay if there is a cursor, and the contract's `recovered`.
    fn plan_start(&self, start: Start, fresh: &[Topic]) -> (Option<Replay>, Option<bool>) {
        match start {
            Start::Present => (None, None),
            Start::Unknown => (None, Some(false)),
            Start::After(offset) => {
                let topics = fresh.iter().copied();
                let (replay, recovered) =
                    Replay::plan(topics, offset, self.position, &self.latest, &self.market);
                (Some(replay), Some(recovered))
            }
        }
    }

    fn start_replay(&mut self, id: ConnectionId, manner: Manner, replay: Replay) {
        let Some(member) = self.members.get(id) else { return };
        let audience =
            member.memberships.iter().map(|m| m.audience).find(|audience| {
                self.directory.get(*audience).key.behaviour == Behaviour::of(manner)
            });
        if let Some(private) = audience.and_then(|audience| self.private_mut(id, audience)) {
            private.replay = Some(Box::new(replay));
        }
    }

    /// The newest event of each topic, in increasing order of offsets.
    pub(crate) fn snapshot(&self, topics: &[Topic]) -> Vec<Replayed> {
        let newest = |topic: &Topic| {
            let (symbol, channel) = topic.event()?;
            self.latest.get(symbol, channel).map(|newest| newest.event)
        };
        let mut events: Vec<Event> = topics.iter().filter_map(newest).collect();
        events.sort_unstable_by_key(|event| event.offset);
        let snap = |event| Replayed { out: Out::Record(Record::Event(event)), snap: true };
        events.into_iter().map(snap).collect()
    }

    /// Notes where the bars of fresh topics start; with `snapshot`, their newest states as frames.
    fn start_bars(
        &mut self,
        id: ConnectionId,
        format: Format,
        fresh: &[Topic],
        snapshot: bool,
    ) -> Vec<u8> {
        let mut bars = Vec::new();
        for place in 0..self.members[id].memberships.len() {
            let audience = self.members[id].memberships[place].audience;
            let Some(at) = self.private_place(id, audience) else { continue };
            let source = self.directory.get_mut(audience);
            let key = source.key.clone();
            let Waits::Bars(positions) = &mut source.private[at].1.waits else { continue };
            let topics = fresh.iter().copied();
            let topics = topics.filter(|topic| topic.is_bar() && key.selection.contains(*topic));
            positions.snapshot(topics, &self.market, &mut bars);
        }
        if !snapshot || bars.is_empty() {
            return Vec::new();
        }
        self.counters.messages.add(bars.len() as u64);
        self.bar_frame(format, &bars)
    }

    fn table(&self, names: &Names) -> Vec<feed_protocol::TableRow> {
        let row = |id: feed_protocol::SymbolId| {
            let symbol = self.universe.get(id);
            (id.0, symbol.name.to_string(), symbol.places)
        };
        names.expand(&self.universe).into_iter().map(row).collect()
    }
}

impl Behaviour {
    /// How events of a subscription in this manner are sent.
    #[must_use]
    pub fn of(manner: Manner) -> Self {
        let Manner { mode, interval_ms, on_slow } = manner;
        match mode {
            feed_protocol::Mode::Every => Self::Every(on_slow),
            feed_protocol::Mode::Latest => Self::Latest { interval_ms, on_slow },
        }
    }
}

/// The names of a set of channels.
pub(crate) fn channel_names(channels: ChannelSet) -> Vec<String> {
    channels.iter().map(|channel: Channel| channel.as_str().to_owned()).collect()
}
