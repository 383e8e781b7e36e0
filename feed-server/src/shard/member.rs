//! One connection as its shard sees it. Small while idle: what only slow or closing connections need is boxed.

use feed_protocol::CloseCode;

use super::audience::AudienceId;
use super::clock::Now;
use super::counters::Transport;
use super::outbox::Outbox;
use super::wire::Wire;
use crate::connection::rate::RateLimit;
use crate::connection::subscriptions::Subscriptions;

/// A connection's place in one audience.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    /// Which audience.
    pub audience: AudienceId,
    /// Its place in the audience's list of attached or private members.
    pub place: u32,
    /// Which of the two lists.
    pub is_private: bool,
}

/// How far a connection's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In use.
    Open,
    /// A Close frame is on its way; nothing else is sent.
    Closing {
        /// The code that was sent, if any.
        code: Option<u16>,
        /// When the socket is reset if the close has not gone through, µs of the shard's clock.
        reset_at_us: u64,
    },
    /// Broken, or reset: the socket is to be dropped.
    Dead,
}

/// A connection.
#[derive(Debug)]
pub struct Member<S> {
    /// Where its bytes go.
    pub sink: S,
    /// How frames stand on it.
    pub wire: Wire,
    /// What it is counted as.
    pub transport: Transport,
    /// How far its end has come.
    pub phase: Phase,
    /// Whether a heartbeat is owed that the socket did not take.
    pub owes_heartbeat: bool,
    /// Heartbeat period, 0 for none.
    pub heartbeat_ms: u32,
    /// When the next heartbeat is due, µs of the shard's clock.
    pub heartbeat_at_us: u64,
    /// When the client was last heard of.
    pub heard_us: u64,
    /// When it was sent a ping that is not answered yet; 0 if there is none.
    pub pinged_us: u64,
    /// Events merged away since the last heartbeat.
    pub merged: u64,
    /// Requests it may still send.
    pub rate: RateLimit,
    /// What it asked for.
    pub subscriptions: Subscriptions,
    /// What it is sent: an audience a behaviour.
    pub memberships: Vec<Membership>,
    /// What its socket did not take yet.
    pub outbox: Option<Box<Outbox>>,
    /// Requests that wait for a replay to end.
    #[allow(
        clippy::box_collection,
        reason = "8 bytes a connection instead of 24, as there are nearly always none"
    )]
    pub deferred: Option<Box<Vec<feed_protocol::Request>>>,
    /// The server drains: as soon as the socket takes it, `bye` with this `retry_ms`, and the close.
    pub farewell_ms: Option<u64>,
    /// `bye` is on its way; the close follows.
    pub farewell_is_sent: bool,
    /// Tells this connection from an earlier one with the same number.
    pub generation: u32,
}

impl<S> Member<S> {
    /// A connection that has asked for nothing yet.
    pub fn new(sink: S, wire: Wire, generation: u32, now: Now) -> Self {
        Self {
            sink,
            wire,
            transport: wire.transport(),
            phase: Phase::Open,
            owes_heartbeat: false,
            heartbeat_ms: 0,
            heartbeat_at_us: now.clock_us,
            heard_us: now.clock_us,
            pinged_us: 0,
            merged: 0,
            rate: RateLimit::default(),
            subscriptions: Subscriptions::default(),
            memberships: Vec::new(),
            outbox: None,
            deferred: None,
            farewell_ms: None,
            farewell_is_sent: false,
            generation,
        }
    }

    /// Whether its socket does not take bytes now.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.outbox.is_some()
    }

    /// Whether it is neither closing nor dead.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Its membership in an audience.
    pub fn membership_mut(&mut self, audience: AudienceId) -> Option<&mut Membership> {
        self.memberships.iter_mut().find(|membership| membership.audience == audience)
    }
}

/// A close that a shard has decided on.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The code; none answers a Close frame without one.
    pub code: Option<u16>,
    /// For people.
    pub reason: String,
}

impl From<CloseCode> for Closing {
    fn from(code: CloseCode) -> Self {
        Self { code: Some(code.number()), reason: String::new() }
    }
}
