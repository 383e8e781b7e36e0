//! Criterion benchmarks, one subject a file, and what they share. `cargo bench -p benches`; `cargo test` runs each once.
//!
//! `codec` (messages in either format, both ways), `decoder` (what WebSocket clients send), `fanout` (a shard with sinks in
//! memory: what a delivered message costs without the kernel), `merge` (what waits for a slow client), `queue` (the way to a
//! shard, with waking it), `shards` (two of them beside two processes: what they share), `simulator`. `instructions` counts the
//! instructions of the hot paths: a gate for regressions that does not depend on how busy the machine is.

#[path = "fixture/client.rs"]
pub mod client;
#[path = "fixture/events.rs"]
pub mod events;
#[path = "fixture/fanout.rs"]
pub mod fanout;
