//! What shards share, seen from outside: two shards in one process beside two processes of one shard each, which share nothing
//! at all, and beside one shard alone. `cargo bench -p benches --bench shards`, about three minutes and two processors.
//!
//! Each process has its own market; one thread feeds it and rings the doorbells of its shards' queues, as in the server. A shard
//! has 1000 connections, each on its own 10 of 100 symbols, with sinks in memory. Rounds alternate, and ratios are within rounds:
//!
//! - **messages/s** of both shards together beside one shard alone. The feeder's thread needs a part of the two processors, so
//!   that 2.00 cannot be reached; the two processes, which each have a feeder, say what this machine has to give.
//! - **CPU a message** of the shards' threads in one process beside that in two processes: 1.00 if nothing is shared on the way
//!   of a message but the queues. Two processors may be one core's siblings and slow each other down whatever the programs do;
//!   beside two processes that makes no difference. (Beside one alone it does: the last line says how much.)
//!
//! And the check of the check: "a shared line" is the same with one counter a shard that each write adds to, next to each other on
//! one cache line; in all else these counters are 128 bytes apart. Where that line does not stand out, nothing was measured.
//!
//! On an AMD EPYC virtual machine of two processors, 16 rounds (CPU a message beside two processes, two shards and with a shared
//! line; medians): 16 events a batch 0.95 and 1.07, 256 a batch 1.02 and 1.12, paced 0.99 and 1.11. With one `AtomicU64` for all in
//! `Count::add` of `feed-server/src/shard/counters.rs`, two shards were at 1.37, 1.12 and 1.10.
//!
//! `cargo test` runs each workload once, briefly: all messages are counted, and none is merged or lost.

#![allow(clippy::print_stdout, reason = "a program's output")]

mod plan;
mod process;
mod rounds;

use plan::Plan;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--process", ref plan @ ..] => process::main(&Plan::from_arguments(plan)),
        // As criterion does: `cargo bench` says so, `cargo test` says nothing.
        _ if arguments.contains(&"--bench") => {
            let name = arguments.iter().find(|argument| !argument.starts_with('-'));
            rounds::measure(name.copied().unwrap_or_default());
        }
        _ => rounds::try_once(),
    }
}
