//! Shards.
pub mod backlog;
pub mod doorbell;
pub mod frame;
pub mod outbox;
pub mod queue;
