//! One client's connection: what it sends, what it asked for, how its socket is written to.

pub mod decoder;
pub mod rate;
pub mod socket;
pub mod subscriptions;
pub mod websocket;
