//! A market made for a study: a file of trades that the server replays, so that events come exactly when the study had them
//! and are exactly as long. Removed when this is dropped.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::ReproduceError;

/// What the file holds.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Names.
    pub symbols: Vec<String>,
    /// Each symbol trades once in this time …
    pub every: Duration,
    /// … all of them spread evenly over this much of it.
    pub spread: Duration,
    /// For how long.
    pub length: Duration,
    /// Trades of each symbol at the very start, so that numbers have as many digits as they should.
    pub before: u32,
    /// Price and size as they are written.
    pub price: &'static str,
    pub size: u32,
}

/// The file.
pub struct Market {
    pub path: PathBuf,
}

impl Market {
    /// Writes `shape` to a temporary file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(shape: &Shape) -> Result<Self, ReproduceError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("load-tester-{}-{number}.csv", std::process::id());
        let path = std::env::temp_dir().join(name);
        let io = |why| ReproduceError::Io { what: format!("cannot write {}", path.display()), why };
        std::fs::write(&path, lines(shape)).map_err(io)?;
        Ok(Self { path })
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        // A temporary file that cannot be removed is the system's to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn lines(shape: &Shape) -> String {
    let Shape { symbols, every, spread, length, before, price, size } = shape;
    let mut text = String::from("symbol,ts,price,size\n");
    let mut line = |symbol: &str, us: u128| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{symbol},{},{price},{size}", 1_000_000 + us);
    };
    for symbol in symbols.iter().flat_map(|symbol| std::iter::repeat_n(symbol, *before as usize)) {
        line(symbol, 0);
    }
    let (step_us, count) = (every.as_micros(), symbols.len() as u128);
    let rounds = length.as_micros() / step_us;
    for round in 0..rounds {
        for (place, symbol) in (0_u128..).zip(symbols) {
            line(symbol, step_us * round + spread.as_micros() * place / count);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_come_evenly() {
        let shape = Shape {
            symbols: vec!["A".into(), "B".into()],
            every: Duration::from_secs(5),
            spread: Duration::from_secs(5),
            length: Duration::from_secs(10),
            before: 1,
            price: "1.00",
            size: 3,
        };
        let expected = "symbol,ts,price,size\nA,1000000,1.00,3\nB,1000000,1.00,3\n\
            A,1000000,1.00,3\nB,3500000,1.00,3\nA,6000000,1.00,3\nB,8500000,1.00,3\n";
        assert_eq!(lines(&shape), expected);
        let market = Market::new(&shape).unwrap();
        assert_eq!(std::fs::read_to_string(&market.path).unwrap(), expected);
        let path = market.path.clone();
        drop(market);
        assert!(!path.exists());
    }
}
