//! The server.
pub mod connection;
pub mod market;
pub mod shard;
