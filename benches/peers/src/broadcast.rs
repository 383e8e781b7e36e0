//! The events of a schedule in one `tokio::sync::broadcast` channel, for the servers that a Rust user would write first.

use axum::body::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::schedule::Schedule;
use crate::serve;
use crate::source::{Source, wake_up_in_time};

/// Events that a client may be behind before it loses some.
const CAPACITY: usize = 65_536;

type Event = (u32, Bytes);

/// The channel and what is in it.
#[derive(Debug)]
pub struct Feed {
    sender: Sender<Event>,
    symbols: Vec<String>,
}

/// A client's end: its symbols' messages.
#[derive(Debug)]
pub struct Subscriber {
    receiver: Receiver<Event>,
    wanted: Vec<bool>,
}

impl Feed {
    /// Begins to play the schedule, on a thread of its own.
    #[must_use]
    pub fn start(schedule: Schedule) -> Self {
        let mut source = Source::new(schedule);
        let sender = Sender::new(CAPACITY);
        let feed = Self { sender: sender.clone(), symbols: source.symbols().to_vec() };
        std::thread::spawn(move || {
            let _ = wake_up_in_time();
            loop {
                source.due(|symbol, message| {
                    // Without subscribers nobody misses it.
                    let _ = sender.send((symbol as u32, Bytes::copy_from_slice(message)));
                });
                source.wait();
            }
        });
        feed
    }

    /// A client with a comma list of symbols.
    #[must_use]
    pub fn subscribe(&self, list: &str) -> Subscriber {
        let mut wanted = vec![false; self.symbols.len()];
        serve::places(&self.symbols, list).into_iter().for_each(|place| wanted[place] = true);
        Subscriber { receiver: self.sender.subscribe(), wanted }
    }
}

impl Subscriber {
    /// The next message of its symbols; none when the feed has ended. What it was too slow for is lost, as in the programs
    /// that this one stands for; the harness counts it.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.receiver.recv().await {
                Ok((symbol, message)) if self.wanted[symbol as usize] => return Some(message),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
