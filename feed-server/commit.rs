//! Which sources a program is built from, for build scripts: tells `TICKCAST_COMMIT` to the compiler. That variable of the
//! environment wins (for builds outside of a repository); without it and without git there is none.

use std::env;
use std::path::Path;
use std::process::Command;

/// Sets `TICKCAST_COMMIT` to the last commit that changed one of `sources` (paths below the repository's root `root`), with
/// `-dirty` if they have been changed since. HEAD is not asked: only the sources are watched, so that a commit which leaves
/// them alone builds nothing anew, and what was built from them is still named rightly.
pub fn tell(root: &Path, sources: &[&str]) {
    println!("cargo::rerun-if-env-changed=TICKCAST_COMMIT");
    for source in sources {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let given = env::var("TICKCAST_COMMIT").ok().filter(|commit| !commit.is_empty());
    if let Some(commit) = given.or_else(|| last_change(root, sources)) {
        println!("cargo::rustc-env=TICKCAST_COMMIT={commit}");
    }
}

fn last_change(root: &Path, sources: &[&str]) -> Option<String> {
    let ask = |what: &[&str]| {
        let output =
            Command::new("git").current_dir(root).args(what).arg("--").args(sources).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let commit =
        ask(&["log", "-1", "--format=%h", "--abbrev=10"]).filter(|commit| !commit.is_empty())?;
    let changed = ask(&["status", "--porcelain"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}
