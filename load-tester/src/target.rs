//! Where the server is: a `ws://` or `http://` address taken apart and resolved once, before anything is opened.
//! Refuses machines other than this one unless that is asked for: a load test of somebody else's server is an attack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use hyper::Uri;
use thiserror::Error;

/// Clients that share one source address; one has 28,232 ports to begin a connection from.
const CLIENTS_A_SOURCE: u32 = 10_000;

/// Where the socket is below the prefix.
const SOCKET_PATH: &str = "/v1/ws";

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
    /// What stands before `/v1/` in paths.
    prefix: String,
    /// Query that was given with the address.
    query: Option<String>,
}

/// Why an address was refused.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Not of the form `ws://host:port/path`.
    #[error(
        "`{0}` is no address of a feed: give one like ws://127.0.0.1:8080/v1/ws or http://127.0.0.1:8080/"
    )]
    Form(String),
    /// TLS.
    #[error("`{0}`: TLS is not supported; point it at the server's plain port (ws:// or http://)")]
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
            Some("ws" | "http") => {}
            Some("wss" | "https") => return Err(TargetError::Tls(url.to_owned())),
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
        // `ws://` names the socket itself; `http://` names where the server's paths begin.
        let (path, prefix) = if uri.scheme_str() == Some("ws") {
            (uri.path().to_owned(), uri.path().strip_suffix(SOCKET_PATH).unwrap_or_default())
        } else {
            let prefix = uri.path().trim_end_matches('/');
            (format!("{prefix}{SOCKET_PATH}"), prefix)
        };
        let query = uri.query().map(str::to_owned);
        Ok(Self {
            url: url.to_owned(),
            address: *address.ok_or_else(form)?,
            authority: format!("{host}:{port}"),
            path: query.iter().fold(path, |path, query| format!("{path}?{query}")),
            prefix: prefix.to_owned(),
            query,
        })
    }

    /// Path of `/v1/ENDPOINT` with `query` and what was given with the address.
    #[must_use]
    pub fn path_of(&self, endpoint: &str, query: &str) -> String {
        let given = self.query.as_deref();
        let query = [query].into_iter().chain(given).filter(|query| !query.is_empty());
        let query = query.collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/v1/{endpoint}{mark}{query}", self.prefix)
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
    fn knows_every_path_of_a_server() {
        let of = |url| Target::new(url, false).unwrap();
        let plain = of("ws://127.0.0.1:8080/v1/ws");
        assert_eq!(plain.path_of("poll", "symbols=*"), "/v1/poll?symbols=*");
        let http = of("http://127.0.0.1:8080/");
        assert_eq!(
            (http.path.as_str(), http.path_of("symbols", "")),
            ("/v1/ws", "/v1/symbols".into())
        );
        let behind = of("http://127.0.0.1:8080/feed/?heartbeat_ms=250");
        assert_eq!(behind.path, "/feed/v1/ws?heartbeat_ms=250");
        assert_eq!(behind.path_of("sse", "symbols=A"), "/feed/v1/sse?symbols=A&heartbeat_ms=250");
        let proxied = of("ws://127.0.0.1:8080/feed/v1/ws");
        assert_eq!(proxied.path_of("poll", ""), "/feed/v1/poll");
    }

    #[test]
    fn refuses_what_it_should_not_or_cannot_test() {
        assert!(matches!(
            Target::new("ws://192.0.2.1:80/", false),
            Err(TargetError::Remote { .. })
        ));
        assert!(Target::new("ws://192.0.2.1:80/", true).is_ok());
        assert!(matches!(Target::new("wss://127.0.0.1/", false), Err(TargetError::Tls(_))));
        assert!(matches!(Target::new("https://127.0.0.1/", false), Err(TargetError::Tls(_))));
        assert!(matches!(Target::new("ftp://127.0.0.1/", false), Err(TargetError::Form(_))));
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
