//! The command lines of the peers' servers.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::launch::Place;
use super::versions;

/// How it becomes known where a server listens.
pub enum Start {
    /// It says so.
    Announces(Command),
    /// It was told.
    ListensOn {
        /// As above.
        command: Command,
        /// Where clients connect.
        port: u16,
        /// Where its publisher connects.
        feed: u16,
    },
}

/// The command that starts this server.
///
/// # Errors
/// It is not known, or something of it is missing.
pub fn command(place: &Place, name: &str, schedule: &Path) -> Result<Start> {
    let announces = |mut command: Command| {
        command.arg(schedule);
        Ok(Start::Announces(command))
    };
    match name {
        "bare" | "tungstenite" | "axum" => announces(Command::new(place.programs.join(name))),
        "uwebsockets" => {
            let library = versions::socketify(place).context("socketify is missing")?.0;
            let mut command = Command::new(place.programs.join(name));
            command.arg(schedule).arg(library);
            Ok(Start::Announces(command))
        }
        "ws" | "socket.io" => {
            let mut command = Command::new("node");
            command.arg(place.home.join("servers").join(format!("{name}.js")));
            announces(command)
        }
        "nats" => nats(place),
        "nchan" => nchan(place),
        _ => bail!("no server {name}"),
    }
}

/// A port that nobody listens on just now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Writes a configuration from its template in `servers/`.
fn configuration(place: &Place, name: &str, values: &[(&str, String)]) -> Result<PathBuf> {
    let template = place.home.join("servers").join(name);
    let mut text = std::fs::read_to_string(&template)
        .with_context(|| format!("cannot read {}", template.display()))?;
    for (key, value) in values {
        text = text.replace(&format!("{{{key}}}"), value);
    }
    let file = place.work.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn nats(place: &Place) -> Result<Start> {
    let (port, feed) = (free_port()?, free_port()?);
    let values = [("port", port.to_string()), ("feed", feed.to_string())];
    let mut command = Command::new("nats-server");
    command.arg("-c").arg(configuration(place, "nats.conf", &values)?);
    Ok(Start::ListensOn { command, port, feed })
}

fn nchan(place: &Place) -> Result<Start> {
    let port = free_port()?;
    let work = place.work.display().to_string();
    let file = configuration(place, "nginx.conf", &[("port", port.to_string()), ("work", work)])?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(file).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    Ok(Start::ListensOn { command, port, feed: port })
}
