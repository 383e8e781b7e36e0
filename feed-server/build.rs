//! Lists the built pages (`dashboards/app/dist`) as a table of `include_bytes!`, which `src/http/pages.rs` takes in. Without
//! Node there is no such folder: then the table is empty and the server says how to build the pages. Never runs npm.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

mod commit;

/// What the server is built from.
const SOURCES: [&str; 6] = [
    "feed-server/src",
    "feed-server/Cargo.toml",
    "feed-server/protocol/src",
    "simulator/src",
    "Cargo.toml",
    "Cargo.lock",
];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("pages.rs");
    let app = manifest.join("../dashboards/app");
    let dist = app.join("dist");

    // A watched path that does not exist counts as changed at every build. So while there is no `dist`, cargo watches the
    // folder that it will appear in.
    println!("cargo::rerun-if-changed=build.rs");
    commit::tell(&manifest.join(".."), &SOURCES);
    if let Some(watched) = [&dist, &app].into_iter().find(|path| path.is_dir()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }

    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    fs::write(out, table(&dist, &files)?)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Rust source of a slice of `File`s, sorted by path.
fn table(dist: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut source = String::from("&[\n");
    for file in files {
        let relative = file.strip_prefix(dist).expect("collected below it");
        let path = format!("/{}", relative.to_string_lossy().replace('\\', "/"));
        let bytes = fs::canonicalize(file)?;
        let etag = format!("\"{:016x}\"", fnv1a(&fs::read(file)?));
        let kind = content_type(file);
        // The bundler puts a hash of the content into the name of everything in `assets`.
        let immutable = path.starts_with("/assets/");
        writeln!(
            source,
            "    File {{ path: {path:?}, content_type: {kind:?}, etag: {etag:?}, \
             immutable: {immutable}, body: include_bytes!({bytes:?}) }},"
        )
        .expect("a String takes every byte");
    }
    source.push(']');
    Ok(source)
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// FNV-1a, 64 bits: tells versions of a file apart; it protects against nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
