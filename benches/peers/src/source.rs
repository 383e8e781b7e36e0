//! Plays a schedule in real time: open loop, each message bearing the instant at which it was due. The peers' servers
//! call it from whatever their loop is; it hands over what is due and says when the next one will be.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::schedule::Schedule;

/// Most events that are handed over at once, as in Tickcast's own pacer: a server that is behind
/// must look after its sockets in between.
pub const BATCH_MAX: usize = 4096;

/// A schedule on its way.
#[derive(Debug)]
pub struct Source {
    schedule: Schedule,
    next: usize,
    /// Wall clock at which this round of the schedule began, µs.
    began_us: i64,
    offset: u64,
    counts: Vec<u64>,
    message: Vec<u8>,
}

impl Source {
    /// Begins now.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        let counts = vec![0; schedule.symbols.len()];
        Self {
            schedule,
            next: 0,
            began_us: wall_us(),
            offset: 0,
            counts,
            message: Vec::with_capacity(128),
        }
    }

    /// The names.
    #[must_use]
    pub fn symbols(&self) -> &[String] {
        &self.schedule.symbols
    }

    /// Hands over what is due, at most [`BATCH_MAX`] events: the place of the symbol, and the message
    /// `{"T":"t","S":"AAPL","n":1,"o":1,"ts":…,"p":183.00,"v":84,"d":-1}`. Says how long it is until the next one, µs.
    pub fn due(&mut self, mut send: impl FnMut(usize, &[u8])) -> i64 {
        let now_us = wall_us();
        for _ in 0..BATCH_MAX {
            let ts_us = self.next_us();
            if ts_us > now_us {
                return ts_us - now_us;
            }
            let symbol = self.write(ts_us);
            send(symbol, &self.message);
            self.next += 1;
        }
        0
    }

    /// Sleeps until the next one is due.
    pub fn wait(&mut self) {
        let left_us = self.next_us() - wall_us();
        if let Ok(left_us @ 1..) = u64::try_from(left_us) {
            thread::sleep(Duration::from_micros(left_us));
        }
    }

    /// When the next one is due, µs of the wall clock.
    fn next_us(&mut self) -> i64 {
        if self.next == self.schedule.events.len() {
            self.next = 0;
            self.began_us += self.schedule.length_us;
        }
        self.began_us + self.schedule.events[self.next].due_us
    }

    fn write(&mut self, ts_us: i64) -> usize {
        let event = &self.schedule.events[self.next];
        let symbol = event.symbol as usize;
        self.counts[symbol] += 1;
        self.offset += 1;
        let mut number = itoa::Buffer::new();
        let message = &mut self.message;
        message.clear();
        message.extend_from_slice(br#"{"T":"t","S":""#);
        message.extend_from_slice(self.schedule.symbols[symbol].as_bytes());
        message.extend_from_slice(br#"","n":"#);
        message.extend_from_slice(number.format(self.counts[symbol]).as_bytes());
        message.extend_from_slice(br#","o":"#);
        message.extend_from_slice(number.format(self.offset).as_bytes());
        message.extend_from_slice(br#","ts":"#);
        message.extend_from_slice(number.format(ts_us).as_bytes());
        message.extend_from_slice(self.schedule.tail(event).as_bytes());
        symbol
    }
}

/// The wall clock, µs since 1970.
#[must_use]
pub fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

/// Lets this thread's sleeps end when they are due, not up to 50 µs later.
///
/// # Errors
/// The system refuses.
pub fn wake_up_in_time() -> Result<()> {
    Ok(rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?)
}
