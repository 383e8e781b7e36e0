//! What happens on a market: ticks as a source makes them, events as the market has numbered them,
//! and what events are merged into (merged trades, merged quotes, bars).

use crate::SymbolId;

/// Microseconds in a second; `ts` and bars' bounds are in µs since the Unix epoch, UTC.
pub const US_PER_SECOND: i64 = 1_000_000;

/// Who took the initiative in a trade. On the wire `d`: 1, -1, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i8)]
pub enum Aggressor {
    /// A seller hit the bid.
    Seller = -1,
    /// Not told.
    Unknown = 0,
    /// A buyer lifted the ask.
    Buyer = 1,
}

impl Aggressor {
    /// From the wire's number; `None` unless -1, 0 or 1.
    #[must_use]
    pub fn from_wire(d: i64) -> Option<Self> {
        match d {
            -1 => Some(Self::Seller),
            0 => Some(Self::Unknown),
            1 => Some(Self::Buyer),
            _ => None,
        }
    }
}

/// Whether and how a symbol trades. On the wire `st`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TradingStatus {
    /// Continuous trading.
    Trading = 0,
    /// Stopped until further notice.
    Halted = 1,
    /// Orders are collected for one price.
    Auction = 2,
    /// The session is over.
    Closed = 3,
}

impl TradingStatus {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Trading, Self::Halted, Self::Auction, Self::Closed];

    /// The wire's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trading => "trading",
            Self::Halted => "halted",
            Self::Auction => "auction",
            Self::Closed => "closed",
        }
    }

    /// From the wire's word.
    #[must_use]
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A trade as reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trade {
    /// Price in the symbol's smallest steps.
    pub price: i64,
    /// Traded quantity.
    pub size: u32,
    /// Who took the initiative.
    pub aggressor: Aggressor,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quote {
    /// Best bid in the symbol's smallest steps.
    pub bid: i64,
    /// Best ask in the symbol's smallest steps.
    pub ask: i64,
    /// Quantity at the bid.
    pub bid_size: u32,
    /// Quantity at the ask.
    pub ask_size: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// A trade: channel `trades`.
    Trade(Trade),
    /// A change of the best bid or ask: channel `quotes`.
    Quote(Quote),
    /// A change of the trading status: channel `status`.
    Status(TradingStatus),
}

impl Body {
    /// The channel that carries it.
    #[must_use]
    pub fn channel(&self) -> EventChannel {
        match self {
            Self::Trade(_) => EventChannel::Trades,
            Self::Quote(_) => EventChannel::Quotes,
            Self::Status(_) => EventChannel::Status,
        }
    }
}

/// One happening as a source hands it over: not numbered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tick {
    /// Whose.
    pub symbol: SymbolId,
    /// When it was due: µs since the Unix epoch, UTC.
    pub ts_us: i64,
    /// What happened.
    pub body: Body,
}

/// A tick with its numbers: what travels through queues, and what `t`, `q` and `s` messages say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Whose.
    pub symbol: SymbolId,
    /// Consecutive number within symbol and channel, from 1.
    pub seq: u64,
    /// Position in the whole stream, from 1.
    pub offset: u64,
    /// When it was due: µs since the Unix epoch, UTC; never decreases as `offset` grows.
    pub ts_us: i64,
    /// What happened.
    pub body: Body,
}

impl Event {
    /// The second of `ts` that it falls into; merging never crosses it.
    #[must_use]
    pub fn second(&self) -> i64 {
        self.ts_us.div_euclid(US_PER_SECOND)
    }

    /// The channel that carries it.
    #[must_use]
    pub fn channel(&self) -> EventChannel {
        self.body.channel()
    }
}

/// The channels whose messages are numbered events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EventChannel {
    /// `t` and `m` messages.
    Trades = 0,
    /// `q` messages.
    Quotes = 1,
    /// `s` messages.
    Status = 2,
}

impl EventChannel {
    /// Every channel of events, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Trades, Self::Quotes, Self::Status];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Status => "status",
        }
    }
}

/// Length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Interval {
    /// 1 second.
    S1 = 0,
    /// 5 seconds.
    S5 = 1,
    /// 1 minute.
    M1 = 2,
    /// 5 minutes.
    M5 = 3,
    /// 15 minutes.
    M15 = 4,
    /// 1 hour.
    H1 = 5,
    /// 1 day, from midnight UTC.
    D1 = 6,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 7] =
        [Self::S1, Self::S5, Self::M1, Self::M5, Self::M15, Self::H1, Self::D1];

    /// Its name on the wire: `1s` … `1d`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S1 => "1s",
            Self::S5 => "5s",
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::H1 => "1h",
            Self::D1 => "1d",
        }
    }

    /// From the wire's name.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == name)
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        match self {
            Self::S1 => 1,
            Self::S5 => 5,
            Self::M1 => 60,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::H1 => 3600,
            Self::D1 => 86_400,
        }
    }

    /// Its length in µs.
    #[must_use]
    pub fn us(self) -> i64 {
        i64::from(self.seconds()) * US_PER_SECOND
    }

    /// Start (µs) of the bar that `ts_us` falls into.
    #[must_use]
    pub fn start_us(self, ts_us: i64) -> i64 {
        ts_us.div_euclid(self.us()) * self.us()
    }
}

