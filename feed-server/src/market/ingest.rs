//! The one writer of a market: numbers ticks, keeps the clock of the stream monotonous, and hands events on.
//! Runs on the source's thread and never blocks on a shard: a full queue overwrites its oldest event.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use feed_protocol::{Body, Event, EventChannel, Tick};

use super::Market;
use crate::shard::queue::Producer;

/// Write access to a [`Market`]; there is one.
#[derive(Debug)]
pub struct Ingest {
    market: Arc<Market>,
    shards: Vec<Producer>,
    /// Last number of each symbol and channel.
    seqs: Vec<[u64; 3]>,
    /// Last `ts` given, or the watermark if that is later.
    ts_us: i64,
    batch: Vec<Event>,
}

impl Ingest {
    /// The writer of `market`, feeding the queues of `shards`.
    #[must_use]
    pub fn new(market: Arc<Market>, shards: Vec<Producer>) -> Self {
        let seqs = vec![[0; EventChannel::ALL.len()]; market.universe.len()];
        Self { market, shards, seqs, ts_us: i64::MIN, batch: Vec::new() }
    }

    /// Takes what a source has: `ticks` in its order, and `watermark_us`, up to which (wall clock, µs) it has handed over
    /// everything that was due. Call it with no ticks at least every 100 ms as a sign of life. A tick that is late is
    /// given the last `ts`; its symbol must be of the market's universe.
    pub fn publish(&mut self, ticks: &[Tick], watermark_us: i64) {
        self.batch.clear();
        let next = self.market.progress.head.load(Ordering::Relaxed) + 1;
        for (offset, tick) in (next..).zip(ticks) {
            let seq = &mut self.seqs[tick.symbol.index()][tick.body.channel() as usize];
            *seq += 1;
            self.ts_us = self.ts_us.max(tick.ts_us);
            self.batch.push(Event {
                symbol: tick.symbol,
                seq: *seq,
                offset,
                ts_us: self.ts_us,
                body: tick.body,
            });
        }
        self.ts_us = self.ts_us.max(watermark_us);
        self.distribute(watermark_us);
    }

    /// Hands numbered events on: history and bars first, so that whoever sees an event finds it there.
    fn distribute(&mut self, now_us: i64) {
        for event in &self.batch {
            if let Body::Trade(trade) = event.body {
                self.market.bars.add(event.symbol, event.ts_us, trade);
            }
        }
        if let Some(last) = self.batch.last() {
            self.market.history.append(&self.batch);
            self.market.progress.head.store(last.offset, Ordering::Release);
        }
        self.market.progress.watermark_us.store(self.ts_us, Ordering::Release);
        self.market.progress.alive_us.store(now_us.max(1), Ordering::Relaxed);
        if self.batch.is_empty() {
            return;
        }
        for shard in &mut self.shards {
            for event in &self.batch {
                shard.push(*event, now_us);
            }
            shard.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use feed_protocol::{Aggressor, Symbol, SymbolId, Trade, TradingStatus, Universe};

    use super::*;
    use crate::market::Retention;
    use crate::shard::queue::queue;

    fn tick(symbol: u32, ts_us: i64, body: Body) -> Tick {
        Tick { symbol: SymbolId(symbol), ts_us, body }
    }

    #[test]
    fn numbers_by_symbol_and_channel_and_never_lets_time_go_back() {
        let names = ["A", "B"];
        let symbols = names.map(|n| Symbol { name: n.into(), places: 2, title: n.into() });
        let universe = Arc::new(Universe::new(symbols.into()).unwrap());
        let market = Market::new(universe, "e", Retention { events: 100, bar_bytes: 1 << 20 });
        let (producer, mut consumer) = queue(16);
        let mut ingest = Ingest::new(market.clone(), vec![producer]);
        let trade = Body::Trade(Trade { price: 1, size: 1, aggressor: Aggressor::Buyer });
        let halt = Body::Status(TradingStatus::Halted);
        ingest.publish(&[tick(0, 10, trade), tick(1, 20, trade), tick(0, 15, halt)], 30);
        ingest.publish(&[tick(0, 25, trade)], 40);
        let events: Vec<_> = std::iter::from_fn(|| consumer.pop()).map(|q| q.event).collect();
        let numbers: Vec<_> =
            events.iter().map(|e| (e.symbol.0, e.seq, e.offset, e.ts_us)).collect();
        assert_eq!(numbers, [(0, 1, 1, 10), (1, 1, 2, 20), (0, 1, 3, 20), (0, 2, 4, 30)]);
        assert_eq!((market.head(), market.watermark_us()), (4, 40));
        assert_eq!((market.source_age_us(100), market.source_age_us(30)), (60, 0));
    }
}
