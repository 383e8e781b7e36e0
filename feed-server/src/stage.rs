//! How far a server's life has come. Each shard is told in a place of its own: its loop and its connections look there many times
//! a second, and a look writes to it (a reader's lock, a waiter's entry).

use std::ops::Range;

use tokio::sync::watch;

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Connections are taken.
    Serving,
    /// Clients are told to come back after a time within `retry_ms`.
    Draining {
        /// Spread over the clients.
        retry_ms: Range<u64>,
    },
    /// Whatever is left is dropped.
    Stopped,
}

/// Tells all threads.
#[derive(Debug)]
pub struct Stages(Vec<watch::Sender<Stage>>);

impl Stages {
    /// A serving server's, and what `listeners` of them see.
    #[must_use]
    pub fn new(listeners: usize) -> (Self, Vec<watch::Receiver<Stage>>) {
        let (senders, receivers) =
            (0..listeners).map(|_| watch::channel(Stage::Serving)).unzip::<_, _, Vec<_>, _>();
        (Self(senders), receivers)
    }

    /// Tells everybody.
    pub fn send(&self, stage: &Stage) {
        for sender in &self.0 {
            sender.send_replace(stage.clone());
        }
    }
}
