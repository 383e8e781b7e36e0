//! More clients behind a lane: load testers as processes of their own, so that their work is not the server's. They end with
//! the server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// Clients that a lane may have behind it.
pub const CLIENTS_MAX: u32 = 5000;

/// The load testers that run.
#[derive(Debug)]
pub struct Crowd {
    program: Option<PathBuf>,
    target: SocketAddr,
    running: Mutex<BTreeMap<&'static str, (u32, Child)>>,
}

impl Crowd {
    /// Nobody, yet. Load testers are looked for beside the server's program.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        let beside =
            std::env::current_exe().ok().map(|program| program.with_file_name("load-tester"));
        let program = beside.filter(|program| program.is_file());
        Self { program, target, running: Mutex::default() }
    }

    /// Whether there is a load tester to run.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.program.is_some()
    }

    /// Clients behind a lane now.
    #[must_use]
    pub fn clients(&self, lane: &str) -> u32 {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some((clients, child)) = running.get_mut(lane) else { return 0 };
        let runs = matches!(child.try_wait(), Ok(None));
        if runs { *clients } else { 0 }
    }

    /// Puts so many clients behind a lane, in place of those that are there.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn set(&self, lane: &'static str, clients: u32, poll_ms: u32) -> Result<(), String> {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, child)) = running.remove(lane) {
            end(child);
        }
        if clients == 0 {
            return Ok(());
        }
        let Some(program) = &self.program else {
            return Err(
                "there is no load-tester beside the server's program; cargo build makes it".into(),
            );
        };
        let transport = match lane {
            "ws" => "ws-json".to_owned(),
            "longpoll" => "long-poll".to_owned(),
            "poll" => format!("poll:{poll_ms}ms"),
            other => other.to_owned(),
        };
        let child = Command::new(program)
            .args(["run", "--url", &format!("ws://{}/v1/ws", self.target)])
            .args(["--transport", &transport, "--clients", &clients.to_string()])
            .args(["--symbols-per-client", "1", "--for", "24h", "--warmup", "0s"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        running.insert(lane, (clients, child));
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(running).into_values().for_each(|(_, child)| end(child));
    }
}

fn end(mut child: Child) {
    // It fails if it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}
