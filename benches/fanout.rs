//! What a delivered message costs a shard without the kernel: sinks in memory take everything. 1000 connections, each on 10 of
//! 100 symbols, all sets distinct (every connection an audience of its own) against all sets equal (one audience), in batches
//! of 16, 256 and 4096 events. The throughput is that of delivered messages.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::io;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use feed_protocol::{
    Aggressor, Body, ChannelSet, Event, Format, Limits, Mode, OnSlow, Op, Request, Subscribe,
    Symbol, SymbolId, Tick, Trade, Universe, trades_only,
};
use feed_server::market::{Ingest, Market, Retention};
use feed_server::shard::outbox::Sink;
use feed_server::shard::queue::{Popped, queue};
use feed_server::shard::{Now, Shard};

const CONNECTIONS: usize = 1000;
const SYMBOLS: u32 = 100;
const SYMBOLS_A_CONNECTION: u32 = 10;
const LIMITS: Limits =
    Limits { symbols: 100, message_bytes: 65_536, messages_per_s: 50, backlog_bytes: 1 << 20 };

/// Takes everything and keeps nothing.
struct Null(u64);

impl Sink for Null {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn want_writable(&mut self) {}
}

fn market() -> Arc<Market> {
    let symbol = |n: u32| Symbol { name: format!("S{n}").into(), places: 2, title: "".into() };
    let universe = Universe::new((0..SYMBOLS).map(symbol).collect()).expect("good names");
    Market::new(Arc::new(universe), "bench", Retention { events: 1000, bar_bytes: 1 << 20 })
}

fn now() -> Now {
    Now { wall_us: 1_763_700_000_000_000, clock_us: 1_000_000 }
}

/// A shard with all its connections; `distinct`: each on a set of its own.
fn shard(market: &Arc<Market>, distinct: bool, channels: ChannelSet) -> Shard<Null> {
    let mut shard = Shard::new(market.clone(), LIMITS, Arc::default(), 1);
    let mut random = 1u32;
    for _ in 0..CONNECTIONS {
        let id = shard.connect(Null(0), Format::Json, 0, now());
        let mut symbols = std::collections::BTreeSet::new();
        while symbols.len() < SYMBOLS_A_CONNECTION as usize {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let symbol = if distinct { (random >> 8) % SYMBOLS } else { symbols.len() as u32 };
            symbols.insert(symbol);
        }
        let subscribe = Subscribe {
            symbols: symbols.iter().map(|symbol| format!("S{symbol}")).collect(),
            channels,
            mode: Mode::Every,
            interval_ms: 0,
            since: None,
            on_slow: OnSlow::Merge,
            snapshot: false,
        };
        shard.request(id, Request { id: None, op: Op::Subscribe(subscribe) }, now());
    }
    shard
}

/// Batches of trades over the first symbols, numbered by a market.
fn batches(market: &Arc<Market>, symbols: u32, events: usize, count: usize) -> Vec<Vec<Popped>> {
    let (producer, mut consumer) = queue(events * count);
    let mut ingest = Ingest::new(market.clone(), vec![producer]);
    for number in 0..events * count {
        let trade = Trade { price: 18_723, size: 100, aggressor: Aggressor::Buyer };
        let symbol = SymbolId(number as u32 % symbols);
        let ts_us = now().wall_us;
        ingest.publish(&[Tick { symbol, ts_us, body: Body::Trade(trade) }], ts_us);
    }
    (0..count).map(|_| (0..events).filter_map(|_| consumer.pop()).collect()).collect()
}

fn fanout(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout");
    group.sample_size(10);
    for distinct in [true, false] {
        let symbols = if distinct { SYMBOLS } else { SYMBOLS_A_CONNECTION };
        for events in [16usize, 256, 4096] {
            // Each event goes to a tenth of the connections, or to all of them.
            let readers = CONNECTIONS as u64 * u64::from(SYMBOLS_A_CONNECTION) / u64::from(symbols);
            group.throughput(Throughput::Elements(events as u64 * readers));
            let name = if distinct { "distinct" } else { "equal" };
            group.bench_function(BenchmarkId::new(name, events), |bencher| {
                bencher.iter_custom(|iterations| {
                    let market = market();
                    let mut shard = shard(&market, distinct, trades_only());
                    let batches = batches(&market, symbols, events, iterations as usize);
                    let start = std::time::Instant::now();
                    for batch in &batches {
                        shard.apply(batch, now());
                    }
                    start.elapsed()
                });
            });
        }
    }
    group.finish();
    assert!(size_of::<Event>() == 64, "the figures are about this layout");
}

criterion_group!(benches, fanout);
criterion_main!(benches);
