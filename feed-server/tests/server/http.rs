//! HTTP as bytes: requests written out, answers read whole, one connection each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::PATIENCE;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body of a 200 in JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that this is a problem document of `status` (RFC 9457); returns its `code` and `detail`.
    pub fn problem(&self, status: u16) -> (String, String) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body["status"], status);
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("detail").is_empty() && !text("title").is_empty(), "{body}");
        (text("code"), text("detail"))
    }
}

pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(address, "GET", path, headers)
}

pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut body) = read_head(&mut stream);
    stream.read_to_end(&mut body).unwrap();
    let length = answer.header("content-length").map(|length| length.parse().unwrap());
    if method != "HEAD" && ![204, 304].contains(&answer.status) {
        assert_eq!(length, Some(body.len()), "all of the body and no more: {answer:?}");
    }
    answer.body = body;
    answer
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads the head of an answer; what was read behind it comes as well.
pub fn read_head(stream: &mut TcpStream) -> (Answer, Vec<u8>) {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).expect("an answer in time");
        assert!(count > 0, "an answer, not the end after {received:?}");
        received.extend(&buffer[..count]);
    };
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers = lines.map(header).collect();
    let body = received[end + 4..].to_vec();
    (Answer { status, headers, body: Vec::new() }, body)
}
