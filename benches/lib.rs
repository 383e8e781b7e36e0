//! Criterion benchmarks, one subject a file: `codec` (a data message in either format), `fanout` (a shard with sinks in memory:
//! what a delivered message costs without the kernel). `cargo bench -p benches`; `cargo test` runs each once.
