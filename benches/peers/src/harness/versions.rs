//! What is installed, in which version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::launch::Place;

/// The versions of the crates that the Rust servers are made of.
const LOCK: &str = include_str!("../../Cargo.lock");

/// The version of a server.
///
/// # Errors
/// It is not installed.
pub fn version(place: &Place, name: &str) -> Result<String> {
    match name {
        "tickcast" | "tickcast-msgpack" => output(Command::new(&place.tickcast).arg("--version")),
        "bare" => Ok("send(2)".to_owned()),
        "tungstenite" => Ok(format!("tokio-{}, {}", locked("tungstenite")?, locked("tokio")?)),
        "axum" => Ok(format!("{}, {}", locked("axum")?, locked("tokio")?)),
        "uwebsockets" => Ok(format!("uWebSockets of socketify {}", socketify(place)?.1)),
        "ws" | "socket.io" => {
            let node = output(Command::new("node").arg("--version"))?;
            Ok(format!("{name} {} on node {node}", npm(&place.home, name)?))
        }
        "nats" => output(Command::new("nats-server").arg("--version")),
        "nchan" => nchan(),
        _ => bail!("no server {name}"),
    }
}

/// The native library that `socketify` brings, and its version.
///
/// # Errors
/// It is not installed.
pub fn socketify(place: &Place) -> Result<(PathBuf, String)> {
    let libraries = place.home.join(".tools/venv/lib");
    for python in std::fs::read_dir(&libraries)?.flatten() {
        let packages = python.path().join("site-packages");
        for package in std::fs::read_dir(packages)?.flatten() {
            let name = package.file_name().to_string_lossy().into_owned();
            let version =
                name.strip_prefix("socketify-").and_then(|n| n.strip_suffix(".dist-info"));
            if let Some(version) = version {
                let library = format!("socketify/libsocketify_linux_{}.so", architecture());
                let library = package.path().with_file_name("").join(library);
                ensure!(library.exists(), "{} is missing", library.display());
                return Ok((library, version.to_owned()));
            }
        }
    }
    bail!("no socketify in {}", libraries.display())
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// `NAME VERSION` of a crate in the lock file.
fn locked(name: &str) -> Result<String> {
    let (_, rest) =
        LOCK.split_once(&format!("name = \"{name}\"\nversion = \"")).context("no lock")?;
    Ok(format!("{name} {}", rest.split('"').next().unwrap_or_default()))
}

fn npm(home: &Path, name: &str) -> Result<String> {
    let file = home.join("servers/node_modules").join(name).join("package.json");
    let package: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    Ok(package["version"].as_str().context("no version")?.to_owned())
}

fn nchan() -> Result<String> {
    let version = "${Version}";
    let ask = |package| output(Command::new("dpkg-query").args(["-W", "-f", version, package]));
    Ok(format!("nchan {} in nginx {}", ask("libnginx-mod-nchan")?, ask("nginx")?))
}

/// What a program prints, without line ends.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{} failed", command.get_program().display());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn crates_have_the_locked_version() {
        assert!(super::locked("axum").unwrap().starts_with("axum 0."));
        assert!(super::locked("no-such-crate").is_err());
    }
}
