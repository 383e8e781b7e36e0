//! What a tick of the simulated market costs: by the number of symbols, with and without quotes.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use simulator::{Plan, Simulation};

const TICKS: u64 = 1000;

fn ticks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator");
    group.throughput(Throughput::Elements(TICKS));
    for trades_only in [false, true] {
        for symbols in [1, 100, 10_000] {
            let plan = Plan { symbols, rate: 60_000.0, trades_only, ..Plan::default() };
            let name = if trades_only { "trades" } else { "all" };
            group.bench_function(BenchmarkId::new(name, symbols), |bencher| {
                let mut market = Simulation::new(&plan).expect("a good plan");
                bencher.iter(|| (0..TICKS).fold(0, |_, _| market.next_tick().ts_us));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ticks);
criterion_main!(benches);
