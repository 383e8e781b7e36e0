//! The rows of the table: what each measures, and who takes part.

use std::time::Duration;

use super::fanout::{WARM_UP, Work};
use super::flood::Flood;
use super::peer::Peer;

/// A row.
#[derive(Debug)]
pub struct Row {
    /// As in `--rows`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What is measured, one after another within a round: a name behind that of the row (`/100`), if there are several.
    pub cases: &'static [(&'static str, Kind)],
    /// Who takes part.
    pub who: fn(&Peer) -> bool,
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// At a given rate.
    Fanout(Shape),
    /// Each server at the highest rate that it delivers whole; the shape's rate is not used.
    Peak(Shape),
    /// So many connections without subscriptions.
    Idle(usize),
    /// Thousands at once.
    Storm,
    /// The clients' own limit.
    Flood(Shape, Flood),
}

/// Connections, symbols, symbols of a connection, events a second.
#[derive(Clone, Copy, Debug)]
pub struct Shape(pub usize, pub usize, pub usize, pub u64);

impl Shape {
    /// With how long it takes.
    pub fn work(self, window: Duration) -> Work {
        let Self(connections, symbols, each, rate) = self;
        // Ten thousand subscriptions a connection take a while.
        let warm_up = if each > 1000 { 5 * WARM_UP } else { WARM_UP };
        Work { connections, symbols, each, rate, warm_up, window }
    }
}

fn all_json(peer: &Peer) -> bool {
    peer.name != "tickcast-msgpack"
}

/// Searching the highest rate takes a minute a server: only for those that come near.
fn fastest(peer: &Peer) -> bool {
    ["tickcast", "uwebsockets", "bare"].contains(&peer.name)
}

fn tickcast(peer: &Peer) -> bool {
    peer.name == "tickcast"
}

/// All rows.
pub static ROWS: [Row; 10] = [
    Row {
        name: "1k",
        title: "1000 connections, each on its own 10 of 100 symbols, 1,000 events/s",
        cases: &[("", Kind::Fanout(Shape(1000, 100, 10, 1_000)))],
        who: all_json,
    },
    Row {
        name: "10k",
        title: "the same, 10,000 events/s",
        cases: &[("", Kind::Fanout(Shape(1000, 100, 10, 10_000)))],
        who: all_json,
    },
    Row {
        name: "60k",
        title: "the same, 60,000 events/s",
        cases: &[("", Kind::Fanout(Shape(1000, 100, 10, 60_000)))],
        who: all_json,
    },
    Row {
        name: "peak",
        title: "the same, each at the highest rate that it delivers whole",
        cases: &[("", Kind::Peak(Shape(1000, 100, 10, 0)))],
        who: fastest,
    },
    Row {
        name: "msgpack",
        title: "1000 connections on one symbol, 10,000 events/s, JSON and MessagePack",
        cases: &[("", Kind::Fanout(Shape(1000, 1, 1, 10_000)))],
        who: Peer::is_tickcast,
    },
    Row {
        name: "idle",
        title: "15,000 connections that have not subscribed",
        cases: &[("", Kind::Idle(15_000))],
        // nchan's connections always have a channel; `bare` keeps nothing of a connection.
        who: |peer| all_json(peer) && !["nchan", "bare"].contains(&peer.name),
    },
    Row {
        name: "connections",
        title: "100 to 15,000 connections, each on 10 of 100 symbols, 100,000 messages/s",
        cases: &[
            ("/100", Kind::Fanout(Shape(100, 100, 10, 10_000))),
            ("/1000", Kind::Fanout(Shape(1000, 100, 10, 1_000))),
            ("/15000", Kind::Fanout(Shape(15_000, 100, 10, 67))),
        ],
        // What the kernel itself pays for sockets that have gone cold shows in the others.
        who: fastest,
    },
    Row {
        name: "symbols",
        title: "10 to 100,000 symbols, 1000 connections, each on a tenth of them, 100,000 messages/s",
        cases: &[
            ("/10", Kind::Fanout(Shape(1000, 10, 1, 1_000))),
            ("/1000", Kind::Fanout(Shape(1000, 1_000, 100, 1_000))),
            ("/100000", Kind::Fanout(Shape(1000, 100_000, 10_000, 1_000))),
        ],
        who: tickcast,
    },
    Row {
        name: "storm",
        title: "10,000 connections at once, each with the latest of 50 symbols, beside 100 others",
        cases: &[("", Kind::Storm)],
        who: tickcast,
    },
    Row {
        name: "client",
        title: "the clients' own limit: 1000 connections, what one processor can read of them",
        cases: &[
            ("/pieces", Kind::Flood(Shape(1000, 100, 10, 1_000), Flood::Pieces)),
            ("/messages", Kind::Flood(Shape(1000, 100, 10, 1_000), Flood::Messages)),
        ],
        who: |peer| peer.name == "bare",
    },
];
