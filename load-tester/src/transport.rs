//! How a client is connected. One variant a transport, one way to use them all: [`Connection::open`], then
//! [`Connection::receive`] again and again. What the frames say is not looked at here.

mod websocket;

use std::net::SocketAddr;

use thiserror::Error;

use crate::plan::Plan;
pub use websocket::Payload;
use websocket::WebSocket;

/// Why there is no connection, or none any more. Few different texts, since they are counted by text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum End {
    /// The socket could not be made.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The server refused, by status and what it said.
    #[error("refused with {0}")]
    Refused(String),
    /// It was not finished in time.
    #[error("not connected and subscribed in time")]
    Late,
    /// The subscription was refused.
    #[error("subscribe refused: {0}")]
    Subscribe(String),
    /// The server closed in good order.
    #[error("closed with {0}")]
    Closed(String),
    /// The connection ended without a close.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The server broke the protocol under the frames.
    #[error("protocol error: {0}")]
    Protocol(String),
}

/// One frame as it was received.
pub struct Frame {
    /// What it says.
    pub payload: Payload,
    /// Its length with header, bytes.
    pub wire_bytes: u64,
}

/// An open connection.
pub enum Connection {
    /// Over `/v1/ws`.
    WebSocket(Box<WebSocket>),
}

impl Connection {
    /// Connects client `source` and, on transports that have it, sends `request`.
    ///
    /// # Errors
    /// It cannot be connected, or is refused.
    pub async fn open(
        plan: &Plan,
        source: Option<SocketAddr>,
        receive_buffer: Option<u32>,
        request: &[u8],
    ) -> Result<Self, End> {
        let mut socket = WebSocket::connect(plan, source, receive_buffer).await?;
        socket.send(request).await?;
        Ok(Self::WebSocket(Box::new(socket)))
    }

    /// The next frame. Not to be dropped half way if the connection is to be used again.
    ///
    /// # Errors
    /// The connection has ended.
    #[inline]
    pub async fn receive(&mut self) -> Result<Frame, End> {
        match self {
            Self::WebSocket(socket) => socket.receive().await,
        }
    }

    /// Tells the server that the client is there, without reading.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn sign_of_life(&mut self) -> Result<(), End> {
        match self {
            Self::WebSocket(socket) => socket.pong().await,
        }
    }

    /// Says goodbye and waits for the answer. Whether one came, and was the right one.
    pub async fn close(&mut self) -> bool {
        match self {
            Self::WebSocket(socket) => socket.close().await,
        }
    }
}
