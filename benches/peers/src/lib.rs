//! Tickcast and other servers at the same work, one after another: see `README.md`. This library is shared by the
//! harness (`src/main.rs`) and the servers that are written in Rust (`src/bin`).

pub mod broadcast;
pub mod child;
pub mod client;
pub mod clock;
pub mod interrupt;
pub mod schedule;
pub mod serve;
pub mod source;
