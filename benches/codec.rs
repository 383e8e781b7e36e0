//! Messages in either format, both ways: what encoding one costs the server, what decoding a frame costs a client, and what
//! reading a request costs. The same messages side by side, so that the ratio is what counts.
//!
//! `json` puts serde_json and simd-json to the documents that clients (requests) and feeds (frames) really send, into the same
//! tree (and simd-json into its own, with buffers used again). simd-json changes its input and so is given a copy; serde_json is given one too.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use benches::client::requests;
use benches::events::{frame, records, symbol, symbol_table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use feed_protocol::{Format, decode_frame, parse_request, write_record};

/// Messages in a frame that is decoded: that many come at once at 60,000 events/s.
const FRAME_MESSAGES: u32 = 80;

fn encode(criterion: &mut Criterion) {
    let symbol = symbol();
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

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for format in Format::ALL {
        let frame = frame(format, FRAME_MESSAGES);
        let mut table = symbol_table();
        let messages = decode_frame(format, &frame, &mut table).expect("a frame of the contract");
        assert_eq!(messages.len(), FRAME_MESSAGES as usize);
        group.throughput(Throughput::Elements(FRAME_MESSAGES.into()));
        group.bench_function(format!("frame/{}", format.as_str()), |bencher| {
            bencher.iter(|| decode_frame(format, &frame, &mut table));
        });
    }
    for (name, request) in requests() {
        group.throughput(Throughput::Bytes(request.len() as u64));
        parse_request(Format::Json, request.as_bytes()).expect("a request of the contract");
        group.bench_function(format!("request/{name}"), |bencher| {
            bencher.iter(|| parse_request(Format::Json, request.as_bytes()));
        });
    }
    group.finish();
}

fn json(criterion: &mut Criterion) {
    let mut documents: Vec<(&str, Vec<u8>)> =
        requests().into_iter().map(|(name, request)| (name, request.into_bytes())).collect();
    documents.push(("frame-1", frame(Format::Json, 1)));
    documents.push(("frame-80", frame(Format::Json, FRAME_MESSAGES)));
    let mut group = criterion.benchmark_group("json");
    for (name, document) in documents {
        let mut copy = Vec::with_capacity(document.len());
        let refill = |copy: &mut Vec<u8>| {
            copy.clear();
            copy.extend_from_slice(&document);
        };
        group.throughput(Throughput::Bytes(document.len() as u64));
        group.bench_function(format!("{name}/serde_json"), |bencher| {
            bencher.iter(|| {
                refill(&mut copy);
                serde_json::from_slice::<serde_json::Value>(&copy).expect("JSON")
            });
        });
        group.bench_function(format!("{name}/simd-json"), |bencher| {
            bencher.iter(|| {
                refill(&mut copy);
                simd_json::from_slice::<serde_json::Value>(&mut copy).expect("JSON")
            });
        });
        let mut buffers = simd_json::Buffers::new(document.len());
        group.bench_function(format!("{name}/simd-json-own-tree"), |bencher| {
            bencher.iter(|| {
                refill(&mut copy);
                let tree = simd_json::to_borrowed_value_with_buffers(&mut copy, &mut buffers);
                drop(tree.expect("JSON"));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode, decode, json);
criterion_main!(benches);
