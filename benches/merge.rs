//! What an event costs that waits for a slow client: taken into its backlog, and taken out merged. 10,000 trades, over as many
//! symbols as a client has, so close that all merge, or so far apart that each waits in a record of its own.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use benches::events::events;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use feed_server::shard::backlog::Backlog;

const EVENTS: u64 = 10_000;

fn filled(symbols: u32, gap_us: i64) -> Backlog {
    let mut backlog = Backlog::default();
    for event in events(EVENTS, symbols, gap_us) {
        backlog.add(&event);
    }
    backlog
}

fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(EVENTS));
    // 1 µs apart: all within a second. 1 s apart: none, and the oldest of a symbol soon become a gap.
    for (name, gap_us) in [("dense", 1), ("sparse", 1_000_000)] {
        for symbols in [1, 10, 100] {
            let events = events(EVENTS, symbols, gap_us);
            group.bench_function(BenchmarkId::new(format!("add-{name}"), symbols), |bencher| {
                bencher.iter_batched_ref(
                    Backlog::default,
                    |backlog| events.iter().for_each(|event| backlog.add(event)),
                    BatchSize::SmallInput,
                );
            });
            let full = filled(symbols, gap_us);
            group.bench_function(BenchmarkId::new(format!("take-{name}"), symbols), |bencher| {
                let mut out = Vec::new();
                bencher.iter_batched_ref(
                    || full.clone(),
                    |backlog| {
                        out.clear();
                        while !backlog.is_empty() {
                            backlog.take_second(&mut out);
                        }
                        out.len()
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
