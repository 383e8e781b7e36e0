//! What encoding one data message costs, by format; the same messages side by side, so that the ratio is what counts.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use feed_protocol::{
    Aggressor, Body, Event, Format, MergedTrades, Quote, Record, Symbol, SymbolId, Trade,
    write_record,
};

fn records() -> [(&'static str, Record); 3] {
    let event = |body| {
        let ts_us = 1_763_700_000_123_456;
        Record::Event(Event { symbol: SymbolId(300), seq: 104_200, offset: 8_821_400, ts_us, body })
    };
    let merged = MergedTrades {
        symbol: SymbolId(300),
        first_seq: 104_300,
        last_seq: 104_900,
        offset: 8_823_100,
        first_ts_us: 1_763_700_000_130_000,
        last_ts_us: 1_763_700_000_190_000,
        open: 18_723,
        high: 18_731,
        low: 18_720,
        last: 18_730,
        volume: 2300,
    };
    [
        (
            "trade",
            event(Body::Trade(Trade { price: 18_723, size: 100, aggressor: Aggressor::Buyer })),
        ),
        (
            "quote",
            event(Body::Quote(Quote { bid: 18_722, ask: 18_724, bid_size: 300, ask_size: 200 })),
        ),
        ("merged", Record::Trades(merged)),
    ]
}

fn encode(criterion: &mut Criterion) {
    let symbol = Symbol { name: "AAPL".into(), places: 2, title: "".into() };
    let mut group = criterion.benchmark_group("encode");
    for (name, record) in records() {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            write_record(format, &mut bytes, &symbol, &record, false);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(format!("{name}/{}", format.as_str()), |bencher| {
                bencher.iter(|| {
                    bytes.clear();
                    write_record(format, &mut bytes, &symbol, &record, false);
                    bytes.len()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
