//! Keeps what is measured: the file is written again after every measurement, whole or not at all, so that a run that is
//! killed leaves what it has. A later run of the same build on the same machine goes on with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::plot;
use super::result::{Report, Round};

/// What is known so far, and where it is kept.
#[derive(Debug)]
pub struct Store {
    file: Option<PathBuf>,
    /// With what the file had before.
    pub report: Report,
}

impl Store {
    /// Goes on with what `file` has, if there is such a file; without one, nothing is kept.
    ///
    /// # Errors
    /// It cannot be read, or is of another build or machine.
    pub fn open(file: Option<PathBuf>, new: Report) -> Result<Self> {
        let report = match file.as_deref().filter(|file| file.exists()) {
            Some(file) => continued(file, new).with_context(|| format!("{}", file.display()))?,
            None => new,
        };
        Ok(Self { file, report })
    }

    /// Notes the version of a server that is there.
    ///
    /// # Errors
    /// What was measured before was of another one.
    pub fn note_version(&mut self, peer: &str, version: String) -> Result<()> {
        let old = self.report.versions.get(peer);
        ensure!(
            old.is_none_or(|old| *old == version),
            "{peer} is {version} now; {} has {}: --out another file",
            self.file.as_deref().unwrap_or(Path::new("the file")).display(),
            old.map_or("", String::as_str)
        );
        self.report.left_out.remove(peer);
        self.report.versions.insert(peer.to_owned(), version);
        Ok(())
    }

    /// Keeps a measurement, at once.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn push(&mut self, round: Round) -> Result<()> {
        self.report.rounds.push(round);
        self.save()
    }

    /// Writes the file and its picture.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save(&mut self) -> Result<()> {
        self.report.complete = self.report.unfinished.is_empty();
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.report)? + "\n";
        replace(file, &text).with_context(|| format!("{}", file.display()))?;
        match plot::svg(&self.report) {
            Some(svg) => replace(&file.with_extension("svg"), &svg),
            None => Ok(()),
        }
    }

    /// Where it is kept.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

/// What `file` has, if `new` is of the same build and machine.
fn continued(file: &Path, new: Report) -> Result<Report> {
    let old: Report = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    ensure!(
        (&old.commit, old.dirty, &old.machine) == (&new.commit, new.dirty, &new.machine),
        "was measured at {} on {:?}, this would be {} on {:?}: --out another file",
        old.build(),
        old.machine,
        new.build(),
        new.machine
    );
    // A commit says what was measured; changes that are in no commit, only the program itself.
    ensure!(
        !old.dirty || old.program == new.program,
        "was measured with another build of {}: --out another file",
        old.build()
    );
    let mut left_out: BTreeMap<_, _> = new.left_out;
    left_out.extend(old.left_out);
    Ok(Report { left_out, program: new.program, ..old })
}

/// Writes a file so that whoever reads it finds the old text or the new one, whenever this is killed.
///
/// # Errors
/// It cannot be written.
pub fn replace(file: &Path, text: &str) -> Result<()> {
    let mut name = file.file_name().context("no file name")?.to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let mut to = File::create(&part)?;
    to.write_all(text.as_bytes())?;
    to.sync_all()?;
    Ok(std::fs::rename(part, file)?)
}

#[cfg(test)]
mod tests {
    use super::super::result::Unfinished;
    use super::*;

    fn report(commit: &str, program: &str) -> Report {
        let (commit, program) = (commit.to_owned(), program.to_owned());
        Report { commit, program, ..Report::default() }
    }

    fn round(row: &str) -> Round {
        Round { row: row.to_owned(), peer: "tickcast".to_owned(), ..Round::default() }
    }

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("peers-store-{name}-{}.json", std::process::id()))
    }

    #[test]
    fn every_measurement_is_in_the_file_at_once() {
        let file = temporary("at-once");
        let mut store = Store::open(Some(file.clone()), report("a", "1")).unwrap();
        store.report.unfinished.insert("1k".to_owned(), Unfinished::default());
        store.push(round("1k")).unwrap();
        let read = || -> Report {
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
        };
        assert_eq!((read().rounds.len(), read().complete), (1, false));
        // As another run finds it when this one was killed while it wrote.
        std::fs::write(file.with_extension("json.part"), "{\"rounds\":[").unwrap();
        let mut store = Store::open(Some(file.clone()), report("a", "2")).unwrap();
        store.report.unfinished.clear();
        store.push(round("1k")).unwrap();
        assert_eq!((read().rounds.len(), read().complete), (2, true));
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn what_was_measured_with_something_else_is_not_added_to() {
        let file = temporary("else");
        let mut dirty = report("a", "1");
        dirty.dirty = true;
        let mut store = Store::open(Some(file.clone()), dirty).unwrap();
        store.note_version("ws", "ws 8".to_owned()).unwrap();
        store.push(round("1k")).unwrap();
        for (commit, is_dirty, program, fits) in [
            ("a", true, "1", true),
            ("a", true, "2", false),
            ("a", false, "1", false),
            ("b", true, "1", false),
        ] {
            let new = Report { dirty: is_dirty, ..report(commit, program) };
            let opened = Store::open(Some(file.clone()), new);
            assert_eq!(opened.is_ok(), fits, "{commit} {is_dirty} {program}");
            if let Ok(mut store) = opened {
                assert!(store.note_version("ws", "ws 8".to_owned()).is_ok());
                assert!(store.note_version("ws", "ws 9".to_owned()).is_err());
            }
        }
        std::fs::remove_file(file).unwrap();
    }
}
