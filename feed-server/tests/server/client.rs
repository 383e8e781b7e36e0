//! A WebSocket client that can do wrong: sends any bytes, and reads what comes with a deadline.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use feed_protocol::{Control, Data, Format, RequestId, ServerMessage, SymbolTable, decode_frame};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use super::PATIENCE;
use super::frames::{BINARY, CLOSE, FIN, Frame, FrameReader, PONG, TEXT, close_frame, masked};
use super::http::{Answer, connect, read_head};

/// The handshake of RFC 6455, 1.3, and what it must be answered with.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A good handshake for `path` with more header lines.
pub fn handshake(path: &str, headers: &[&str]) -> String {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    );
    for header in headers {
        request += &format!("{header}\r\n");
    }
    request + "\r\n"
}

pub struct Client {
    pub stream: TcpStream,
    pub format: Format,
    frames: FrameReader,
    table: SymbolTable,
    waiting: VecDeque<ServerMessage>,
    syncs: i64,
}

impl Client {
    /// Connects and takes the `welcome`.
    pub fn connect(address: SocketAddr, format: Format, query: &str) -> Self {
        Self::over(connect(address), format, query)
    }

    /// As `connect`, with a receive buffer so small that the server's writes soon find no room.
    pub fn connect_narrow(address: SocketAddr, query: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(2048).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into(), Format::Json, query)
    }

    fn over(stream: TcpStream, format: Format, query: &str) -> Self {
        let mut client = Self::opening(stream, format, query);
        let welcome = client.control();
        assert!(matches!(welcome, Control::Welcome { .. }), "{welcome:?}");
        client
    }

    /// Shakes hands, and reads nothing yet. Heartbeats come only if the query asks for them.
    pub fn opening(mut stream: TcpStream, format: Format, query: &str) -> Self {
        let query = match (query.contains("heartbeat_ms"), query.is_empty()) {
            (true, _) => query.to_owned(),
            (false, true) => "?heartbeat_ms=0".to_owned(),
            (false, false) => format!("{query}&heartbeat_ms=0"),
        };
        let offer = format!("Sec-WebSocket-Protocol: {}", format.subprotocol());
        let request = handshake(&format!("/v1/ws{query}"), &[&offer]);
        let (answer, early) = shake_hands(&mut stream, request.as_bytes());
        assert_eq!(answer.status, 101, "{answer:?}");
        Self::after_handshake(stream, early, format)
    }

    /// `early` was read behind the handshake.
    pub fn after_handshake(stream: TcpStream, early: Vec<u8>, format: Format) -> Self {
        let frames = FrameReader::new(stream.try_clone().unwrap(), early);
        let (table, waiting) = (SymbolTable::default(), VecDeque::new());
        Self { stream, format, frames, table, waiting, syncs: 0 }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends bytes of which the server may have had enough before they are all out.
    pub fn send_regardless(&mut self, bytes: &[u8]) {
        // That the server does not take them all is what the caller looks for.
        let _ = self.stream.write_all(bytes);
    }

    /// The client's request in its format as one frame.
    pub fn encode(&self, request: &Value) -> Vec<u8> {
        match self.format {
            Format::Json => masked(FIN | TEXT, request.to_string().as_bytes()),
            Format::Msgpack => {
                masked(FIN | BINARY, &rmp_serde::to_vec_named(request).expect("plain values"))
            }
        }
    }

    pub fn ask(&mut self, request: &Value) {
        let frame = self.encode(request);
        self.send(&frame);
    }

    /// Subscribes `symbols` (a comma list) with `more` keys; returns all that comes up to now.
    pub fn subscribe(&mut self, symbols: &str, more: Value) -> Vec<ServerMessage> {
        let mut request = more;
        request["op"] = json!("subscribe");
        request["symbols"] = symbols.split(',').collect();
        self.ask(&request);
        self.sync()
    }

    /// The next message or control frame.
    pub fn frame(&mut self) -> Frame {
        self.frames.next(PATIENCE).expect("a frame in time")
    }

    /// The next frame of messages, whole, or what is left of the last one. Pings are answered on the way.
    pub fn batch(&mut self) -> Vec<ServerMessage> {
        if !self.waiting.is_empty() {
            return self.waiting.drain(..).collect();
        }
        loop {
            match self.frame() {
                Frame { opcode: 0x9, payload } => self.send(&masked(FIN | PONG, &payload)),
                Frame { opcode, payload } => {
                    let expected = match self.format {
                        Format::Json => TEXT,
                        Format::Msgpack => BINARY,
                    };
                    assert_eq!(opcode, expected, "{:?}", String::from_utf8_lossy(&payload));
                    let messages = decode_frame(self.format, &payload, &mut self.table);
                    let messages = messages.unwrap();
                    assert!(!messages.is_empty(), "a frame holds one message or more");
                    return messages;
                }
            }
        }
    }

    /// As `batch`, for a client that does not know whether anything comes.
    pub fn batch_within(&mut self, within: Duration) -> io::Result<Vec<ServerMessage>> {
        if !self.waiting.is_empty() {
            return Ok(self.waiting.drain(..).collect());
        }
        let frame = self.frames.next(within)?;
        Ok(decode_frame(self.format, &frame.payload, &mut self.table).unwrap())
    }

    pub fn message(&mut self) -> ServerMessage {
        while self.waiting.is_empty() {
            let batch = self.batch();
            self.waiting.extend(batch);
        }
        self.waiting.pop_front().unwrap()
    }

    /// The next message, which must be a control message.
    pub fn control(&mut self) -> Control {
        match self.message() {
            ServerMessage::Control(control) => control,
            data => panic!("a control message, not {data:?}"),
        }
    }

    /// The next message, which must be data.
    pub fn data(&mut self) -> (String, Data) {
        match self.message() {
            ServerMessage::Data(symbol, data) => (symbol, data),
            control => panic!("data, not {control:?}"),
        }
    }

    /// Everything that the server had sent when it got to this request.
    pub fn sync(&mut self) -> Vec<ServerMessage> {
        self.syncs += 1;
        let id = 1_000_000 + self.syncs;
        self.ask(&json!({"op": "ping", "id": id}));
        let mut before = Vec::new();
        loop {
            match self.message() {
                ServerMessage::Control(Control::Pong {
                    id: Some(RequestId::Integer(i)), ..
                }) if i == id => {
                    return before;
                }
                message => before.push(message),
            }
        }
    }

    /// Reads on until the server's Close frame, answers it, and sees the stream end; returns the messages before it.
    pub fn closed_with(&mut self, code: u16) -> (Vec<ServerMessage>, String) {
        let mut before: Vec<_> = self.waiting.drain(..).collect();
        loop {
            let frame = self.frame();
            if frame.opcode == CLOSE {
                let (given, reason) = frame.close();
                assert_eq!(given, Some(code), "{reason}");
                self.send_regardless(&close_frame(code, ""));
                self.ends();
                return (before, reason);
            }
            if frame.opcode != PONG {
                before.extend(decode_frame(self.format, &frame.payload, &mut self.table).unwrap());
            }
        }
    }

    /// The server sends nothing more and ends the connection.
    pub fn ends(&mut self) {
        match self.frames.next(PATIENCE) {
            Ok(frame) => panic!("nothing comes after a Close frame, but {frame:?} did"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}"),
        }
    }

    /// Whether requests are still carried out.
    pub fn is_usable(&mut self) -> bool {
        self.sync().is_empty()
    }
}

/// Sends a handshake (and perhaps more) in one write; returns the answer and what was read behind it.
pub fn shake_hands(stream: &mut TcpStream, request: &[u8]) -> (Answer, Vec<u8>) {
    stream.write_all(request).unwrap();
    let (mut answer, mut rest) = read_head(stream);
    if answer.status == 101 {
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
        return (answer, rest);
    }
    let is_head = request.starts_with(b"HEAD");
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    let length = if is_head { 0 } else { length };
    while rest.len() < length {
        let mut buffer = [0; 4096];
        let count = io::Read::read(stream, &mut buffer).unwrap();
        assert!(count > 0, "the whole body");
        rest.extend(&buffer[..count]);
    }
    answer.body = rest;
    (answer, Vec::new())
}
