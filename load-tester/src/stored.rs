//! The commands that need no server: they read stored runs and write reports of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use load_tester::compare::bootstrap::Bootstrap;
use load_tester::compare::conditions::{self, Condition, Weight};
use load_tester::compare::{self, Options, page, text};
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

/// `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// A stored run (run --out)
    #[arg(value_name = "A.JSON")]
    a: PathBuf,
    /// The stored run that is compared with it
    #[arg(value_name = "B.JSON")]
    b: PathBuf,
    /// Compare runs of different machines, and runs whose figures are invalid
    #[arg(long)]
    force: bool,
    /// Compare runs that had different settings
    #[arg(long)]
    ignore_settings: bool,
    /// Differences below this part of A's figure do not matter
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    margin: f64,
    /// What the bootstrap draws with: the same seed, the same bounds
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Exit with 3 if any figure is worse in B
    #[arg(long)]
    fail_if_worse: bool,
    /// Write the comparison to FILE as a page with the histograms laid over each other
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the comparison to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Compare {
    /// Compares, and prints what differs. Returns whether that is to be told as a failure.
    #[expect(clippy::print_stdout, reason = "the comparison goes to standard output")]
    pub fn execute(&self) -> anyhow::Result<bool> {
        if !(0.0..=1000.0).contains(&self.margin) {
            bail!("--margin is {}; it must be 0 to 1000 percent", self.margin);
        }
        let (a, b) = (read(&self.a)?, read(&self.b)?);
        self.allowed(&conditions::differing(&a, &b))?;
        let bootstrap = Bootstrap { seed: self.seed, ..Bootstrap::default() };
        let options = Options { bootstrap, margin: self.margin / 100.0 };
        let comparison = compare::runs(&a, &b, &options)?;
        if comparison.lanes.is_empty() {
            bail!("the runs have no transport in common: {}", comparison.only_in_one.join(", "));
        }
        print!("{}", text::table(&comparison));
        if let Some(path) = &self.html {
            let names = [self.a.to_string_lossy(), self.b.to_string_lossy()];
            write(path, &page::page(&comparison, [&a, &b], [&names[0], &names[1]])?)?;
        }
        if let Some(path) = &self.json {
            write(path, &serde_json::to_string_pretty(&comparison)?)?;
        }
        let worse = comparison.differences().any(|(_, one)| one.is_worse());
        Ok(self.fail_if_worse && worse)
    }

    /// Whether runs that differ by this may be compared.
    fn allowed(&self, conditions: &[Condition]) -> anyhow::Result<()> {
        let told = |weight| {
            let those = conditions.iter().filter(|one| one.weight == weight);
            let told = those.map(|one| format!("{} ({} and {})", one.name, one.a, one.b));
            told.collect::<Vec<_>>().join(", ")
        };
        let invalid = told(Weight::Invalid);
        if !invalid.is_empty() && !self.force {
            bail!("not every run is valid: {invalid}; to compare all the same: --force");
        }
        let machine = told(Weight::Machine);
        if !machine.is_empty() && !self.force {
            bail!(
                "the runs are from different machines: {machine}; to compare all the same: --force"
            );
        }
        let settings = told(Weight::Settings);
        if !settings.is_empty() && !self.ignore_settings {
            bail!(
                "the runs had different settings: {settings}; to compare all the same: --ignore-settings"
            );
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
