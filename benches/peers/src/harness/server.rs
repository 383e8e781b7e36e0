//! A server that runs: what it has used so far, what it answers, and its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use peers::child::ends_with_this;
use peers::clock;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A running server; it is ended when this is dropped.
pub struct Server {
    /// Its first process.
    pub(super) child: Child,
    /// What feeds it, if it is a broker.
    pub(super) publisher: Publisher,
    /// Where WebSockets are opened.
    pub port: u16,
    /// Where Tickcast's admin endpoints are; 0 for others.
    pub(super) admin: u16,
    /// Where a broker's publisher connects.
    pub(super) feed: u16,
}

/// What feeds a broker.
pub(super) enum Publisher {
    /// It is no broker.
    None,
    /// Not started yet.
    Waits(Command),
    /// Publishes.
    Runs(Child),
}

impl Server {
    /// Processor time of all its processes so far; not the publisher's.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let family = clock::family(self.child.id());
        let times = family.into_iter().map(clock::process);
        times.sum::<std::io::Result<_>>().context("the server is gone")
    }

    /// Lets a broker's publisher begin; other servers make their events from the start.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn feed(&mut self) -> Result<()> {
        if let Publisher::Waits(command) = &mut self.publisher {
            let command = ends_with_this(command.stdin(Stdio::null()));
            self.publisher = Publisher::Runs(command.spawn()?);
        }
        Ok(())
    }

    /// Its own memory, KiB: pages that are in use and not of files, of all its processes.
    ///
    /// # Errors
    /// It has ended.
    pub fn memory_kib(&self) -> Result<u64> {
        let anonymous = |pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
            let kib = line.and_then(|line| line.split_whitespace().next()).context("no RssAnon")?;
            Ok(kib.parse::<u64>()?)
        };
        clock::family(self.child.id()).into_iter().map(anonymous).sum()
    }

    /// The body of a small HTTP answer.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, path: &str) -> Result<String> {
        self.ask(self.port, path)
    }

    /// The commit that Tickcast was built from, by its own account, and whether with changes.
    ///
    /// # Errors
    /// It does not tell.
    pub fn built_from(&self) -> Result<(String, bool)> {
        let version: serde_json::Value = serde_json::from_str(&self.ask(self.admin, "/version")?)?;
        Ok(commit_of(&version))
    }

    fn ask(&self, port: u16, path: &str) -> Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(ANSWER_WITHIN))?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.starts_with("HTTP/1.0 2") || head.starts_with("HTTP/1.1 2"), "{head}");
        Ok(body.to_owned())
    }
}

/// Commit, and whether with changes; a build outside of a repository knows neither.
fn commit_of(version: &serde_json::Value) -> (String, bool) {
    let commit = version["commit"].as_str().unwrap_or("unknown");
    match commit.strip_suffix("-dirty") {
        Some(clean) => (clean.to_owned(), true),
        None => (commit.to_owned(), commit == "unknown"),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let publisher = match &mut self.publisher {
            Publisher::Runs(child) => Some(child),
            _ => None,
        };
        for child in [publisher, Some(&mut self.child)].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_named_by_its_commit_and_whether_it_was_changed() {
        let of = |commit| commit_of(&serde_json::json!({ "commit": commit }));
        assert_eq!(of(Some("4744f1e8ef")), ("4744f1e8ef".to_owned(), false));
        assert_eq!(of(Some("4744f1e8ef-dirty")), ("4744f1e8ef".to_owned(), true));
        assert_eq!(of(None), ("unknown".to_owned(), true));
    }
}
