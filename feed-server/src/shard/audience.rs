//! Audiences: connections that are to be sent the same messages in the same format and manner. Their frames are built once.
//! Pure bookkeeping: knows connections by number only, sends nothing.

use std::rc::Rc;

use feed_protocol::{
    Channel, ChannelSet, Event, EventChannel, Interval, OnSlow, SymbolId, Universe,
};

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
    pub(super) all: ChannelSet,
    pub(super) some: Vec<Topic>,
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
    /// Places of the journal that such a member may still be owed, in order; from where on, is in its own state.
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
    /// Nobody yet.
    #[must_use]
    pub fn new(key: Rc<Key>, generation: u32) -> Self {
        Self {
            attached: Vec::new(),
            private: Vec::new(),
            wire: key.wire,
            key,
            owed: Vec::new(),
            shared: Backlog::default(),
            bars: BarPositions::default(),
            flushed_us: 0,
            is_scheduled: false,
            is_touched: false,
            generation,
        }
    }

    /// What its members are counted as.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.key.behaviour {
            Behaviour::Wake => Transport::LongPoll,
            _ => self.key.wire.transport(),
        }
    }
}
