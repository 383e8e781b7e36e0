//! Where the server is: a `ws://` address taken apart and resolved once, before anything is opened.
//! Refuses machines other than this one unless that is asked for: a load test of somebody else's server is an attack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use hyper::Uri;
use thiserror::Error;

/// Clients that share one source address; one has 28,232 ports to begin a connection from.
const CLIENTS_A_SOURCE: u32 = 10_000;

/// A server that may be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was given.
    pub url: String,
    /// What to connect to.
    pub address: SocketAddr,
    /// `host:port` for the `Host` header.
    pub authority: String,
    /// Path and query of the socket.
    pub path: String,
}

/// Why an address was refused.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Not of the form `ws://host:port/path`.
    #[error("`{0}` is no address of a WebSocket: give one like ws://127.0.0.1:8080/v1/ws")]
    Form(String),
    /// TLS.
    #[error("`{0}`: TLS is not supported; point it at the server's plain port (ws://)")]
    Tls(String),
    /// No such host.
    #[error("cannot find the host of `{url}`: {why}")]
    Resolve {
        /// As it was given.
        url: String,
        /// What the resolver said.
        why: std::io::Error,
    },
    /// Another machine.
    #[error(
        "`{url}` is another machine ({address}); only this one is tested unless --allow-remote says that you may"
    )]
    Remote {
        /// As it was given.
        url: String,
        /// Where it leads.
        address: IpAddr,
    },
}

impl Target {
    /// Takes `url` apart and looks its host up.
    ///
    /// # Errors
    /// It is malformed, unknown, or another machine without `allow_remote`.
    pub fn new(url: &str, allow_remote: bool) -> Result<Self, TargetError> {
        let form = || TargetError::Form(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| form())?;
        match uri.scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(TargetError::Tls(url.to_owned())),
            _ => return Err(form()),
        }
        let host = uri.host().ok_or_else(form)?;
        let port = uri.port_u16().unwrap_or(80);
        let addresses: Vec<_> = (host.trim_matches(['[', ']']), port)
            .to_socket_addrs()
            .map_err(|why| TargetError::Resolve { url: url.to_owned(), why })?
            .collect();
        let remote = addresses.iter().find(|address| !address.ip().is_loopback());
        if let Some(remote) = remote.filter(|_| !allow_remote) {
            return Err(TargetError::Remote { url: url.to_owned(), address: remote.ip() });
        }
        let address = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first());
        Ok(Self {
            url: url.to_owned(),
            address: *address.ok_or_else(form)?,
            authority: format!("{host}:{port}"),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// The address that client `number` comes from: on loopback 127.0.0.2 and on, so that ports suffice; elsewhere
    /// whatever the system chooses.
    #[must_use]
    pub fn source(&self, number: u32) -> Option<SocketAddr> {
        let IpAddr::V4(target) = self.address.ip() else { return None };
        if !target.is_loopback() {
            return None;
        }
        let [_, b, c, d] = (2 + number / CLIENTS_A_SOURCE).to_be_bytes();
        Some((Ipv4Addr::new(127, b, c, d), 0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_address_apart() {
        let target = Target::new("ws://127.0.0.1:8080/v1/ws?heartbeat_ms=250", false).unwrap();
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(target.path, "/v1/ws?heartbeat_ms=250");
        assert_eq!(target.authority, "127.0.0.1:8080");
    }

    #[test]
    fn refuses_what_it_should_not_or_cannot_test() {
        assert!(matches!(
            Target::new("ws://192.0.2.1:80/", false),
            Err(TargetError::Remote { .. })
        ));
        assert!(Target::new("ws://192.0.2.1:80/", true).is_ok());
        assert!(matches!(Target::new("wss://127.0.0.1/", false), Err(TargetError::Tls(_))));
        assert!(matches!(Target::new("http://127.0.0.1/", false), Err(TargetError::Form(_))));
        assert!(matches!(Target::new("127.0.0.1:80", false), Err(TargetError::Form(_))));
    }

    #[test]
    fn spreads_clients_over_source_addresses() {
        let target = Target::new("ws://127.0.0.1:8080/", false).unwrap();
        assert_eq!(target.source(9_999), Some("127.0.0.2:0".parse().unwrap()));
        assert_eq!(target.source(10_000), Some("127.0.0.3:0".parse().unwrap()));
        let remote = Target::new("ws://192.0.2.1:80/", true).unwrap();
        assert_eq!(remote.source(10_000), None);
    }
}
