//! What happens in the market and when: written once for a rate by Tickcast's own simulator, so that every other server sends
//! the same trades at the same instants (arrivals come in bursts, as real ones do). Read by the peers' servers and by
//! the publisher that feeds brokers. A schedule is played again from its beginning when it ends.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Most events of a schedule; it is played in a loop, so that more would only take memory.
const EVENTS_MAX: u64 = 400_000;
/// Longest and shortest schedule, ms.
const LENGTH_MS: std::ops::RangeInclusive<u64> = 1_000..=12_000;

/// One trade, but for what depends on when it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// µs after the schedule's begin.
    pub due_us: i64,
    /// Place of its symbol in [`Schedule::symbols`].
    pub symbol: u32,
    /// Where its message goes on after `ts`: range of [`Schedule::tails`].
    tail: (u32, u32),
}

/// Events in the order in which they are due.
#[derive(Debug, Default)]
pub struct Schedule {
    /// Names, as clients ask for them.
    pub symbols: Vec<String>,
    /// At least one.
    pub events: Vec<Event>,
    /// How long it takes, µs; greater than the last `due_us`.
    pub length_us: i64,
    tails: String,
}

impl Schedule {
    /// Lets `simulator` print trades of `symbols` at `rate` a second and keeps them in `file`:
    /// a line `LENGTH_US SYMBOL,SYMBOL…`, then a line `DUE_US SYMBOL TAIL` an event, where TAIL is what stands behind
    /// the time stamp in the message (`,"p":183.00,"v":84,"d":-1}`).
    ///
    /// # Errors
    /// The simulator cannot be run or prints something else.
    pub fn write(simulator: &Path, symbols: &[String], rate: u64, file: &Path) -> Result<()> {
        let length_ms = (EVENTS_MAX * 1000 / rate).clamp(*LENGTH_MS.start(), *LENGTH_MS.end());
        let output = Command::new(simulator)
            .args(["print", "--trades-only", "--popularity", "uniform", "--speed", "max"])
            .args(["--start", "0", "--for", &format!("{length_ms}ms")])
            .args(["--symbols", &symbols.len().to_string(), "--rate", &rate.to_string()])
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", simulator.display()))?;
        ensure!(output.status.success(), "{} failed", simulator.display());
        let mut text = format!("{} {}\n", length_ms * 1000, symbols.join(","));
        for line in std::str::from_utf8(&output.stdout)?.lines() {
            let (name, due_us, tail) = take_apart(line).with_context(|| format!("`{line}`"))?;
            let symbol = symbols.iter().position(|symbol| symbol == name);
            let symbol = symbol.with_context(|| format!("{name} is none of the server's"))?;
            writeln!(text, "{due_us} {symbol} {tail}")?;
        }
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Reads what [`Schedule::write`] wrote.
    ///
    /// # Errors
    /// There is no such file, or it is not a schedule.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut schedule = Self::default();
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| line.split_once(' ')).context("no head")?;
        schedule.length_us = head.0.parse()?;
        schedule.symbols = head.1.split(',').map(str::to_owned).collect();
        for line in lines {
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next().with_context(|| format!("`{line}`"));
            let (due_us, symbol, tail) = (part()?.parse()?, part()?.parse()?, part()?);
            ensure!((symbol as usize) < schedule.symbols.len(), "no symbol {symbol}");
            let from = u32::try_from(schedule.tails.len())?;
            schedule.tails.push_str(tail);
            let tail = (from, u32::try_from(schedule.tails.len())?);
            schedule.events.push(Event { due_us, symbol, tail });
        }
        ensure!(!schedule.events.is_empty(), "{} has no events", file.display());
        Ok(schedule)
    }

    /// What comes behind the time stamp in an event's message.
    #[must_use]
    pub fn tail(&self, event: &Event) -> &str {
        &self.tails[event.tail.0 as usize..event.tail.1 as usize]
    }
}

/// Symbol, time and the rest of `{"T":"t","S":"AAPL","ts":…,"p":…}`.
fn take_apart(line: &str) -> Option<(&str, i64, &str)> {
    let (name, rest) = line.strip_prefix(r#"{"T":"t","S":""#)?.split_once(r#"","ts":"#)?;
    let comma = rest.find(',')?;
    Some((name, rest[..comma].parse().ok()?, &rest[comma..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_simulator_is_taken_apart() {
        let line = r#"{"T":"t","S":"TSLA","ts":342,"p":253.41,"v":74,"d":-1}"#;
        assert_eq!(take_apart(line), Some(("TSLA", 342, r#","p":253.41,"v":74,"d":-1}"#)));
        assert_eq!(take_apart(r#"{"T":"q","S":"TSLA","ts":342,"b":1}"#), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let file = std::env::temp_dir().join(format!("peers-{}.schedule", std::process::id()));
        for (text, is_one) in
            [("1000 A,B\n5 1 ,\"p\":1}\n", true), ("1000 A,B\n5 2 x\n", false), ("1000 A\n", false)]
        {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Schedule::read(&file).is_ok(), is_one, "{text}");
        }
        std::fs::remove_file(&file).unwrap();
    }
}
