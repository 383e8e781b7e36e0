//! How a server is asked for symbols, and how messages are counted in what it sends. The client's only knowledge of who
//! is on the other side.

use crate::client::frames::client_frame;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// Symbols that still fit into an address, and into one request (64 KiB).
const IN_ADDRESS_MAX: usize = 100;
const IN_REQUEST_MAX: usize = 4000;

/// What a server speaks on its WebSocket. Every event is the same JSON object in all but MessagePack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Arrays of events; symbols in the address, unless there are none.
    Tickcast,
    /// The same as MessagePack.
    TickcastMsgpack,
    /// A frame an event; the first message is a comma list of symbols.
    Plain,
    /// Engine.IO 4 with a Socket.IO event each.
    SocketIo,
    /// The client protocol of NATS; several messages may share a frame.
    Nats,
    /// A channel a symbol, all of them named in the address.
    Nchan,
}

/// How messages are counted without parsing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Each event has exactly one opening brace (the contract check compares with what a parser finds).
    Braces,
    /// A frame begins with the length of its array.
    ArrayHeads,
}

impl Dialect {
    /// See [`Counting`].
    #[must_use]
    pub fn counting(self) -> Counting {
        if self == Self::TickcastMsgpack { Counting::ArrayHeads } else { Counting::Braces }
    }

    /// The HTTP request that opens a WebSocket to `port`.
    #[must_use]
    pub fn request(self, port: u16, symbols: &[&str], snapshot: bool) -> Vec<u8> {
        let list = symbols.join(",");
        let subscribe = match symbols.len() {
            1..=IN_ADDRESS_MAX => format!("&snapshot={snapshot}&symbols={list}"),
            _ => String::new(),
        };
        let path = match self {
            Self::Tickcast => format!("/v1/ws?heartbeat_ms=0{subscribe}"),
            Self::TickcastMsgpack => format!("/v1/ws?heartbeat_ms=0&format=msgpack{subscribe}"),
            Self::Plain | Self::Nats => "/".to_owned(),
            Self::SocketIo => format!("/socket.io/?EIO=4&transport=websocket&symbols={list}"),
            Self::Nchan => format!("/subscribe/{list}"),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .into_bytes()
    }

    /// The frames that are sent once the WebSocket is open.
    #[must_use]
    pub fn greeting(self, symbols: &[&str]) -> Vec<u8> {
        match self {
            Self::Tickcast if symbols.len() > IN_ADDRESS_MAX => {
                let requests = symbols.chunks(IN_REQUEST_MAX).map(|symbols| {
                    let list = symbols.join("\",\"");
                    let request =
                        format!(r#"{{"op":"subscribe","snapshot":false,"symbols":["{list}"]}}"#);
                    client_frame(TEXT, request.as_bytes())
                });
                requests.flatten().collect()
            }
            Self::Tickcast | Self::TickcastMsgpack | Self::Nchan => Vec::new(),
            Self::Plain => client_frame(TEXT, symbols.join(",").as_bytes()),
            Self::SocketIo => client_frame(TEXT, b"40"),
            Self::Nats => {
                let mut text = "CONNECT {\"verbose\":false}\r\n".to_owned();
                for (number, symbol) in symbols.iter().enumerate() {
                    text.push_str(&format!("SUB {symbol} {}\r\n", number + 1));
                }
                client_frame(BINARY, text.as_bytes())
            }
        }
    }
}
