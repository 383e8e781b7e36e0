//! How a client is connected. One variant a way, one way to use them all: [`Connection::open`], then
//! [`Connection::receive`] again and again. What the messages say is not looked at here.

mod answer;
mod delay;
mod dial;
mod h2_frames;
mod http;
mod kind;
mod meter;
mod poll;
mod query;
mod segments;
mod split;
mod stream;
mod websocket;

use std::os::fd::AsFd;

use hyper::HeaderMap;
use hyper::body::Bytes;
use thiserror::Error;

pub use answer::Answer;
pub use dial::Dial;
pub use kind::{HttpVersion, Kind, Transport, TransportError};
pub use poll::Pacing;
pub use query::query;
pub use segments::{HEADER_BYTES as SEGMENT_HEADER_BYTES, Segments};

use poll::Poller;
use stream::Stream;
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

/// An array of messages; the transport's buffer is behind it until it is dropped.
pub enum Payload {
    /// Of a WebSocket frame.
    Frame(fastwebsockets::Payload<'static>),
    /// Of an HTTP body.
    Body(Bytes),
}

impl std::ops::Deref for Payload {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Frame(payload) => payload,
            Self::Body(payload) => payload,
        }
    }
}

/// Bytes of one direction by layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// Upward only: what the client says. Downward it is the frame's payload.
    pub payload: u32,
    /// What stands between payloads.
    pub framing: u32,
    /// Heads of requests or answers.
    pub headers: u32,
    /// HTTP/2: bodies without payloads. Below zero when a body had been read ahead.
    pub around: i64,
}

/// What a frame has cost besides its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// From the server.
    pub down: Layers,
    /// To the server.
    pub up: Layers,
}

/// What came with a frame that concerns the client's place in the stream.
pub enum Mark {
    /// Nothing.
    None,
    /// An event's `id:`: everything up to this offset has been sent.
    Cursor(u64),
    /// It is an answer.
    Answer(Box<Answer>),
}

/// One frame as it was received: a WebSocket frame, a line, an SSE event, or an answer.
pub struct Frame {
    /// The array of messages.
    pub payload: Payload,
    /// What it has cost.
    pub cost: Cost,
    /// Its place.
    pub mark: Mark,
}

impl Frame {
    /// Whether it has no message in it; only HTTP has such frames.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.payload, Payload::Body(bytes) if bytes.trim_ascii() == b"[]" || bytes.is_empty())
    }
}

/// What to connect to, and what to ask for.
pub struct Ask<'a> {
    /// How events come.
    pub transport: Transport,
    /// How to reach the server.
    pub dial: Dial,
    /// `host:port`.
    pub authority: &'a str,
    /// Path of the transport, with the query that subscribes on HTTP.
    pub path: String,
    /// The `subscribe` of a WebSocket.
    pub request: Vec<u8>,
    /// When polls are due.
    pub pacing: Pacing,
    /// Whether polls say what they have (`If-None-Match`).
    pub conditional: bool,
    /// Further headers of every request.
    pub headers: HeaderMap,
}

/// An open connection.
pub enum Connection {
    /// Over `/v1/ws`.
    WebSocket(Box<WebSocket>),
    /// Over `/v1/poll` or `/v1/long-poll`.
    Poll(Box<Poller>),
    /// Over `/v1/sse` or `/v1/stream`.
    Stream(Box<Stream>),
}

impl Connection {
    /// Connects, and asks for what is wanted.
    ///
    /// # Errors
    /// It cannot be connected, or is refused.
    pub async fn open(ask: Ask<'_>) -> Result<Self, End> {
        Ok(match ask.transport.kind {
            Kind::WebSocket(format) => {
                let mut socket = WebSocket::connect(&ask, format).await?;
                socket.send(&ask.request).await?;
                Self::WebSocket(Box::new(socket))
            }
            Kind::Poll(_) | Kind::LongPoll => Self::Poll(Box::new(Poller::connect(ask).await?)),
            Kind::Sse | Kind::Stream => Self::Stream(Box::new(Stream::connect(ask).await?)),
        })
    }

    /// The next frame. Not to be dropped half way if the connection is to be used again.
    ///
    /// # Errors
    /// The connection has ended.
    #[inline]
    pub async fn receive(&mut self) -> Result<Frame, End> {
        match self {
            Self::WebSocket(socket) => socket.receive().await,
            Self::Poll(poller) => poller.receive().await,
            Self::Stream(stream) => stream.receive().await,
        }
    }

    /// Bytes read from the socket and written to it so far.
    #[inline]
    #[must_use]
    pub fn wire(&self) -> (u64, u64) {
        match self {
            Self::WebSocket(socket) => socket.wire(),
            Self::Poll(poller) => poller.wire(),
            Self::Stream(stream) => stream.wire(),
        }
    }

    /// Segments received and sent so far, if this connection is watched.
    #[must_use]
    pub fn segments(&self) -> Option<Segments> {
        let watch = match self {
            Self::WebSocket(socket) => socket.watch(),
            Self::Poll(poller) => poller.watch(),
            Self::Stream(stream) => stream.watch(),
        };
        Segments::of(watch?.as_fd())
    }

    /// Tells the server that the client is there, without reading.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn sign_of_life(&mut self) -> Result<(), End> {
        match self {
            Self::WebSocket(socket) => socket.pong().await,
            Self::Poll(_) | Self::Stream(_) => Ok(()),
        }
    }

    /// Says goodbye and waits for the answer. Whether one came, and was the right one. HTTP has no goodbye.
    pub async fn close(&mut self) -> bool {
        match self {
            Self::WebSocket(socket) => socket.close().await,
            Self::Poll(_) | Self::Stream(_) => true,
        }
    }
}
