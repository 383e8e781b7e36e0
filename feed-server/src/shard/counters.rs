//! What a shard counts. Written by the shard alone, read by the metrics endpoint: relaxed atomics, a set a shard.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds (µs) of the publish-to-write histogram's buckets; what is above goes into one more.
pub const PUBLISH_TO_WRITE_BOUNDS_US: [u64; 17] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// A number that only grows, or a level.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Subtracts; for levels.
    pub fn sub(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    /// Sets.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one shard. The alignment keeps shards off each other's cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    /// Connections open now, long polls that wait included: see [`Counters::connections`].
    connections: [Count; Transport::COUNT],
    /// Those since the start.
    connections_total: [Count; Transport::COUNT],
    /// Bytes handed to sockets: see [`Counters::bytes`].
    bytes: [Count; Transport::COUNT],
    /// Polls answered: see [`Counters::answers`].
    answers: [Count; Answered::COUNT * 2],
    /// Audiences now.
    pub audiences: Count,
    /// Connections now that have something of their own waiting.
    pub slow_connections: Count,
    /// Events taken out of the queue.
    pub events: Count,
    /// Events fetched from history after the queue overflowed.
    pub events_recovered: Count,
    /// Data messages sent: see [`Counters::messages`].
    messages: [Count; Transport::COUNT],
    /// CPU time: see [`Counters::cpu_ns`].
    cpu_ns: [Count; Transport::COUNT],
    /// Writes that took at least one byte.
    pub writes: Count,
    /// Times a connection fell behind.
    pub fell_behind: Count,
    /// Events that were merged away.
    pub merged: Count,
    /// Gaps announced because history was too short.
    pub gaps_history: Count,
    /// Gaps announced because a connection was too slow.
    pub gaps_slow: Count,
    /// Gaps announced because the shard itself lost events.
    pub gaps_overflow: Count,
    /// Requests refused with an `error` message.
    pub requests_refused: Count,
    /// Requests carried out.
    pub requests: Count,
    /// Connections closed by the server, by code: see [`Counters::closed`].
    closed: [Count; CLOSE_CODES.len() + 1],
    /// Publish-to-write times by bucket, the last one unbounded.
    pub publish_to_write: [Count; PUBLISH_TO_WRITE_BOUNDS_US.len() + 1],
    /// Sum of publish-to-write times, µs.
    pub publish_to_write_sum_us: Count,
}

const _: () = assert!(align_of::<Counters>() == 128, "two cache lines, which are fetched together");

/// Close codes that are counted by themselves.
pub const CLOSE_CODES: [u16; 12] =
    [1000, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 4100, 4101, 4102, 4103];

/// How a client is served; also the metrics' label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `/v1/ws`.
    WebSocket,
    /// `/v1/sse`.
    Sse,
    /// `/v1/stream`.
    Stream,
    /// `/v1/long-poll`.
    LongPoll,
    /// `/v1/poll`.
    Poll,
}

impl Transport {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them.
    pub const ALL: [Self; Self::COUNT] =
        [Self::WebSocket, Self::Sse, Self::Stream, Self::LongPoll, Self::Poll];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::Stream => "stream",
            Self::LongPoll => "long_poll",
            Self::Poll => "poll",
        }
    }
}

/// What a poll was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// At least one message.
    Messages,
    /// None.
    Empty,
    /// 304.
    NotModified,
}

impl Answered {
    const COUNT: usize = 3;
    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [Self::Messages, Self::Empty, Self::NotModified];

    /// Its name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Empty => "empty",
            Self::NotModified => "not_modified",
        }
    }
}

impl Counters {
    /// Connections open now. Polls are none: they are answered at once.
    #[must_use]
    pub fn connections(&self, transport: Transport) -> &Count {
        &self.connections[transport as usize]
    }

    /// Connections of all transports open now.
    #[must_use]
    pub fn connections_all(&self) -> u64 {
        self.connections.iter().map(Count::get).sum()
    }

    /// Connections since the start.
    #[must_use]
    pub fn connections_total(&self, transport: Transport) -> &Count {
        &self.connections_total[transport as usize]
    }

    /// Bytes handed over: of a WebSocket with its headers, of the others the bodies.
    #[must_use]
    pub fn bytes(&self, transport: Transport) -> &Count {
        &self.bytes[transport as usize]
    }

    /// Data messages sent.
    #[must_use]
    pub fn messages(&self, transport: Transport) -> &Count {
        &self.messages[transport as usize]
    }

    /// CPU time of this thread, ns, spent on sending and answering; only where it is measured (`--lab`).
    #[must_use]
    pub fn cpu_ns(&self, transport: Transport) -> &Count {
        &self.cpu_ns[transport as usize]
    }

    /// Polls answered; `transport` is `Poll` or `LongPoll`.
    #[must_use]
    pub fn answers(&self, transport: Transport, answered: Answered) -> &Count {
        let row = usize::from(transport == Transport::LongPoll);
        &self.answers[row * Answered::COUNT + answered as usize]
    }

    /// Counts a connection that the server closed.
    pub fn count_close(&self, code: u16) {
        let place = CLOSE_CODES.iter().position(|known| *known == code);
        self.closed[place.unwrap_or(CLOSE_CODES.len())].add(1);
    }

    /// Connections that the server closed: (code, how many); other codes come last as `None`.
    pub fn closed(&self) -> impl Iterator<Item = (Option<u16>, u64)> {
        let codes = CLOSE_CODES.iter().map(|code| Some(*code)).chain([None]);
        codes.zip(self.closed.iter().map(Count::get))
    }

    /// Counts `events` events that took `us` from the market to the socket.
    pub fn observe_publish_to_write(&self, us: u64, events: u64) {
        let bucket = PUBLISH_TO_WRITE_BOUNDS_US.partition_point(|bound| *bound < us);
        self.publish_to_write[bucket].add(events);
        self.publish_to_write_sum_us.add(us * events);
    }
}
