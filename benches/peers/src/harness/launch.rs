//! Starts servers, each on its own processor, and ends them. Knows for each server its command line and where it listens.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use peers::child::ends_with_this;
use peers::clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::args::Arguments;
use super::commands::{self, Start};
use super::peer::{Feed, Peer};
use super::server::{Publisher, Server};
use super::versions;

/// How long a server may take until it listens.
const START_WITHIN: Duration = Duration::from_secs(20);

/// Where everything is on this machine.
#[derive(Debug)]
pub struct Place {
    /// Tickcast's server.
    pub tickcast: PathBuf,
    tickcast_args: Vec<String>,
    /// Its simulator.
    pub simulator: PathBuf,
    /// The servers that are built with this program.
    pub programs: PathBuf,
    /// `benches/peers`.
    pub home: PathBuf,
    /// For schedules and configurations; removed at the end.
    pub work: PathBuf,
    server_core: usize,
    client_core: usize,
}

impl Place {
    /// Looks around, and pins this program to the clients' processor.
    ///
    /// # Errors
    /// Tickcast is not built, or the processors are not there.
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let built = || home.join("../../target/release/feed-server");
        let tickcast = arguments.tickcast.clone().unwrap_or_else(built);
        let simulator = tickcast.with_file_name("simulator");
        for program in [&tickcast, &simulator] {
            ensure!(program.exists(), "{} is missing: cargo build --release", program.display());
        }
        let programs = std::env::current_exe()?.parent().context("no directory")?.to_owned();
        let work = std::env::temp_dir().join(format!("tickcast-peers-{}", std::process::id()));
        std::fs::create_dir_all(&work)?;
        clock::pin(arguments.client_core).context("--client-core")?;
        let files = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })?;
        Ok(Self {
            tickcast,
            tickcast_args: arguments.tickcast_args.split_whitespace().map(str::to_owned).collect(),
            simulator,
            programs,
            home,
            work,
            server_core: arguments.server_core,
            client_core: arguments.client_core,
        })
    }

    /// The version of a server that is installed.
    ///
    /// # Errors
    /// It is not; the text says how to install it.
    pub fn version(&self, peer: &Peer) -> Result<String> {
        versions::version(self, peer.name)
            .with_context(|| format!("not installed ({})", peer.install))
    }

    /// Starts `bare` as a source for the clients' own limit; `mode` is `flood` or `pulse`.
    ///
    /// # Errors
    /// It does not come up.
    pub fn flood(&self, schedule: &Path, mode: &str) -> Result<Server> {
        let mut command = Command::new(self.programs.join("bare"));
        command.arg(schedule).arg(mode);
        self.start(command, peers::serve::LISTENING)
    }

    /// Starts Tickcast with so many symbols and events a second.
    ///
    /// # Errors
    /// It does not come up.
    pub fn tickcast(&self, symbols: usize, rate: u64) -> Result<Server> {
        let admin = commands::free_port()?;
        let mut command = Command::new(&self.tickcast);
        command
            .args(["--listen", "127.0.0.1:0", "--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(["--symbols", &symbols.to_string(), "--rate", &rate.to_string()])
            .args(["--trades-only", "--popularity", "uniform", "--shards", "1"])
            .args(&self.tickcast_args);
        let mut server = self.start(command, "listening on http://127.0.0.1:")?;
        server.admin = admin;
        Ok(server)
    }

    /// Starts a server that plays this schedule (Tickcast: a market of the same rate).
    ///
    /// # Errors
    /// It does not come up.
    pub fn launch(
        &self,
        peer: &Peer,
        symbols: usize,
        rate: u64,
        schedule: &Path,
    ) -> Result<Server> {
        let mut server = match peer.name {
            _ if peer.is_tickcast() => self.tickcast(symbols, rate),
            name => match commands::command(self, name, schedule)? {
                Start::Announces(command) => self.start(command, peers::serve::LISTENING),
                Start::ListensOn { command, port, feed } => self.start_quietly(command, port, feed),
            },
        }?;
        if peer.feed == Feed::Publisher {
            let mut command = Command::new(self.programs.join("publisher"));
            command.arg(schedule).arg(peer.name).arg(server.feed.to_string());
            server.publisher = Publisher::Waits(command);
        }
        Ok(server)
    }

    /// Starts a program on the servers' processor; what it starts stays there, too.
    fn spawn(&self, mut command: Command, output: Stdio) -> Result<Child> {
        clock::pin(self.server_core).context("--server-core")?;
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        let child = ends_with_this(&mut command).spawn();
        clock::pin(self.client_core)?;
        child.with_context(|| format!("cannot start {}", command.get_program().display()))
    }

    /// A program that says its port in a line of its output behind `mark`.
    fn start(&self, command: Command, mark: &str) -> Result<Server> {
        let name = command.get_program().display().to_string();
        let child = self.spawn(command, Stdio::piped())?;
        let mut server = Server { child, publisher: Publisher::None, port: 0, admin: 0, feed: 0 };
        let output = server.child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let (sender, port) = std::sync::mpsc::channel();
        let mark = mark.to_owned();
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                if let Some((_, rest)) = line.split_once(&mark) {
                    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
                    let _ = sender.send(digits.and_then(|digits| digits.parse().ok()));
                }
            }
        });
        let port: Option<u16> =
            port.recv_timeout(START_WITHIN).with_context(|| format!("{name} does not listen"))?;
        server.port = port.with_context(|| format!("{name} does not say its port"))?;
        Ok(server)
    }

    /// A program that listens on a port it was given.
    fn start_quietly(&self, command: Command, port: u16, feed: u16) -> Result<Server> {
        let name = command.get_program().display().to_string();
        let child = self.spawn(command, Stdio::null())?;
        let mut server = Server { child, publisher: Publisher::None, port, admin: 0, feed };
        let deadline = Instant::now() + START_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended: {status}");
            }
            ensure!(Instant::now() < deadline, "{name} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.work);
    }
}
