//! Finds the built script and style of reports (`dashboards/report/dist`), which `src/report/html/assets.rs` takes in. Without
//! Node there is no such folder: then reports have their tables but no charts, and say how to get them. Never runs npm.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "../feed-server/commit.rs"]
mod commit;

/// What the load tester is built from.
const SOURCES: [&str; 5] = [
    "load-tester/src",
    "load-tester/Cargo.toml",
    "feed-server/protocol/src",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("charts.rs");
    let package = manifest.join("../dashboards/report");
    let dist = package.join("dist");

    // A watched path that does not exist counts as changed at every build. So while there is no `dist`, cargo watches the
    // folder that it will appear in.
    println!("cargo::rerun-if-changed=build.rs");
    commit::tell(&manifest.join(".."), &SOURCES);
    if let Some(watched) = [&dist, &package].into_iter().find(|path| path.is_dir()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    let files = [dist.join("report.js"), dist.join("report.css")];
    let source = if files.iter().all(|file| file.is_file()) {
        let [script, style] = files.map(|file| include(&file));
        format!("Some(Charts {{ script: {}, style: {} }})", script?, style?)
    } else {
        "None".to_owned()
    };
    fs::write(out, source)
}

/// Rust source of the file's text.
fn include(file: &Path) -> io::Result<String> {
    Ok(format!("include_str!({:?})", fs::canonicalize(file)?))
}
