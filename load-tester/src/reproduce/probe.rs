//! Looks at single answers byte by byte, over a plain socket and without the transports' code: what a poll's answer and an SSE
//! event consist of, so that each part of an overhead can be named with its size. Measures no time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::ReproduceError;
use crate::target::Target;

const WITHIN: Duration = Duration::from_secs(10);

/// Parts of a poll's answer.
pub struct PollParts {
    /// Bytes of the status line and of each header, with its name.
    pub head: Vec<(String, usize)>,
    /// Of the body around the array of messages.
    pub wrapper: usize,
}

/// Parts of an SSE event over HTTP/1.1.
#[derive(Debug, Default)]
pub struct EventParts {
    /// The chunk's length and line ends.
    pub chunk: usize,
    /// `data: ` and line ends.
    pub data: usize,
    /// The `id:` line.
    pub id: usize,
}

/// The answer to a second poll, with a cursor.
///
/// # Errors
/// The server does not answer as it should.
pub fn poll(target: &Target, endpoint: &str, query: &str) -> Result<PollParts, ReproduceError> {
    let first = ask(target, &target.path_of("poll", query)).and_then(|mut answer| answer.body());
    let first = first.map_err(failed)?;
    let cursor = first.split("\"cursor\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let query = format!("{query}&since={}", cursor.unwrap_or_default());
    let mut answer = ask(target, &target.path_of(endpoint, &query)).map_err(failed)?;
    let body = answer.body().map_err(failed)?;
    let array = body.find("\"messages\":").zip(body.rfind(",\"more\":"));
    let array = array.map_or(0, |(from, to)| to.saturating_sub(from + "\"messages\":".len()));
    Ok(PollParts { head: answer.head, wrapper: body.len() - array })
}

/// The first event that is no greeting.
///
/// # Errors
/// The server does not answer as it should.
pub fn event(target: &Target, query: &str) -> Result<EventParts, ReproduceError> {
    let mut answer = ask(target, &target.path_of("sse", query)).map_err(failed)?;
    loop {
        let (chunk, text) = answer.chunk().map_err(failed)?;
        let is_event = text.contains("\"T\":\"t\"") && !text.contains("\"snap\"");
        // Events that came together share what stands around them.
        if !is_event || text.matches("\"T\":").count() != 1 {
            continue;
        }
        let id = text.lines().find(|line| line.starts_with("id:")).map_or(0, |line| line.len() + 1);
        let array = text.find('[').zip(text.rfind(']')).map_or(0, |(from, to)| to + 1 - from);
        return Ok(EventParts { chunk, data: text.len() - id - array, id });
    }
}

fn failed(why: std::io::Error) -> ReproduceError {
    ReproduceError::Io { what: "the server cannot be looked at".to_owned(), why }
}

struct Answer {
    input: BufReader<TcpStream>,
    head: Vec<(String, usize)>,
    length: usize,
}

fn ask(target: &Target, path: &str) -> std::io::Result<Answer> {
    let mut socket = TcpStream::connect_timeout(&target.address, WITHIN)?;
    socket.set_read_timeout(Some(WITHIN))?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", target.authority)?;
    let mut answer = Answer { input: BufReader::new(socket), head: Vec::new(), length: 0 };
    loop {
        let line = answer.line()?;
        let text = line.trim_end();
        if text.is_empty() {
            answer.head.push(("empty line".to_owned(), line.len()));
            return Ok(answer);
        }
        let (name, value) = text.split_once(": ").unwrap_or(("status line", ""));
        if name.eq_ignore_ascii_case("content-length") {
            answer.length = value.parse().unwrap_or(0);
        }
        answer.head.push((name.to_owned(), line.len()));
    }
}

impl Answer {
    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.input.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    fn text(&mut self, length: usize) -> std::io::Result<String> {
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(std::io::Error::other)
    }

    fn body(&mut self) -> std::io::Result<String> {
        self.text(self.length)
    }

    /// The next chunk: what its coding costs, and its content.
    fn chunk(&mut self) -> std::io::Result<(usize, String)> {
        let line = self.line()?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(std::io::Error::other)?;
        let text = self.text(length)?;
        let end = self.line()?;
        Ok((line.len() + end.len(), text))
    }
}
