//! The server.
pub mod market;
pub mod shard;
