//! The newest event of every symbol and channel, as of a shard's own position: a snapshot taken here is followed, without
//! gap or repeat, by what comes next out of the shard's queue. Also notices numbers that are missing.

use feed_protocol::{Event, EventChannel, SymbolId};

/// The newest event of a symbol and channel.
#[derive(Clone, Copy, Debug)]
pub struct Newest {
    /// The event.
    pub event: Event,
    /// Offset of the one before it, 0 if it was the first; if that was missed, the greatest it can have been.
    pub previous_offset: u64,
}

/// The newest event of every symbol and channel.
#[derive(Debug)]
pub struct Latest(Vec<Option<Newest>>);

impl Latest {
    /// Nothing yet, for `symbols` symbols.
    #[must_use]
    pub fn new(symbols: usize) -> Self {
        Self(vec![None; symbols * EventChannel::ALL.len()])
    }

    /// The newest event, if there was one.
    #[must_use]
    pub fn get(&self, symbol: SymbolId, channel: EventChannel) -> Option<&Newest> {
        self.0[place(symbol, channel)].as_ref()
    }

    /// Takes an event in and returns what was the newest before.
    pub fn replace(&mut self, event: &Event) -> Option<Newest> {
        let newest = &mut self.0[place(event.symbol, event.channel())];
        let previous_offset = match newest {
            Some(newest) if newest.event.seq + 1 == event.seq => newest.event.offset,
            None if event.seq == 1 => 0,
            // One was missed, anywhere before.
            _ => event.offset - 1,
        };
        newest.replace(Newest { event: *event, previous_offset })
    }
}

fn place(symbol: SymbolId, channel: EventChannel) -> usize {
    symbol.index() * EventChannel::ALL.len() + channel as usize
}
