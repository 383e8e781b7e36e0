//! What taking client messages out of WebSocket frames costs: many small requests in one read, the same in reads that cut
//! frames apart, and one large message. Frames are unmasked in place, so each turn begins with a copy of the bytes.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use benches::client::{Kind, decode, decoder, masked, requests};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const REQUESTS: usize = 64;
const LARGE_BYTES: usize = 1 << 16;

fn decoding(criterion: &mut Criterion) {
    let [_, (_, request), _] = requests();
    let small = masked(Kind::Text, request.as_bytes()).repeat(REQUESTS);
    let large = masked(Kind::Binary, &vec![7; LARGE_BYTES]);
    let mut group = criterion.benchmark_group("decoder");
    for (name, bytes, read_bytes, payload) in [
        ("requests/one-read", &small, small.len(), REQUESTS * request.len()),
        ("requests/reads-of-100", &small, 100, REQUESTS * request.len()),
        ("large/one-read", &large, large.len(), LARGE_BYTES),
        ("large/reads-of-4096", &large, 4096, LARGE_BYTES),
    ] {
        let mut copy = bytes.clone();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            let mut decoder = decoder();
            bencher.iter(|| {
                copy.copy_from_slice(bytes);
                assert_eq!(decode(&mut decoder, &mut copy, read_bytes), payload);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
