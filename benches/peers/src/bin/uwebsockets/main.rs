//! uWebSockets, the library that PyPI's `socketify` carries, without Python around it: `uwebsockets SCHEDULE LIBRARY`.
//! A topic a symbol; a thread sleeps until something is due and has the loop `publish` it, as its users' programs do.

mod native;

use std::path::Path;

use anyhow::{Context, Result};
use peers::{serve, source};

fn main() -> Result<()> {
    let library = std::env::args_os().nth(2).context("usage: uwebsockets SCHEDULE LIBRARY")?;
    native::run(Path::new(&library), source::Source::new(serve::schedule()?))
}
