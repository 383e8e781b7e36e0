//! Audiences: connections that are to be sent the same messages in the same format and manner. Their frames are built once.
//! The directory finds the audiences of an event: an index by topic, and a list for those who take all symbols.
//! Pure bookkeeping: knows connections by number only, sends nothing.

use std::rc::Rc;

use feed_protocol::{
    Channel, ChannelSet, Event, EventChannel, Interval, OnSlow, SymbolId, Universe,
};
use rustc_hash::FxHashMap;
use slab::Slab;

use super::backlog::Backlog;
use super::bars::BarPositions;
use super::counters::Transport;
use super::private::Private;
use super::wire::Wire;

/// A connection's number within its shard.
pub type ConnectionId = usize;
/// An audience's number within its shard.
pub type AudienceId = usize;

/// A symbol and channel as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(u32);

impl Topic {
    /// The topic of `symbol` and `channel`.
    #[must_use]
    pub fn new(symbol: SymbolId, channel: Channel) -> Self {
        Self(symbol.0 * u32::from(Channel::COUNT) + u32::from(channel.index()))
    }

    /// The topic of an event.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self::new(event.symbol, Channel::Events(event.channel()))
    }

    /// Its symbol.
    #[must_use]
    pub fn symbol(self) -> SymbolId {
        SymbolId(self.0 / u32::from(Channel::COUNT))
    }

    /// Its channel.
    #[must_use]
    pub fn channel(self) -> Channel {
        let index = (self.0 % u32::from(Channel::COUNT)) as u8;
        Channel::from_index(index).expect("made from a channel")
    }

    /// Whether it is about bars.
    #[must_use]
    pub fn is_bar(self) -> bool {
        matches!(self.channel(), Channel::Bars(_))
    }

    /// Symbol and channel, if it is about events.
    #[must_use]
    pub fn event(self) -> Option<(SymbolId, EventChannel)> {
        match self.channel() {
            Channel::Events(channel) => Some((self.symbol(), channel)),
            Channel::Bars(_) => None,
        }
    }

    /// Symbol and interval, if it is about bars.
    #[must_use]
    pub fn bar(self) -> Option<(SymbolId, Interval)> {
        match self.channel() {
            Channel::Bars(interval) => Some((self.symbol(), interval)),
            Channel::Events(_) => None,
        }
    }
}

/// In which manner an audience takes its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Each event, in order.
    Every(OnSlow),
    /// Merged, at most every `interval_ms`.
    Latest {
        /// 0 is as fast as the connection takes them.
        interval_ms: u32,
        /// When the connection does not keep up.
        on_slow: OnSlow,
    },
    /// Forming bars at most every `period_ms`, and each final one.
    Bars {
        /// At least [`super::bars::PERIOD_MS_MIN`].
        period_ms: u32,
    },
    /// Not sent anything, only told that something has happened: long polls.
    Wake,
}

impl Behaviour {
    /// Time between two flushes, if it is flushed by the clock.
    #[must_use]
    pub fn period_ms(self) -> Option<u32> {
        match self {
            Self::Every(_) | Self::Wake => None,
            Self::Latest { interval_ms, .. } => (interval_ms > 0).then_some(interval_ms),
            Self::Bars { period_ms } => Some(period_ms),
        }
    }
}

/// A set of topics: some channels of all symbols, and single topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    all: ChannelSet,
    some: Vec<Topic>,
}

impl Selection {
    /// Adds topics; [`normalise`](Self::normalise) before use.
    pub fn extend(&mut self, all: ChannelSet, some: Vec<Topic>) {
        self.all.0 |= all.0;
        self.some.extend(some);
    }

    /// Brings it into the one form by which equal sets are equal.
    pub fn normalise(&mut self) {
        let all = self.all;
        self.some.retain(|topic| !all.contains(topic.channel()));
        self.some.sort_unstable();
        self.some.dedup();
        self.some.shrink_to_fit();
    }

    /// Whether `topic` is in it.
    #[must_use]
    pub fn contains(&self, topic: Topic) -> bool {
        self.all.contains(topic.channel()) || self.some.binary_search(&topic).is_ok()
    }

