//! The command lines of the peers' servers.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::launch::{Place, Server};
use super::versions;

/// How it becomes known where a server listens.
pub enum Start {
    /// It says so.
    Announces(Command),
    /// It was told.
    ListensOn(Command, u16),
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

/// Where a broker's publisher connects: NATS has a port of its own for it, above the one for WebSockets.
pub fn feed_port(server: &Server) -> u16 {
    server.port
}

/// A port that nobody listens on just now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn nats(_: &Place) -> Result<Start> {
    bail!("not yet")
}

fn nchan(_: &Place) -> Result<Start> {
    let _ = free_port;
    bail!("not yet")
}
