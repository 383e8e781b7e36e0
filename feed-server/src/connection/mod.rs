//! One client's connection: what it sends, what it asked for, how it is written to.

pub mod decoder;
pub mod names;
pub mod pipe;
pub mod rate;
pub mod sink;
pub mod socket;
pub mod stream;
pub mod subscriptions;
pub mod websocket;
