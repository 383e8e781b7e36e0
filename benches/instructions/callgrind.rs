//! Runs a program under callgrind and reads how many instructions it counted.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::baseline::Baseline;

const INSTALL: &str =
    "valgrind is missing: install it (Debian: sudo apt-get install valgrind), then run this again";
/// Fewer are no hot path: the region was not found.
const INSTRUCTIONS_MIN: u64 = 10_000;

/// What counts here, without any counts.
///
/// # Errors
/// valgrind, rustc or ldd is missing.
pub fn here() -> anyhow::Result<Baseline> {
    let valgrind = version("valgrind").context(INSTALL)?;
    let rustc = version(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))?;
    let libc = version("ldd")?;
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    Ok(Baseline { rustc, valgrind, libc, target, instructions: Default::default() })
}

fn version(program: &str) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output().context(program.to_owned())?;
    ensure!(output.status.success(), "{program} --version: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().trim().into())
}

/// Instructions that `program run NAME` spends in `region`, a part of the name of one function, and in what it calls.
///
/// # Errors
/// The program failed, or the region was not found in it.
pub fn count(program: &Path, name: &str, region: &str) -> anyhow::Result<u64> {
    let out = std::env::temp_dir().join(format!("callgrind.{}.{name}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-line=no"])
        .arg(format!("--toggle-collect=*{region}*"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(["run", name])
        .output()
        .context(INSTALL)?;
    let profile = std::fs::read_to_string(&out);
    // It is of no use to anybody, also when it could not be read.
    let _ = std::fs::remove_file(&out);
    if !output.status.success() {
        bail!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let total = total(&profile?).with_context(|| format!("{name}: no total in the profile"))?;
    ensure!(total >= INSTRUCTIONS_MIN, "{name}: {total} instructions: `{region}` was not found");
    Ok(total)
}

/// The sum over a profile: `summary: N`, or `totals: N` where a program has several parts.
fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().find_map(|line| {
        line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: "))
    })?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profiles_total_is_read() {
        let profile =
            "version: 1\npart: 1\nevents: Ir\nsummary: 123456\n\nfn=(1)\n5 7\ntotals: 9\n";
        assert_eq!(total(profile), Some(123_456));
        assert_eq!(total("totals: 77 3\n"), Some(77));
        assert_eq!(total("summary: \n"), None);
        assert_eq!(total(""), None);
    }
}