    /// Every topic of it, in no particular order, none twice.
    pub fn expand<'a>(&'a self, universe: &'a Universe) -> impl Iterator<Item = Topic> + 'a {
        let all = self.all;
        let symbols = if all.is_empty() { 0 } else { universe.len() };
        let whole = universe.iter().take(symbols).flat_map(move |(symbol, _)| {
            all.iter().map(move |channel| Topic::new(symbol, channel))
        });
        whole.chain(self.some.iter().copied())
    }
}

/// What members of an audience have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// How frames stand on the connections.
    pub wire: Wire,
    /// The manner.
    pub behaviour: Behaviour,
    /// The topics.
    pub selection: Selection,
}

/// Connections with equal wishes. What each frame needs comes first, in one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Audience {
    /// Members that have everything so far: they share what is built for the audience.
    pub attached: Vec<ConnectionId>,
    /// Members with something of their own still to come.
    pub private: Vec<(ConnectionId, Private)>,
    /// That of the key.
    pub wire: Wire,
    /// What they wish.
    pub key: Rc<Key>,
    /// Places of the journal that such a member may still be owed, in order: see [`Private::owed_from`].
    pub owed: Vec<u64>,
    /// `Latest`: what waits for the attached members.
    pub shared: Backlog,
    /// `Bars`: what the attached members were sent last.
    pub bars: BarPositions,
    /// `Bars`: when it was flushed last, µs of the shard's clock.
    pub flushed_us: u64,
    /// Whether a flush by the clock is arranged.
    pub is_scheduled: bool,
    /// Whether it is among those to be flushed after the current batch; not used of those that are marked with places only.
    pub is_touched: bool,
    /// Tells this audience from an earlier one with the same number.
    pub generation: u32,
}

impl Audience {
    /// What its members are counted as.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.key.behaviour {
            Behaviour::Wake => Transport::LongPoll,
            _ => self.key.wire.transport(),
        }
    }
}

/// What an event changes of an audience that takes it. Apart from everything else, as it is touched for each message that is
/// delivered: 32 bytes.
#[derive(Debug, Default)]
pub struct Marks {
    /// `Every`: places in the current batch that members are to be sent.
    pub pending: Vec<u32>,
    /// Whether nobody of the audience needs more than the place of an event: `Every` that merges for the slow.
    pub places_only: bool,
}

/// All audiences of a shard.
#[derive(Debug)]
pub struct Directory {
    audiences: Slab<Audience>,
    /// By audience.
    marks: Vec<Marks>,
    by_key: FxHashMap<Rc<Key>, AudienceId>,
    /// By symbol and [`Lane`].
    index: Vec<Vec<u32>>,
    /// Audiences that take a whole channel, by [`Lane`].
    all: [Vec<u32>; LANES],
    generation: u32,
}

/// Places in the index a symbol has: one a channel of events, and one for bars of any interval, which trades change.
const LANES: usize = 4;
const BARS_LANE: usize = 3;

impl Directory {
    /// For a universe of `symbols` symbols.
    #[must_use]
    pub fn new(symbols: usize) -> Self {
        Self {
            audiences: Slab::new(),
            marks: Vec::new(),
            by_key: FxHashMap::default(),
            index: vec![Vec::new(); symbols * LANES],
            all: Default::default(),
            generation: 0,
        }
    }

    /// The audience with these wishes; made if there is none.
    pub fn find_or_insert(&mut self, key: Key) -> AudienceId {
        if let Some(&id) = self.by_key.get(&key) {
            return id;
        }
        let key = Rc::new(key);
        self.generation += 1;
        let id = self.audiences.insert(Audience {
            wire: key.wire,
            key: key.clone(),
            attached: Vec::new(),
            private: Vec::new(),
            owed: Vec::new(),
            shared: Backlog::default(),
            bars: BarPositions::default(),
            flushed_us: 0,
            is_scheduled: false,
            is_touched: false,
            generation: self.generation,
        });
        if self.marks.len() <= id {
            self.marks.resize_with(id + 1, Marks::default);
        }
        let places_only = key.behaviour == Behaviour::Every(OnSlow::Merge);
        self.marks[id] = Marks { pending: Vec::new(), places_only };
        let entry = u32::try_from(id).expect("fewer than 2^32 audiences");
        each_list(&key.selection, |list| match list {
            List::Whole(lane) => self.all[lane].push(entry),
            List::Symbol(place) => self.index[place].push(entry),
        });
        self.by_key.insert(key, id);
        id
    }

