//! A real `feed-server` in a test: built by the same cargo that builds the tests, started on ports of the system's choice,
//! stopped when it goes out of scope.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Where the program is, once it is built.
pub fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "feed-server", "--bin", "feed-server"])
            .args(["--message-format", "json"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "feed-server does not build");
        let messages = String::from_utf8(output.stdout).unwrap();
        let program = messages.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            (message["target"]["name"] == "feed-server").then_some(())?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        program.unwrap()
    })
}

/// A server that runs.
pub struct FeedServer {
    child: Child,
    /// `http://127.0.0.1:PORT/`
    pub url: String,
}

impl FeedServer {
    /// Starts one with these settings.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        Self { child, url: url.unwrap() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it, and returns once none of its threads runs any more: the first to see the signal tells the others.
    pub fn halt(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(20);
        let is_stopped = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
        };
        loop {
            let mut tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
            if tasks.all(|task| task.is_ok_and(is_stopped)) {
                return;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::yield_now();
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        // Also one that is stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
