//! The hot paths: each a fixed amount of work, prepared outside of what is counted. Everything follows from constants, so that
//! two runs of one build count the same but for a few instructions.

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use benches::client::{Kind, decode, decoder, masked, requests};
use benches::events::{events, frame, records, symbol, symbol_table};
use benches::fanout::{Sets, Source, Valve, market, now, shard, shard_of};
use feed_protocol::{Body, Format, decode_frame, parse_request, write_record};
use feed_server::market::BarStore;
use feed_server::shard::backlog::Backlog;
use feed_server::shard::queue::queue;
use simulator::{Plan, Simulation};

/// A hot path.
pub struct Path {
    /// In the list.
    pub name: &'static str,
    /// What the counts are divided by: events, messages or ticks that one turn of its work handles.
    pub units: u64,
    /// Makes its work, which is done twice: once to fill buffers, once to be counted.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

const EVENTS: u64 = 10_000;
const BATCHES: usize = 4;
const BATCH: usize = 256;
const CONNECTIONS: usize = 200;
/// Events between two looks into a queue that holds [`BATCH`] of them.
const LAPPED: usize = 900;
/// Messages that one turn of a fan-out delivers: each event goes to a tenth of the connections, or to all of them.
const DELIVERED: u64 = (BATCHES * BATCH * CONNECTIONS / 10) as u64;
const FRAMES: u64 = 50;
const FRAME_MESSAGES: u32 = 80;

/// All of them.
pub const PATHS: &[Path] = &[
    Path {
        name: "fanout-distinct",
        units: DELIVERED,
        prepare: || fanout(Sets::Distinct, Format::Json),
    },
    Path {
        name: "fanout-distinct-mp",
        units: DELIVERED,
        prepare: || fanout(Sets::Distinct, Format::Msgpack),
    },
    Path { name: "fanout-few", units: DELIVERED, prepare: || fanout(Sets::Few, Format::Json) },
    // As with a ring: writes are collected before they are done.
    Path {
        name: "fanout-collected",
        units: DELIVERED,
        prepare: || collected(Sets::Distinct, Format::Json, 64),
    },
    // Every batch finds all sockets full, and is sent when they are not any more.
    Path { name: "fanout-behind", units: DELIVERED, prepare: fanout_behind },
    Path { name: "overflow", units: (BATCHES * LAPPED) as u64, prepare: overflow },
    // Writing to a sink in memory is no work, so the count is of events.
    Path {
        name: "fanout-equal",
        units: (BATCHES * BATCH) as u64,
        prepare: || fanout(Sets::Equal, Format::Json),
    },
    Path { name: "merge", units: EVENTS, prepare: merge },
    Path { name: "ingest", units: EVENTS, prepare: ingest },
    Path { name: "bars", units: EVENTS, prepare: bars },
    Path { name: "queue", units: EVENTS, prepare: queue_round },
    Path { name: "encode-json", units: EVENTS, prepare: || encode(Format::Json) },
    Path { name: "encode-msgpack", units: EVENTS, prepare: || encode(Format::Msgpack) },
    Path {
        name: "decode-json",
        units: FRAMES * FRAME_MESSAGES as u64,
        prepare: || decode_frames(Format::Json),
    },
    Path {
        name: "decode-msgpack",
        units: FRAMES * FRAME_MESSAGES as u64,
        prepare: || decode_frames(Format::Msgpack),
    },
    Path { name: "client-frames", units: EVENTS, prepare: client_frames },
    Path { name: "client-requests", units: 1000, prepare: client_requests },
    Path { name: "simulator", units: EVENTS, prepare: simulator },
];

/// Batches through a shard; its sinks take everything.
fn fanout(sets: Sets, format: Format) -> Box<dyn FnMut()> {
    collected(sets, format, 1)
}

/// The same, with so many writes collected before they are done.
fn collected(sets: Sets, format: Format, sends: usize) -> Box<dyn FnMut()> {
    let market = market();
    let mut shard = shard(&market, CONNECTIONS, sets, format);
    shard.collect_writes(sends);
    let mut source = Source::new(&market, sets.symbols());
    let mut turns = [(); 2].map(|()| source.batches(BATCHES, BATCH)).into_iter();
    Box::new(move || {
        for batch in turns.next().expect("two turns") {
            shard.apply(&batch, now());
        }
    })
}

fn fanout_behind() -> Box<dyn FnMut()> {
    let (market, is_open) = (market(), Rc::new(Cell::new(true)));
    let wishes = (CONNECTIONS, Sets::Distinct, Format::Json);
    let mut shard = shard_of(&market, Arc::default(), wishes, || Valve::new(is_open.clone()));
    shard.merge_after(u64::MAX);
    let mut source = Source::new(&market, Sets::Distinct.symbols());
    let mut turns = [(); 2].map(|()| source.batches(BATCHES, BATCH)).into_iter();
    Box::new(move || {
        for batch in turns.next().expect("two turns") {
            is_open.set(false);
            shard.apply(&batch, now());
            assert!(shard.is_blocked(0), "nothing was taken");
            is_open.set(true);
            // Connections are numbered as they come.
            (0..CONNECTIONS).for_each(|id| shard.writable(id, now()));
            assert!(!shard.is_blocked(0), "all was sent");
        }
    })
}

/// Batches of which the queue has overwritten most: that comes out of history, merged.
fn overflow() -> Box<dyn FnMut()> {
    let market = market();
    let mut shard = shard(&market, CONNECTIONS, Sets::Distinct, Format::Json);
    let mut source = Source::through(&market, Sets::Distinct.symbols(), BATCH);
    Box::new(move || {
        for _ in 0..BATCHES {
            let batch = source.batches(1, LAPPED).remove(0);
            assert_eq!(batch[0].missed, (LAPPED - BATCH) as u64);
            shard.apply(&batch, now());
        }
    })
}

/// Events 100 µs apart, of ten symbols, into a backlog and out, which is one frame a second.
fn merge() -> Box<dyn FnMut()> {
    let events = events(EVENTS, 10, 100);
    let (mut backlog, mut out) = (Backlog::default(), Vec::new());
    Box::new(move || {
        out.clear();
        events.iter().for_each(|event| backlog.add(event));
        while !backlog.is_empty() {
            black_box(backlog.take_second(&mut out));
        }
    })
}

/// Ticks in batches into history, bars and a queue, and out of the queue.
fn ingest() -> Box<dyn FnMut()> {
    let mut source = Source::new(&market(), 100);
    Box::new(move || {
        for _ in 0..100 {
            black_box(source.batches(1, EVENTS as usize / 100));
        }
    })
}

/// Trades 1 ms apart, of ten symbols.
fn bars() -> Box<dyn FnMut()> {
    let store = BarStore::new(10, 1 << 24);
    let events = events(EVENTS, 10, 1000);
    let mut second_turn_us = 0;
    Box::new(move || {
        for event in &events {
            if let Body::Trade(trade) = event.body {
                store.add(event.symbol, event.ts_us + second_turn_us, trade);
            }
        }
        second_turn_us = EVENTS as i64 * 1000;
    })
}

/// Batches in and out of a shard's queue, with its doorbell, which nobody waits at.
fn queue_round() -> Box<dyn FnMut()> {
    let events = events(EVENTS, 100, 10);
    let (mut producer, mut consumer) = queue(1024);
    Box::new(move || {
        for batch in events.chunks(100) {
            batch.iter().for_each(|event| producer.push(*event, 0));
            producer.ring();
            while let Some(popped) = consumer.pop() {
                black_box(popped);
            }
        }
    })
}

fn encode(format: Format) -> Box<dyn FnMut()> {
    let (records, symbol, mut out) = (records(), symbol(), Vec::new());
    Box::new(move || {
        for (_, record) in records.iter().cycle().take(EVENTS as usize) {
            out.clear();
            write_record(format, &mut out, &symbol, record, false);
            black_box(&out);
        }
    })
}

fn decode_frames(format: Format) -> Box<dyn FnMut()> {
    let (frame, mut table) = (frame(format, FRAME_MESSAGES), symbol_table());
    Box::new(move || {
        for _ in 0..FRAMES {
            let messages = decode_frame(format, &frame, &mut table).expect("a frame");
            assert_eq!(messages.len(), FRAME_MESSAGES as usize);
        }
    })
}

/// Small frames in reads of 4 KiB, which cut some of them apart.
fn client_frames() -> Box<dyn FnMut()> {
    let [_, (_, request), _] = requests();
    let bytes = masked(Kind::Text, request.as_bytes()).repeat(EVENTS as usize);
    let payload = request.len() * EVENTS as usize;
    // Decoding takes the mask off in place, so each turn has bytes of its own.
    let mut turns = vec![bytes.clone(), bytes];
    let mut decoder = decoder();
    Box::new(move || {
        let mut bytes = turns.pop().expect("two turns");
        assert_eq!(decode(&mut decoder, &mut bytes, 4096), payload);
    })
}

fn client_requests() -> Box<dyn FnMut()> {
    let [_, (_, request), _] = requests();
    Box::new(move || {
        for _ in 0..1000 {
            black_box(parse_request(Format::Json, request.as_bytes())).expect("a request");
        }
    })
}

fn simulator() -> Box<dyn FnMut()> {
    let plan = Plan { symbols: 100, rate: 60_000.0, ..Plan::default() };
    let mut market = Simulation::new(&plan).expect("a good plan");
    Box::new(move || {
        for _ in 0..EVENTS {
            black_box(market.next_tick());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_can_be_gone_twice() {
        for path in PATHS {
            let mut work = (path.prepare)();
            work();
            work();
        }
    }
}
