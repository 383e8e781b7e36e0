//! One client's connection: what it sends, what it is owed, how it leaves.

pub mod decoder;
pub mod subscriptions;
