//! Subscribing and unsubscribing. Carried out between two batches, at the shard's own position: a snapshot or a replay up to
//! there, and what follows out of the queue, fit together without gap or repeat.

use feed_protocol::{
    Channel, ChannelSet, Control, Cursor, ErrorCode, Event, Format, Record, Rejection, RequestId,
    Subscribe, Unsubscribe,
};

use super::Shard;
use super::audience::{Behaviour, ConnectionId, Key, Topic};
use super::backlog::Out;
use super::bars::BarPositions;
use super::clock::Now;
use super::frame::Trailer;
use super::outbox::Sink;
use super::private::{Private, Waits};
use super::replay::{Replay, Replayed};
use super::wire::Wire;
use crate::connection::names::{Names, topics_of};
use crate::connection::subscriptions::Manner;

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the present.
    Present,
    /// After this offset.
    After(u64),
    /// With a cursor of which nothing is known here.
    Unknown,
}

/// The topics of a request, by what the connection holds already.
#[derive(Debug, Default)]
struct Division {
    /// Held, with everything that is wanted: they only change their subscription.
    moved: Vec<Topic>,
    /// Held, but from later on than the cursor: they start again there. What waits of them is in what is sent again.
    again: Vec<Topic>,
    /// Not held, or to start again.
    fresh: Vec<Topic>,
}

impl<S: Sink> Shard<S> {
    pub(super) fn subscribe(
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
        let start = self.start(subscribe.since.as_ref());
        let wanted = topics_of(&names, subscribe.channels, &universe);
        let Division { moved, again, fresh } = self.divide(id, start, wanted);
        let (replay, recovered) = self.plan_start(start, &fresh);
        let after = match start {
            Start::After(offset) if recovered == Some(true) => offset,
            _ => self.position,
        };
        let mut subscriptions = self.members[id].subscriptions.clone();
        subscriptions.subscribe(&names, subscribe.channels, manner, after, &universe);
        self.check_names(subscriptions.names())?;

        self.detach(id);
        self.absorb(id);
        self.discard_topics(id, &again);
        let mut frames = self.drain_topics(id, &moved);
        self.members[id].subscriptions = subscriptions;
        self.regroup(id, now);

        let cursor = match (start, subscribe.since) {
            (Start::After(_), Some(since)) if recovered == Some(true) => since,
            _ => self.cursor(self.position),
        };
        let wire = self.members[id].wire;
        let format = wire.format();
        let answer = Control::Subscribed {
            id: request_id,
            symbols: subscribe.symbols,
            channels: channel_names(subscribe.channels),
            mode: subscribe.mode,
            cursor,
            recovered,
            table: (format == Format::Msgpack).then(|| self.table(&names)),
        };
        let (wants_snapshot, from) = match start {
            Start::Present => (subscribe.snapshot, self.position),
            Start::Unknown => (true, self.position),
            Start::After(offset) => (false, offset),
        };
        let snapshot = if wants_snapshot { self.snapshot(&fresh) } else { Vec::new() };
        // The splice point is a cursor once the snapshot has come.
        let valid = if snapshot.is_empty() { Trailer::upto(from) } else { Trailer::default() };
        frames.extend(self.control_frame(wire, &answer, valid));
        frames.extend(self.plain_frames(wire, &snapshot, Trailer::upto(from)));
        frames.extend(self.start_bars(id, wire, &fresh, subscribe.snapshot));
        self.send(id, frames, now);
        if let Some(replay) = replay {
            self.start_replay(id, manner, replay);
        }
        if self.members.contains(id) {
            self.settle(id, now);
        }
        Ok(())
    }

    pub(super) fn unsubscribe(
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
        self.absorb(id);
        self.discard_topics(id, &topics);
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

    /// Divides what a request wants by what the connection holds already.
    fn divide(&self, id: ConnectionId, start: Start, wanted: Vec<Topic>) -> Division {
        let subscriptions = &self.members[id].subscriptions;
        let held = subscriptions.topics(&self.universe);
        let mut division = Division::default();
        if held.is_empty() {
            return Division { fresh: wanted, ..division };
        }
        let covered = match start {
            Start::Present => held.clone(),
            Start::After(offset) => subscriptions.topics_after(offset, &self.universe),
            // Whoever comes with a cursor of which nothing is known has nothing that it could rely on.
            Start::Unknown => Vec::new(),
        };
        for topic in wanted {
            if covered.binary_search(&topic).is_ok() {
                division.moved.push(topic);
            } else {
                if held.binary_search(&topic).is_ok() {
                    division.again.push(topic);
                }
                division.fresh.push(topic);
            }
        }
        division
    }

    /// Discards what waits of some topics.
    fn discard_topics(&mut self, id: ConnectionId, topics: &[Topic]) {
        for place in 0..self.members[id].memberships.len() {
            let audience = self.members[id].memberships[place].audience;
            if let Some(private) = self.private_mut(id, audience) {
                topics.iter().for_each(|topic| private.discard(*topic));
            }
        }
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
        let wire = self.members[id].wire;
        for place in 0..self.members[id].memberships.len() {
            let audience = self.members[id].memberships[place].audience;
            let Some(private) = self.private_mut(id, audience) else { continue };
            match &mut private.waits {
                Waits::Merged(backlog) => {
                    let mut moved = backlog.split_off(topics.iter().filter_map(|t| t.event()));
                    let mut records = Vec::new();
                    while !moved.is_empty() {
                        self.take_second(id, wire, &mut moved, &mut records, &mut frames);
                    }
                }
                Waits::Raw(queue) => {
                    queue.bytes = 0;
                    let items = std::mem::take(&mut queue.items);
                    let replayed: Vec<_> = items.into_iter().map(|(item, _)| item.into()).collect();
                    frames.extend(self.plain_frames(wire, &replayed, Trailer::default()));
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
        let wire = self.members[id].wire;
        for (behaviour, selection) in self.members[id].subscriptions.selections(&self.universe) {
            let kept = old.iter().position(|(b, _)| *b == behaviour).map(|at| old.swap_remove(at));
            let mut private = kept.map_or_else(|| Private::new(behaviour), |(_, private)| private);
            if let Waits::Bars(positions) = &mut private.waits {
                // A bar that moves to another period goes on from what was sent of it.
                positions.clone_from(&bars);
                positions.retain(&selection);
            }
            let audience = self.directory.find_or_insert(Key { wire, behaviour, selection });
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
        wire: Wire,
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
        self.counters.messages(wire.transport()).add(bars.len() as u64);
        self.bar_frame(wire, &bars)
    }

    fn table(&self, names: &Names) -> Vec<feed_protocol::TableRow> {
        let row = |id: feed_protocol::SymbolId| {
            let symbol = self.universe.get(id);
            (id.0, symbol.name.to_string(), symbol.places)
        };
        names.expand(&self.universe).into_iter().map(row).collect()
    }

    pub(super) fn start(&self, since: Option<&Cursor>) -> Start {
        match since {
            None => Start::Present,
            Some(cursor) => {
                let is_known =
                    cursor.epoch == *self.market.epoch() && cursor.offset <= self.market.head();
                if is_known { Start::After(cursor.offset) } else { Start::Unknown }
            }
        }
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
