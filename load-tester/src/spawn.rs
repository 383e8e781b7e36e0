//! A server of the tester's own: started afresh for a lane on ports of the system's choice, found by what it prints, and
//! stopped at the end, whatever happens. Its output is kept, to be shown if it does not come up or dies.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use thiserror::Error;

use crate::target::Target;

/// How long a server may take to listen.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take, once it listens, to say where its admin listener is.
const ADMIN_WITHIN: Duration = Duration::from_secs(2);
/// How long it may take to end when it is asked to.
const STOP_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Lines of its output that are kept.
const LINES_KEPT: usize = 20;
/// What comes before its address in its output, and before that of its admin listener.
const LISTENING: &str = "listening on http://";
const ADMIN: &str = "admin=http://";

/// How to start a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// As it was given.
    pub command: String,
    words: Vec<String>,
    /// Processors that it may use; empty for all.
    pub pinned: Vec<usize>,
}

/// Why there is no server.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// Not a command line.
    #[error("--spawn `{0}`: a quote is not closed, or there is nothing in it")]
    Words(String),
    /// Not a list of processors.
    #[error("--pin-server `{0}`: give processors as in 0 or 0,2-3, counted from 0")]
    Pin(String),
    /// The program could not be started.
    #[error("--spawn: cannot start `{program}`: {why}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        why: std::io::Error,
    },
    /// It ended, or did not say where it listens.
    #[error("--spawn: `{program}` {what}; its last lines:\n{lines}")]
    Silent {
        /// Its name.
        program: String,
        /// What it did.
        what: String,
        /// Its output.
        lines: String,
    },
}

impl Spawn {
    /// A command line as a shell would take it apart, and processors to pin it to.
    ///
    /// # Errors
    /// It is none.
    pub fn new(command: &str, pinned: Option<&str>) -> Result<Self, SpawnError> {
        let words = shlex::split(command).filter(|words| !words.is_empty());
        let mut words = words.ok_or_else(|| SpawnError::Words(command.to_owned()))?;
        for option in ["--listen", "--admin-listen"] {
            let given = |word: &String| word == option || word.starts_with(&format!("{option}="));
            if !words.iter().any(given) {
                words.extend([option.to_owned(), "127.0.0.1:0".to_owned()]);
            }
        }
        let pinned = pinned.map_or(Ok(Vec::new()), processors)?;
        Ok(Self { command: command.to_owned(), words, pinned })
    }
}

/// `0,2-3` as a list.
fn processors(list: &str) -> Result<Vec<usize>, SpawnError> {
    let wrong = || SpawnError::Pin(list.to_owned());
    let number = |text: &str| {
        text.trim().parse().ok().filter(|&cpu: &usize| cpu < CpuSet::MAX_CPU).ok_or_else(wrong)
    };
    let mut processors = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        processors.extend(number(first)?..=number(last)?);
    }
    if processors.is_empty() { Err(wrong()) } else { Ok(processors) }
}

/// A running server; it is stopped when this is dropped.
pub struct Spawned {
    child: Child,
    program: String,
    output: Output,
    /// Where it listens.
    pub target: Target,
    /// Its admin listener, if it says where that is.
    pub admin: Option<Target>,
}

/// Its last lines.
type Output = Arc<Mutex<VecDeque<String>>>;

impl Spawned {
    /// Starts a server and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or ends, or says nothing.
    pub fn start(spawn: &Spawn) -> Result<Self, SpawnError> {
        let program = spawn.words[0].clone();
        let started =
            start(spawn).map_err(|why| SpawnError::Start { program: program.clone(), why });
        let mut child = started?;
        let (tell, lines) = mpsc::channel();
        let output = Output::default();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let (tell, output) = (tell.clone(), output.clone());
            std::thread::spawn(move || listen(pipe, &tell, &output));
        }
        drop(tell);
        let mut said = Said::default();
        if let Err(why) = said.wait(&lines, START_WITHIN, |said| said.listening.is_some()) {
            let what = match why {
                RecvTimeoutError::Timeout => "did not say where it listens".to_owned(),
                RecvTimeoutError::Disconnected => ended(&mut child),
            };
            stop(&mut child);
            return Err(SpawnError::Silent { program, what, lines: last_lines(&output) });
        }
        // A server that does not say is measured all the same.
        let _ = said.wait(&lines, ADMIN_WITHIN, |said| said.admin.is_some());
        let address = said.listening.unwrap_or_default();
        let admin = said.admin.and_then(|address| target(&address));
        let Some(target) = target(&address) else {
            stop(&mut child);
            let what = format!("listens on `{address}`, which is no address");
            return Err(SpawnError::Silent { program, what, lines: last_lines(&output) });
        };
        Ok(Self { child, program, output, target, admin })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended, if it has.
    pub fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!(
            "`{}` ended with {status}; its last lines:\n{}",
            self.program,
            last_lines(&self.output)
        ))
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Children take over the processors of the thread that starts them: a thread of its own.
fn start(spawn: &Spawn) -> std::io::Result<Child> {
    let mut command = Command::new(&spawn.words[0]);
    command.args(&spawn.words[1..]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // The terminal's Ctrl-C is for the tester, which stops the server itself.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut set = CpuSet::new();
    spawn.pinned.iter().for_each(|&cpu| set.set(cpu));
    let pinned = !spawn.pinned.is_empty();
    let starter = std::thread::spawn(move || {
        if pinned {
            sched_setaffinity(None, &set)?;
        }
        command.spawn()
    });
    starter.join().unwrap_or_else(|_| Err(std::io::Error::other("the starting thread panicked")))
}

/// Reads lines until the pipe is closed.
fn listen(pipe: Box<dyn Read + Send>, tell: &mpsc::Sender<String>, output: &Output) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        let mut kept = open(output);
        if kept.len() == LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        // Nobody waits for lines any more once the server is found.
        let _ = tell.send(line);
    }
}

