//! Tickcast's server: fans a market's events out to thousands of subscribers.
//!
//! The path of a tick: [`market`] numbers it and keeps it, a queue carries it to every [`shard`], the shard marks who wants
//! it, builds each audience's frame once and writes it to the sockets of [`connection`]s. [`http`] serves everything that
//! is no stream; [`server`] starts and stops it all; [`lab`] is for showing what transports cost.

pub mod config;
pub mod connection;
pub mod http;
pub mod lab;
pub mod market;
pub mod metrics;
pub mod pace;
pub mod runtime;
pub mod server;
pub mod shard;
pub mod stage;
pub mod thread;