/// Anything that can be subscribed to for a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Numbered events.
    Events(EventChannel),
    /// Bars of one interval: `bars:1m`.
    Bars(Interval),
}

impl Channel {
    /// Number of channels there are.
    pub const COUNT: u8 = 10;

    /// Its place among all channels: 0 to 2 events, 3 to 9 bars.
    #[must_use]
    pub fn index(self) -> u8 {
        match self {
            Self::Events(channel) => channel as u8,
            Self::Bars(interval) => 3 + interval as u8,
        }
    }

    /// The channel at a place, if there is one.
    #[must_use]
    pub fn from_index(index: u8) -> Option<Self> {
        let index = usize::from(index);
        EventChannel::ALL
            .get(index)
            .map(|&channel| Self::Events(channel))
            .or_else(|| Interval::ALL.get(index.checked_sub(3)?).map(|&i| Self::Bars(i)))
    }

    /// From the wire's name.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        (0..Self::COUNT).filter_map(Self::from_index).find(|channel| channel.as_str() == name)
    }

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events(channel) => channel.as_str(),
            Self::Bars(Interval::S1) => "bars:1s",
            Self::Bars(Interval::S5) => "bars:5s",
            Self::Bars(Interval::M1) => "bars:1m",
            Self::Bars(Interval::M5) => "bars:5m",
            Self::Bars(Interval::M15) => "bars:15m",
            Self::Bars(Interval::H1) => "bars:1h",
            Self::Bars(Interval::D1) => "bars:1d",
        }
    }
}

/// A set of channels, a bit each ([`Channel::index`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelSet(pub u16);

impl ChannelSet {
    /// Every channel.
    pub const ALL: Self = Self((1 << Channel::COUNT) - 1);
    /// The channels of numbered events.
    pub const EVENTS: Self = Self(0b111);

    /// Whether `channel` is in it.
    #[must_use]
    pub fn contains(self, channel: Channel) -> bool {
        self.0 & (1 << channel.index()) != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is here and not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Its channels, in order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        (0..Channel::COUNT).filter_map(Channel::from_index).filter(move |&c| self.contains(c))
    }
}

impl FromIterator<Channel> for ChannelSet {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        Self(channels.into_iter().fold(0, |bits, channel| bits | 1 << channel.index()))
    }
}

/// Trades `first_seq..=last_seq` of one symbol within one second, as one record: the `m` message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedTrades {
    /// Whose.
    pub symbol: SymbolId,
    /// `n0`: the first trade it stands for.
    pub first_seq: u64,
    /// `n`: the last trade it stands for.
    pub last_seq: u64,
    /// `o`: position of the frame it leaves in.
    pub offset: u64,
    /// `ts0`: time of the first trade, µs.
    pub first_ts_us: i64,
    /// `ts`: time of the last trade, µs.
    pub last_ts_us: i64,
    /// First price, smallest steps.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub last: i64,
    /// Sum of sizes.
    pub volume: u64,
}

impl MergedTrades {
    /// `c`: how many trades it stands for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last_seq - self.first_seq + 1
    }
}

/// Quotes `first_seq..=last_seq` of one symbol within one second: the last one stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedQuote {
    /// Whose.
    pub symbol: SymbolId,
    /// `n0`: the first quote it stands for.
    pub first_seq: u64,
    /// `n`: its own number.
    pub last_seq: u64,
    /// `o`: position of the frame it leaves in.
    pub offset: u64,
    /// Its time, µs.
    pub ts_us: i64,
    /// The last state.
    pub quote: Quote,
}

/// Open, high, low, close, volume and count of the trades in `[start, start + interval)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Start, µs since the Unix epoch; a multiple of the interval.
    pub start_us: i64,
    /// First price, smallest steps.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Sum of sizes.
    pub volume: u64,
    /// Number of trades.
    pub count: u64,
}

impl Bar {
    /// The bar of a first trade.
    #[must_use]
    pub fn of(start_us: i64, trade: Trade) -> Self {
        let Trade { price, size, .. } = trade;
        Self {
            start_us,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: size.into(),
            count: 1,
        }
    }

    /// Takes one more trade in.
    pub fn add(&mut self, trade: Trade) {
        self.absorb(&Self::of(self.start_us, trade));
    }

    /// Takes a later bar of the same span, or of a part of it, in.
    pub fn absorb(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.count += later.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_numbers_and_names_go_there_and_back() {
        for index in 0..Channel::COUNT {
            let channel = Channel::from_index(index).unwrap();
            assert_eq!(channel.index(), index);
            assert_eq!(Channel::from_wire(channel.as_str()), Some(channel));
        }
        assert_eq!(Channel::from_index(Channel::COUNT), None);
        assert_eq!(ChannelSet::ALL.iter().count(), usize::from(Channel::COUNT));
        assert_eq!(Channel::from_wire("bars:2m"), None);
    }

    #[test]
    fn an_event_fits_a_cache_line() {
        assert_eq!(size_of::<Event>(), 64);
    }

    #[test]
    fn bars_start_on_multiples_of_their_interval() {
        assert_eq!(Interval::M1.start_us(1_763_700_000_123_456), 1_763_700_000_000_000);
        assert_eq!(Interval::S5.start_us(-1), -5_000_000);
        assert_eq!(Interval::D1.start_us(1_763_700_000_123_456) % 86_400_000_000, 0);
    }
}
