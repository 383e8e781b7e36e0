//! What a delivered message costs a shard without the kernel: sinks in memory take everything. Each connection is on 10 of
//! 100 symbols: all on the same (one audience), each on one of ten sets, or each on a set of its own (an audience each). The
//! throughput is that of delivered messages, for a single connection of a distinct or one of few sets of the expected ones.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::{Duration, Instant};

use benches::fanout::{SYMBOLS_A_CONNECTION, Sets, Source, market, now, shard};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use feed_protocol::{Event, Format};

/// Batches that are made at once, so that memory does not grow with criterion's iterations.
const BATCHES: usize = 64;

/// 1000 connections, by the size of batches.
fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout");
    group.sample_size(10);
    for sets in [Sets::Distinct, Sets::Equal] {
        for events in [16usize, 256, 4096] {
            let id = BenchmarkId::new(sets.as_str(), events);
            bench(&mut group, id, (sets, 1000, events));
        }
    }
    group.finish();
    assert!(size_of::<Event>() == 64, "the figures are about this layout");
}

/// Batches of 256 events, by the number of connections.
fn connections(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout-connections");
    group.sample_size(10);
    for sets in Sets::ALL {
        for connections in [1usize, 100, 10_000] {
            let id = BenchmarkId::new(sets.as_str(), connections);
            bench(&mut group, id, (sets, connections, 256));
        }
    }
    group.finish();
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    (sets, connections, events): (Sets, usize, usize),
) {
    // Each event goes to a tenth of the connections, or to all of them.
    let delivered = events * connections * SYMBOLS_A_CONNECTION as usize / sets.symbols() as usize;
    group.throughput(Throughput::Elements(delivered as u64));
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| {
            let market = market();
            let mut shard = shard(&market, connections, sets, Format::Json);
            let mut source = Source::new(&market, sets.symbols());
            let (mut left, mut elapsed) = (iterations as usize, Duration::ZERO);
            while left > 0 {
                let batches = source.batches(left.min(BATCHES), events);
                left -= batches.len();
                let start = Instant::now();
                for batch in &batches {
                    shard.apply(batch, now());
                }
                elapsed += start.elapsed();
            }
            elapsed
        });
    });
}

criterion_group!(benches, batches, connections);
criterion_main!(benches);
