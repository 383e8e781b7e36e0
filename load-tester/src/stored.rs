//! The commands that need no server: they read stored runs and write reports of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use load_tester::report::{hlog, html};
use load_tester::result::{RunResult, SCHEMA};

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// A stored run (run --out)
    #[arg(value_name = "RUN.JSON")]
    run: PathBuf,
    /// Write the report to FILE: one page, below 400 kB, that needs no network
    #[arg(long, value_name = "FILE", required_unless_present = "hlog")]
    html: Option<PathBuf>,
    /// Write the latencies of each second and transport to FILE, as a HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    hlog: Option<PathBuf>,
}

impl Report {
    /// Writes what was asked for.
    pub fn execute(&self) -> anyhow::Result<()> {
        let run = read(&self.run)?;
        let stored = || self.run.display().to_string();
        if let Some(path) = &self.html {
            write(path, &html::html(&run).with_context(stored)?)?;
        }
        if let Some(path) = &self.hlog {
            write(path, &hlog::hlog(&run).with_context(stored)?)?;
        }
        Ok(())
    }
}

/// A stored run.
pub fn read(path: &Path) -> anyhow::Result<RunResult> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => bail!(
            "{name} has schema {schema}, and this load tester reads schema {SCHEMA}: use the version that wrote it"
        ),
        None => bail!("{name} is no stored run: `load-tester run --out FILE` writes one"),
    }
    serde_json::from_value(value).with_context(|| format!("{name} is no complete run"))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
