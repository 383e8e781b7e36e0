//! The server's program as a child process. It is killed when it is dropped, whatever became of the test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, wait_for};

/// What a program that ended by itself left behind.
pub struct Ended {
    pub code: Option<i32>,
    pub errors: String,
}

/// Runs the program to its end, which must come soon.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut child = spawn(arguments, environment, Stdio::piped());
    let status = ended(&mut child, PATIENCE);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    Ended { code: status.code(), errors }
}

pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Starts the program on `port` (0: any) and waits until it says where it listens.
    pub fn start(port: u16, arguments: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut all = vec!["--listen", &listen, "--admin-listen", "127.0.0.1:0", "--shards", "2"];
        all.extend(arguments);
        let mut child = spawn(&all, &[], Stdio::null());
        let (told, tells) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = told.send(line);
        });
        let line = tells.recv_timeout(PATIENCE);
        let address = line.ok().and_then(|line| {
            let line = line.trim_end().strip_prefix("listening on http://")?;
            line.strip_suffix('/')?.parse().ok()
        });
        let Some(address) = address else {
            let _ = child.kill();
            panic!("the program says where it listens");
        };
        Self { child, address }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it has ended, if it has.
    pub fn try_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end; returns how it ended and how long that took.
    pub fn ended(&mut self, within: Duration) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let status = ended(&mut self.child, within);
        (status, start.elapsed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(arguments: &[&str], environment: &[(&str, &str)], errors: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_feed-server"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .unwrap()
}

fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let deadline = Instant::now() + within;
    let mut status = None;
    wait_for("the program's end", || {
        status = child.try_wait().unwrap();
        if status.is_none() && Instant::now() > deadline {
            let _ = child.kill();
            panic!("the program should have ended within {within:?}");
        }
        status.is_some()
    });
    status.unwrap()
}
