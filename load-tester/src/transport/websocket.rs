//! The WebSocket transport: hyper for the handshake (so that a refusal can be shown with its status and body),
//! fastwebsockets for frames, fragments put together. Pings are answered while reading.

use std::net::SocketAddr;

use fastwebsockets::{
    FragmentCollector, Frame as WireFrame, OpCode, Payload as WirePayload, Role, WebSocketError,
    handshake::generate_key,
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

use super::{End, Frame};
use crate::plan::{Format, Plan};

/// A frame's bytes; the transport's buffer is behind them until they are dropped.
pub type Payload = WirePayload<'static>;

/// Close code of a client that has had enough.
const DONE: u16 = 1000;
/// So much of a refusal's body is shown.
const REFUSAL_BYTES_MAX: usize = 4096;

/// One connection.
pub struct WebSocket {
    socket: FragmentCollector<TokioIo<Upgraded>>,
    format: Format,
}

impl WebSocket {
    /// Connects from `source`, with a receive buffer of `receive_buffer` bytes if it is to be small.
    pub(super) async fn connect(
        plan: &Plan,
        source: Option<SocketAddr>,
        receive_buffer: Option<u32>,
    ) -> Result<Self, End> {
        let stream = dial(plan.target.address, source, receive_buffer)
            .await
            .map_err(|why| End::Connect(why.to_string()))?;
        let upgraded = upgrade(plan, stream).await?;
        let mut socket =
            fastwebsockets::WebSocket::after_handshake(TokioIo::new(upgraded), Role::Client);
        socket.set_writev(false);
        Ok(Self { socket: FragmentCollector::new(socket), format: plan.format })
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
                    let wire_bytes = wire_bytes(frame.payload.len());
                    return Ok(Frame { payload: frame.payload, wire_bytes });
                }
                OpCode::Close => return Err(closed(&frame.payload)),
                OpCode::Ping | OpCode::Pong => {}
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

async fn dial(
    target: SocketAddr,
    source: Option<SocketAddr>,
    receive_buffer: Option<u32>,
) -> std::io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(source) = source {
        socket.bind(source)?;
    }
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The opening handshake.
async fn upgrade(plan: &Plan, stream: TcpStream) -> Result<Upgraded, End> {
    let request = Request::get(&plan.target.path)
        .header(HOST, &plan.target.authority)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_PROTOCOL, plan.format.subprotocol())
        .body(Empty::<Bytes>::new())
        .map_err(|why| End::Connect(why.to_string()))?;
    let lost = |why: hyper::Error| End::Lost(format!("in the handshake: {why}"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    // The exchange owns the sender: when a refusal has been read, the connection ends.
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(lost)?;
        accept(plan, response).await
    };
    // After the 101 the connection future resolves by itself and hands the socket over.
    let (accepted, served) = tokio::join!(exchange, connection.with_upgrades());
    let upgrade = accepted?;
    served.map_err(lost)?;
    upgrade.await.map_err(lost)
}

/// What follows if the server has agreed; what it said if it has not.
async fn accept(
    plan: &Plan,
    response: Response<Incoming>,
) -> Result<hyper::upgrade::OnUpgrade, End> {
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body = Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        return Err(End::Refused(format!("{status} {}", text.trim()).trim_end().to_owned()));
    }
    let wanted = plan.format.subprotocol();
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

/// Length on the wire of an unfragmented frame from a server, whose payload is not masked.
fn wire_bytes(payload: usize) -> u64 {
    let header = match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    payload as u64 + header
}
