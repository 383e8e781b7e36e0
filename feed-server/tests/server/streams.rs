//! Clients of the endless HTTP answers: `/v1/sse` and `/v1/stream`, over HTTP/1.1 with its chunks or over HTTP/2.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use feed_protocol::{Format, ServerMessage, SymbolTable, decode_frame};

use super::PATIENCE;
use super::http::{Answer, connect, read_head};
use super::http2::Http2Body;

/// What stands between two empty lines of an event stream, or on a line.
#[derive(Debug, Default, PartialEq)]
pub struct Frame {
    /// What `data:` or the line holds; nothing for a comment.
    pub messages: Vec<ServerMessage>,
    pub id: Option<String>,
    pub retry_ms: Option<u64>,
    pub is_comment: bool,
}

/// Where the body's bytes come from.
enum Source {
    Http1 { stream: TcpStream, chunks: Vec<u8>, is_over: bool },
    Http2(Http2Body),
}

pub struct StreamClient {
    source: Source,
    is_sse: bool,
    body: Vec<u8>,
    pub head: Answer,
}

impl StreamClient {
    /// Asks for `path` over HTTP/1.1; it must be granted. Heartbeats come only if the path asks for them.
    pub fn http1(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::over(connect(address), path, headers)
    }

    pub fn over(mut stream: TcpStream, path: &str, headers: &[(&str, &str)]) -> Self {
        let path = without_heartbeats(path);
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all((request + "\r\n").as_bytes()).unwrap();
        let (head, chunks) = read_head(&mut stream);
        assert_eq!(head.status, 200, "{head:?} {}", String::from_utf8_lossy(&chunks));
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        let source = Source::Http1 { stream, chunks, is_over: false };
        Self { source, is_sse: path.starts_with("/v1/sse"), body: Vec::new(), head }
    }

    /// The same over HTTP/2.
    pub fn http2(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let path = without_heartbeats(path);
        let (head, body) = Http2Body::get(address, &path, headers);
        assert_eq!(head.status, 200, "{head:?}");
        let is_sse = path.starts_with("/v1/sse");
        Self { source: Source::Http2(body), is_sse, body: Vec::new(), head }
    }

    /// The next frame. `UnexpectedEof` at the end of the body, if it was ended as HTTP asks for and between two frames.
    pub fn next(&mut self, within: Duration) -> io::Result<Frame> {
        let deadline = Instant::now() + within;
        let end: &[u8] = if self.is_sse { b"\n\n" } else { b"\n" };
        loop {
            if let Some(at) = self.body.windows(end.len()).position(|window| window == end) {
                let text: Vec<u8> = self.body.drain(..at + end.len()).collect();
                return Ok(self.parse(std::str::from_utf8(&text[..at]).unwrap()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            if !self.source.more(&mut self.body, left)? {
                assert!(self.body.is_empty(), "the end stands between two frames");
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn parse(&self, text: &str) -> Frame {
        let decode = |json: &str| {
            decode_frame(Format::Json, json.as_bytes(), &mut SymbolTable::default()).expect(json)
        };
        if !self.is_sse {
            return Frame { messages: decode(text), ..Frame::default() };
        }
        let mut frame = Frame::default();
        for line in text.split('\n') {
            match line.split_once(": ") {
                Some(("data", json)) => frame.messages = decode(json),
                Some(("id", id)) => frame.id = Some(id.to_owned()),
                Some(("retry", ms)) => frame.retry_ms = Some(ms.parse().unwrap()),
                _ if line == ":" => frame.is_comment = true,
                _ => panic!("no field of an event stream: {line:?}"),
            }
        }
        frame
    }

    /// The next frame in time.
    pub fn frame(&mut self) -> Frame {
        self.next(PATIENCE).expect("a frame in time")
    }

    /// The next frame with messages; comments and empty lines are left out.
    pub fn batch(&mut self) -> Frame {
        loop {
            let frame = self.frame();
            if !frame.messages.is_empty() {
                return frame;
            }
        }
    }

    /// The messages of the next frames until there are `count`.
    pub fn messages(&mut self, count: usize) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.extend(self.batch().messages);
        }
        messages
    }

    /// The body ends as it should.
    pub fn ends(&mut self) {
        match self.next(PATIENCE) {
            Ok(frame) => panic!("the end, not {frame:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}"),
        }
    }
}

impl Source {
    /// Appends what comes next; `false` at the body's end.
    fn more(&mut self, body: &mut Vec<u8>, within: Duration) -> io::Result<bool> {
        match self {
            Self::Http2(stream) => stream.more(body, within),
            Self::Http1 { stream, chunks, is_over } => {
                let before = body.len();
                while let Some(content) = take_chunk(chunks) {
                    *is_over = content.is_empty();
                    body.extend(content);
                }
                if body.len() > before || *is_over {
                    return Ok(body.len() > before);
                }
                stream.set_read_timeout(Some(within))?;
                let mut buffer = [0; 16 * 1024];
                match stream.read(&mut buffer) {
                    Ok(0) => Err(io::Error::new(ErrorKind::ConnectionAborted, "no last chunk")),
                    Ok(count) => {
                        chunks.extend(&buffer[..count]);
                        Ok(true)
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        Err(ErrorKind::TimedOut.into())
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// The next whole chunk (RFC 9112, 7.1).
fn take_chunk(chunks: &mut Vec<u8>) -> Option<Vec<u8>> {
    let digits = chunks.windows(2).position(|window| window == b"\r\n")?;
    let length = usize::from_str_radix(std::str::from_utf8(&chunks[..digits]).unwrap(), 16);
    let (start, length) = (digits + 2, length.expect("a chunk's length"));
    let rest = chunks.get(start + length..start + length + 2)?;
    assert_eq!(rest, b"\r\n", "the end of a chunk");
    let content = chunks[start..start + length].to_vec();
    chunks.drain(..start + length + 2);
    Some(content)
}

fn without_heartbeats(path: &str) -> String {
    if path.contains("heartbeat_ms") { path.to_owned() } else { format!("{path}&heartbeat_ms=0") }
}