/// Addresses that a server has said, in whatever order its two pipes came.
#[derive(Default)]
struct Said {
    listening: Option<String>,
    admin: Option<String>,
}

impl Said {
    /// Reads lines until `enough`.
    fn wait(
        &mut self,
        lines: &Receiver<String>,
        within: Duration,
        enough: impl Fn(&Self) -> bool,
    ) -> Result<(), RecvTimeoutError> {
        let deadline = Instant::now() + within;
        while !enough(self) {
            let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
            self.listening = self.listening.take().or_else(|| behind(&line, LISTENING));
            self.admin = self.admin.take().or_else(|| behind(&line, ADMIN));
        }
        Ok(())
    }
}

/// What follows on `mark` up to a slash or a space.
fn behind(line: &str, mark: &str) -> Option<String> {
    let (_, rest) = line.split_once(mark)?;
    let end = rest.find(['/', ' ']).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// A listener on all addresses is reached over loopback.
fn target(address: &str) -> Option<Target> {
    let mut address: std::net::SocketAddr = address.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Target::new(&format!("http://{address}/"), true).ok()
}

fn ended(child: &mut Child) -> String {
    let deadline = Instant::now() + STOP_WITHIN;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return format!("ended with {status}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
    "closed its output without saying where it listens".to_owned()
}

/// Asks, waits, and then does not ask any more. A server that does not run (SIGSTOP) cannot be asked.
fn stop(child: &mut Child) {
    let deadline = Instant::now() + STOP_WITHIN;
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(pid, Signal::TERM);
        while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn open(output: &Output) -> MutexGuard<'_, VecDeque<String>> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last_lines(output: &Output) -> String {
    open(output).iter().map(|line| format!("  {line}\n")).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_command_line_apart() {
        let spawn = Spawn::new("feed-server --seed 7 --scenario 'open'", Some("0,2-3")).unwrap();
        assert_eq!(spawn.words[..5], ["feed-server", "--seed", "7", "--scenario", "open"]);
        assert_eq!(spawn.words[5..7], ["--listen", "127.0.0.1:0"]);
        assert_eq!(spawn.pinned, [0, 2, 3]);
        let own = Spawn::new("s --listen=127.0.0.1:9 --admin-listen 127.0.0.1:8", None).unwrap();
        assert_eq!(own.words.len(), 4);
        assert!(matches!(Spawn::new("feed-server 'x", None), Err(SpawnError::Words(_))));
        assert!(matches!(Spawn::new("", None), Err(SpawnError::Words(_))));
        for wrong in ["", "a", "3-1", "0,", "99999"] {
            assert!(Spawn::new("s", Some(wrong)).is_err(), "{wrong}");
        }
    }

    fn failure(command: &str) -> String {
        Spawned::start(&Spawn::new(command, None).unwrap()).err().unwrap().to_string()
    }

    #[test]
    fn says_why_there_is_no_server() {
        assert!(failure("/no/such/program").contains("cannot start `/no/such/program`"));
        let text = failure("sh -c 'echo no such symbol file >&2; exit 3'");
        assert!(text.contains("exit status: 3") && text.contains("no such symbol file"), "{text}");
    }

    #[test]
    fn finds_a_server_by_what_it_prints_and_stops_it() {
        let script = "echo listening on http://0.0.0.0:4321/; \
            echo INFO serving admin=http://127.0.0.1:4322/metrics >&2; sleep 100";
        let mut server =
            Spawned::start(&Spawn::new(&format!("sh -c '{script}'"), Some("0")).unwrap()).unwrap();
        assert_eq!(server.target.address, "127.0.0.1:4321".parse().unwrap());
        assert_eq!(server.admin.as_ref().unwrap().address, "127.0.0.1:4322".parse().unwrap());
        assert_eq!(server.has_ended(), None);
        let pid = server.pid();
        assert!(crate::machine::process_use(pid).is_some());
        drop(server);
        assert!(crate::machine::process_use(pid).is_none());
    }
}
