//! A file that a result will be written to: opened before the run, so that one that cannot be written is found out at
//! once, and emptied only when there is something to write, so that a run that does not begin destroys nothing.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub struct Out {
    path: PathBuf,
    file: File,
    /// It was made for this run and has nothing in it.
    is_new: bool,
}

impl Out {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let is_new = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, is_new })
    }

    pub fn write(mut self, text: &str) -> anyhow::Result<()> {
        self.is_new = false;
        let failed = || format!("cannot write the result to {}", self.path.display());
        self.file.set_len(0).with_context(failed)?;
        self.file.write_all(text.as_bytes()).with_context(failed)
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if self.is_new {
            // An empty file is in nobody's way.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
