//! What happens on a market: ticks as a source makes them, events as the market has numbered them,
//! and what events are merged into (merged trades, merged quotes, bars).

use crate::{EventChannel, SymbolId};

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
    fn an_event_fits_a_cache_line() {
        assert_eq!(size_of::<Event>(), 64);
    }
}
