//! The server.

pub mod connection;
