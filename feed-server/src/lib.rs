//! The server.

pub mod connection;
pub mod http;
pub mod market;
pub mod shard;
