//! The servers that are compared.

use anyhow::{Result, bail};

use peers::client::dialect::Dialect;

/// How a server comes to its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// It makes them itself, from a schedule (Tickcast: from its simulator).
    Own,
    /// It is a broker: a publisher on the clients' processor feeds it.
    Publisher,
}

/// A server.
#[derive(Debug)]
pub struct Peer {
    /// As in `--only`, tables and results.
    pub name: &'static str,
    /// How clients talk to it.
    pub dialect: Dialect,
    /// See [`Feed`].
    pub feed: Feed,
    /// How to install it, if it is not there.
    pub install: &'static str,
}

impl Peer {
    /// Whether it is Tickcast itself, in whatever format.
    pub fn is_tickcast(&self) -> bool {
        matches!(self.dialect, Dialect::Tickcast | Dialect::TickcastMsgpack)
    }
}

const SETUP: &str = "benches/peers/run sets it up";

/// All that are known, in the order in which they are measured.
pub static PEERS: [Peer; 10] = [
    Peer { name: "tickcast", dialect: Dialect::Tickcast, feed: Feed::Own, install: SETUP },
    Peer {
        name: "uwebsockets",
        dialect: Dialect::Plain,
        feed: Feed::Own,
        install: "python3 -m venv benches/peers/.tools/venv && benches/peers/.tools/venv/bin/pip install socketify; needs libuv1",
    },
    Peer { name: "bare", dialect: Dialect::Plain, feed: Feed::Own, install: SETUP },
    Peer { name: "tungstenite", dialect: Dialect::Plain, feed: Feed::Own, install: SETUP },
    Peer { name: "axum", dialect: Dialect::Plain, feed: Feed::Own, install: SETUP },
    Peer {
        name: "ws",
        dialect: Dialect::Plain,
        feed: Feed::Own,
        install: "npm ci in benches/peers/servers",
    },
    Peer {
        name: "socket.io",
        dialect: Dialect::SocketIo,
        feed: Feed::Own,
        install: "npm ci in benches/peers/servers",
    },
    Peer {
        name: "nats",
        dialect: Dialect::Nats,
        feed: Feed::Publisher,
        install: "apt-get install nats-server",
    },
    Peer {
        name: "nchan",
        dialect: Dialect::Nchan,
        feed: Feed::Publisher,
        install: "apt-get install nginx libnginx-mod-nchan",
    },
    Peer {
        name: "tickcast-msgpack",
        dialect: Dialect::TickcastMsgpack,
        feed: Feed::Own,
        install: SETUP,
    },
];

/// Those with these names; without names, all.
///
/// # Errors
/// A name is not known.
pub fn asked_for(names: &[String]) -> Result<Vec<&'static Peer>> {
    for name in names {
        if !PEERS.iter().any(|peer| peer.name == name) {
            let known: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
            bail!("--only {name}: known are {}", known.join(", "));
        }
    }
    Ok(PEERS
        .iter()
        .filter(|peer| names.is_empty() || names.iter().any(|name| name == peer.name))
        .collect())
}