    /// Removes an audience that has no members any more.
    pub fn remove_if_empty(&mut self, id: AudienceId) {
        let Some(audience) = self.audiences.get(id) else { return };
        if !audience.attached.is_empty() || !audience.private.is_empty() {
            return;
        }
        let audience = self.audiences.remove(id);
        self.marks[id] = Marks::default();
        self.by_key.remove(&audience.key);
        let without = |list: &mut Vec<u32>| {
            if let Some(place) = list.iter().position(|entry| *entry as usize == id) {
                list.swap_remove(place);
            }
            if list.is_empty() {
                *list = Vec::new();
            }
        };
        each_list(&audience.key.selection, |list| match list {
            List::Whole(lane) => without(&mut self.all[lane]),
            List::Symbol(place) => without(&mut self.index[place]),
        });
    }

    /// How many audiences there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.audiences.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.audiences.is_empty()
    }

    /// An audience that exists.
    #[must_use]
    pub fn get(&self, id: AudienceId) -> &Audience {
        &self.audiences[id]
    }

    /// An audience that exists.
    pub fn get_mut(&mut self, id: AudienceId) -> &mut Audience {
        &mut self.audiences[id]
    }

    /// An audience, if it still exists.
    pub fn find(&self, id: AudienceId) -> Option<&Audience> {
        self.audiences.get(id)
    }

    /// An audience, if it still exists.
    pub fn find_mut(&mut self, id: AudienceId) -> Option<&mut Audience> {
        self.audiences.get_mut(id)
    }

    /// What is marked for an audience.
    #[must_use]
    pub fn marks(&self, id: AudienceId) -> &Marks {
        &self.marks[id]
    }

    /// What is marked for an audience.
    pub fn marks_mut(&mut self, id: AudienceId) -> &mut Marks {
        &mut self.marks[id]
    }

    /// Marks an event of this topic, at this place of the batch: adds to `touched` the audiences that had nothing marked, and
    /// calls `other`, which does that itself, with those that need more than a mark; with all of them if the event is to be
    /// merged for everybody, which no event of the same batch may be that is not.
    #[inline]
    pub fn mark(
        &mut self,
        (symbol, channel): (SymbolId, EventChannel),
        place: u32,
        conflate: bool,
        touched: &mut Vec<AudienceId>,
        mut other: impl FnMut(AudienceId, &mut Audience, &mut Vec<u32>, &mut Vec<AudienceId>),
    ) {
        let Self { audiences, marks, index, all, .. } = self;
        let lane = channel as usize;
        for list in [&index[symbol.index() * LANES + lane], &all[lane]] {
            for &entry in list {
                let id = entry as usize;
                let Marks { pending, places_only } = &mut marks[id];
                if *places_only && !conflate {
                    if pending.is_empty() {
                        touched.push(id);
                    }
                    pending.push(place);
                } else {
                    other(id, &mut audiences[id], pending, touched);
                }
            }
        }
    }

    /// Calls `visit` with every audience that takes bars, of whatever interval, of this symbol.
    #[inline]
    pub fn each_of_bars(
        &mut self,
        symbol: SymbolId,
        mut visit: impl FnMut(AudienceId, &mut Audience),
    ) {
        for &entry in
            self.index[symbol.index() * LANES + BARS_LANE].iter().chain(&self.all[BARS_LANE])
        {
            let id = entry as usize;
            visit(id, &mut self.audiences[id]);
        }
    }
}

enum List {
    /// The list of a lane for all symbols.
    Whole(usize),
    /// The list at a place of the index.
    Symbol(usize),
}

fn each_list(selection: &Selection, mut visit: impl FnMut(List)) {
    let lane_of = |channel: Channel| match channel {
        Channel::Events(channel) => channel as usize,
        Channel::Bars(_) => BARS_LANE,
    };
    let mut whole = [false; LANES];
    for channel in selection.all.iter() {
        let lane = lane_of(channel);
        if !std::mem::replace(&mut whole[lane], true) {
            visit(List::Whole(lane));
        }
    }
    let mut last = None;
    for topic in &selection.some {
        let lane = lane_of(topic.channel());
        let place = topic.symbol().index() * LANES + lane;
        // Bars of several intervals of one symbol stand next to each other and take one entry.
        if !whole[lane] && last != Some(place) {
            visit(List::Symbol(place));
        }
        last = Some(place);
    }
}
