//! The WebSocket transport: hyper for the handshake (so that a refusal can be shown with its status and body),
//! fastwebsockets for frames, fragments put together. Pings are answered while reading.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use fastwebsockets::{
    FragmentCollector, Frame as WireFrame, OpCode, Payload as WirePayload, Role, WebSocketError,
    handshake::generate_key,
};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::dial::Closing;
use super::http::refusal;
use super::meter::{Meter, Metered};
use super::{Ask, Cost, End, Frame, Layers, Mark, Payload};
use crate::plan::Format;

/// Close code of a client that has had enough.
const DONE: u16 = 1000;

/// One connection.
pub struct WebSocket {
    socket: FragmentCollector<TokioIo<Upgraded>>,
    format: Format,
    meter: Arc<Meter>,
    watch: Option<OwnedFd>,
    /// Bytes of control frames since the last data frame, down and up.
    control: (u32, u32),
}

impl WebSocket {
    /// Connects and shakes hands.
    pub(super) async fn connect(ask: &Ask<'_>, format: Format) -> Result<Self, End> {
        let dialled = ask.dial.connect(Closing::InOrder, false).await?;
        let upgraded = upgrade(ask, format, dialled.io).await?;
        let mut socket =
            fastwebsockets::WebSocket::after_handshake(TokioIo::new(upgraded), Role::Client);
        socket.set_writev(false);
        let socket = FragmentCollector::new(socket);
        Ok(Self { socket, format, meter: dialled.meter, watch: dialled.watch, control: (0, 0) })
    }

    /// Bytes read and written so far.
    #[inline]
    pub(super) fn wire(&self) -> (u64, u64) {
        self.meter.wire()
    }

    pub(super) fn watch(&self) -> Option<&OwnedFd> {
        self.watch.as_ref()
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), End> {
        let payload = WirePayload::Owned(message.to_vec());
        let frame = match self.format {
            Format::Json => WireFrame::text(payload),
            Format::Msgpack => WireFrame::binary(payload),
        };
        self.socket.write_frame(frame).await.map_err(end)
    }

    /// Sends an unsolicited pong (RFC 6455, 5.5.3).
    pub(super) async fn pong(&mut self) -> Result<(), End> {
        let payload = WirePayload::Borrowed(b"");
        self.socket.write_frame(WireFrame::pong(payload)).await.map_err(end)
    }

    /// The next data frame.
    #[inline]
    pub(super) async fn receive(&mut self) -> Result<Frame, End> {
        loop {
            let frame = self.socket.read_frame().await.map_err(end)?;
            let wanted = match self.format {
                Format::Json => OpCode::Text,
                Format::Msgpack => OpCode::Binary,
            };
            match frame.opcode {
                opcode if opcode == wanted => {
                    let (down, up) = std::mem::take(&mut self.control);
                    let framing = header_bytes(frame.payload.len()) + down;
                    let cost = Cost {
                        down: Layers { framing, ..Layers::default() },
                        up: Layers { framing: up, ..Layers::default() },
                    };
                    let payload = Payload::Frame(frame.payload);
                    return Ok(Frame { payload, cost, mark: Mark::None });
                }
                OpCode::Close => return Err(closed(&frame.payload)),
                OpCode::Ping | OpCode::Pong => {
                    let bytes = u32::try_from(frame.payload.len()).unwrap_or(0);
                    self.control.0 += 2 + bytes;
                    // Its pong has gone already, with a mask.
                    self.control.1 += if frame.opcode == OpCode::Ping { 6 + bytes } else { 0 };
                }
                _ => return Err(End::Protocol("a frame of the other format".to_owned())),
            }
        }
    }

    /// Closes with 1000 and waits until the server has done so too: whoever hangs up first keeps the port for a
    /// minute, and that had better not be this side. Whether the server answered with the same code.
    pub(super) async fn close(&mut self) -> bool {
        if self.socket.write_frame(WireFrame::close(DONE, b"")).await.is_err() {
            return false;
        }
        let mut answered = false;
        loop {
            match self.socket.read_frame().await {
                Ok(frame) => answered = frame.payload.starts_with(&DONE.to_be_bytes()),
                // Data that was under way.
                Err(WebSocketError::ConnectionClosed) => {}
                Err(_) => return answered,
            }
        }
    }
}

/// The opening handshake.
async fn upgrade(ask: &Ask<'_>, format: Format, io: TokioIo<Metered>) -> Result<Upgraded, End> {
    let mut request = Request::get(&ask.path)
        .header(HOST, ask.authority)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_PROTOCOL, format.subprotocol())
        .body(Empty::<Bytes>::new())
        .map_err(|why| End::Connect(why.to_string()))?;
    request.headers_mut().extend(ask.headers.clone());
    let lost = |why: hyper::Error| End::Lost(format!("in the handshake: {why}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(lost)?;
    // The exchange owns the sender: when a refusal has been read, the connection ends.
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(lost)?;
        accept(format, response).await
    };
    // After the 101 the connection future resolves by itself and hands the socket over.
    let (accepted, served) = tokio::join!(exchange, connection.with_upgrades());
    let upgrade = accepted?;
    served.map_err(lost)?;
    upgrade.await.map_err(lost)
}

/// What follows if the server has agreed; what it said if it has not.
async fn accept(
    format: Format,
    response: Response<Incoming>,
) -> Result<hyper::upgrade::OnUpgrade, End> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response).await);
    }
    let wanted = format.subprotocol();
    let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL).map(|value| value.as_bytes());
    if chosen != Some(wanted.as_bytes()) {
        return Err(End::Protocol(format!("the server did not choose {wanted}")));
    }
    Ok(hyper::upgrade::on(response))
}

fn end(error: WebSocketError) -> End {
    match error {
        WebSocketError::UnexpectedEOF | WebSocketError::ConnectionClosed => {
            End::Lost("end of stream without a close".to_owned())
        }
        WebSocketError::IoError(why) => End::Lost(why.to_string()),
        other => End::Protocol(other.to_string()),
    }
}

/// Code and reason of a close frame.
fn closed(payload: &[u8]) -> End {
    match payload {
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let reason = String::from_utf8_lossy(reason);
            End::Closed(format!("{code} {reason}").trim_end().to_owned())
        }
        _ => End::Closed("no code".to_owned()),
    }
}

/// Length of the header of an unfragmented frame from a server, whose payload is not masked.
fn header_bytes(payload: usize) -> u32 {
    match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}
