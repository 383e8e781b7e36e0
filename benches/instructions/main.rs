//! Counts the instructions of the hot paths under valgrind's callgrind and compares them with `benches/instructions.json`: a
//! gate for regressions that does not depend on how busy the machine is. `make instructions`; `make instructions-accept`
//! writes the file anew.
//!
//! Programs see a processor of valgrind's, the same on every x86-64 machine with AVX2; where libraries choose code by its
//! features (memcpy, memchr), they choose for that one. The libc counts too, or an allocation more would not be seen. Another
//! compiler, libc or valgrind counts otherwise, which is why the file names them and differences are said.
//!
//! Two runs of one build differ by less than 0.1 %. Two builds may differ by more: how a crate is cut into units of code
//! generation decides what is inlined. `client-frames` has moved by 1 % and by 5 % with changes of other modules; the folder
//! built in made no difference. Where such a thing is all that the gate found, accept it and say so in the commit.

mod baseline;
mod callgrind;
mod paths;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use baseline::Baseline;
use paths::PATHS;

/// The one function whose instructions are counted, with all that it calls.
#[inline(never)]
fn measured_region(work: &mut dyn FnMut()) {
    work();
}

#[allow(clippy::print_stdout, reason = "a program's output")]
fn main() -> anyhow::Result<()> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // Without valgrind around it this only shows that the path works.
        ["run", name] => {
            let path = PATHS.iter().find(|path| path.name == name).context("no such path")?;
            let mut work = (path.prepare)();
            // Buffers have their size after the first time.
            work();
            measured_region(&mut *work);
            Ok(())
        }
        ["check"] => check(&file),
        ["accept"] => {
            let measured = measure()?;
            std::fs::write(&file, serde_json::to_string_pretty(&measured)? + "\n")?;
            println!("wrote {}", file.display());
            Ok(())
        }
        _ => bail!("usage: instructions check|accept|run NAME"),
    }
}

#[allow(clippy::print_stdout, reason = "a program's output")]
fn check(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{}: make instructions-accept", file.display()))?;
    let accepted: Baseline = serde_json::from_str(&text)?;
    let comparison = baseline::compare(&accepted, &measure()?);
    print!("{comparison}");
    if !comparison.passes() {
        bail!("instruction counts: not as accepted");
    }
    Ok(())
}

fn measure() -> anyhow::Result<Baseline> {
    let mut measured = callgrind::here()?;
    let program = std::env::current_exe()?;
    for path in PATHS {
        let total = callgrind::count(&program, path.name, "measured_region")?;
        measured.instructions.insert(path.name.into(), total as f64 / path.units as f64);
    }
    Ok(measured)
}
