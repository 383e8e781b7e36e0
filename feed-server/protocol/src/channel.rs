//! What can be subscribed to: channels of numbered events, and bars by interval.

use crate::US_PER_SECOND;

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
    fn bars_start_on_multiples_of_their_interval() {
        assert_eq!(Interval::M1.start_us(1_763_700_000_123_456), 1_763_700_000_000_000);
        assert_eq!(Interval::S5.start_us(-1), -5_000_000);
        assert_eq!(Interval::D1.start_us(1_763_700_000_123_456) % 86_400_000_000, 0);
    }
}
