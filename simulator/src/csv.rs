//! Trades from a text file of `symbol,ts,price,size` lines.
//! Feeds a `Replay`. Reads the file twice: first all of it, to check every line and learn each symbol's
//! places; then line by line as ticks are asked for, so that a file larger than memory is no matter.
//! Prices never pass through a float: the digits are the price.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use feed_protocol::{
    Aggressor, Body, PLACES_MAX, Symbol, SymbolId, Tick, Trade, Universe, is_name,
};
use thiserror::Error;

/// The first line that may stand above the data.
const HEADER: &[u8] = b"symbol,ts,price,size";
const LINE_BYTES_MAX: u64 = 1024;

/// Why a file cannot be replayed, and where.
#[derive(Debug, Error)]
pub(crate) enum CsvError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("line {line}, column {column}: expected {expected}, found `{found}`")]
    Line { line: u64, column: usize, expected: &'static str, found: String },
    #[error("line {line}: ts {ts_us} is before the line above ({last_us}); sort the file by ts")]
    Order { line: u64, ts_us: i64, last_us: i64 },
    #[error("there is no line of symbol,ts,price,size in it")]
    Empty,
}

/// A file being read for the second time.
#[derive(Debug)]
pub(crate) struct Csv {
    rows: Rows,
    /// Number and decimal places of each symbol.
    symbols: HashMap<String, (SymbolId, u8)>,
}

impl Csv {
    /// Checks the whole file; symbols are numbered in the order of their first lines.
    pub(crate) fn open(path: &Path) -> Result<(Self, Universe), CsvError> {
        let mut rows = Rows::open(path)?;
        let mut symbols: HashMap<String, (SymbolId, u8)> = HashMap::new();
        let mut last_us = i64::MIN;
        while let Some(row) = rows.next()? {
            let next = SymbolId(symbols.len() as u32);
            match symbols.get_mut(row.symbol) {
                Some((_, places)) => *places = row.places.max(*places),
                None => drop(symbols.insert(row.symbol.to_owned(), (next, row.places))),
            }
            let ts_us = row.ts_us;
            if ts_us < last_us {
                return Err(CsvError::Order { line: rows.line, ts_us, last_us });
            }
            last_us = ts_us;
        }
        if symbols.is_empty() {
            return Err(CsvError::Empty);
        }
        let mut table: Vec<_> =
            symbols.iter().map(|(name, &(id, places))| (id, name, places)).collect();
        table.sort_unstable();
        let symbol = |(_, name, places): (_, &String, _)| Symbol {
            name: name.as_str().into(),
            places,
            title: format!("{name} (replayed)").into(),
        };
        let universe = Universe::new(table.into_iter().map(symbol).collect())
            .expect("names and places are checked line by line");
        Ok((Self { rows: Rows::open(path)?, symbols }, universe))
    }

    /// The next trade, or none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Tick>, CsvError> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        // The file was checked when it was opened; if it has changed since, it is told like any bad line.
        let found = self.symbols.get(row.symbol);
        let scaled = found.and_then(|&(symbol, places)| {
            let scale = 10i64.checked_pow(u32::from(places.checked_sub(row.places)?))?;
            Some((symbol, row.digits.checked_mul(scale)?))
        });
        let Some((symbol, price)) = scaled else {
            let found = row.symbol.to_owned();
            let expected = "a price that fits the symbol's other prices";
            return Err(CsvError::Line { line: self.rows.line, column: 1, expected, found });
        };
        let trade = Trade { price, size: row.size, aggressor: Aggressor::Unknown };
        Ok(Some(Tick { symbol, ts_us: row.ts_us, body: Body::Trade(trade) }))
    }
}

/// The lines of a file.
#[derive(Debug)]
struct Rows {
    input: BufReader<File>,
    text: Vec<u8>,
    /// Number of the line in `text`, from 1.
    line: u64,
}

/// A line's values: the price is `digits · 10^-places`.
struct Row<'a> {
    symbol: &'a str,
    ts_us: i64,
    digits: i64,
    places: u8,
    size: u32,
}

impl Rows {
    fn open(path: &Path) -> io::Result<Self> {
        let input = BufReader::with_capacity(1 << 16, File::open(path)?);
        Ok(Self { input, text: Vec::new(), line: 0 })
    }

    /// The next line that is neither empty nor the header.
    fn next(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        loop {
            self.text.clear();
            self.line += 1;
            let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.text)?;
            if read == 0 {
                return Ok(None);
            }
            let end = self.text.trim_ascii_end().len();
            self.text.truncate(end);
            let header = self.line == 1 && self.text.eq_ignore_ascii_case(HEADER);
            if !self.text.is_empty() && !header {
                return parse(&self.text, self.line).map(Some);
            }
        }
    }
}

fn parse(text: &[u8], line: u64) -> Result<Row<'_>, CsvError> {
    let wrong = |column: usize, expected, found: &[u8]| {
        let found =
            String::from_utf8_lossy(&found[..found.len().min(40)]).escape_debug().to_string();
        CsvError::Line { line, column: column + 1, expected, found }
    };
    let mut fields = [(0, &text[..0]); 4];
    let mut column = 0;
    let mut parts = text.split(|&byte| byte == b',');
    for field in &mut fields {
        let part =
            parts.next().ok_or_else(|| wrong(0, "four fields: symbol,ts,price,size", text))?;
        *field = (column, part.trim_ascii());
        column += part.len() + 1;
    }
    if parts.next().is_some() {
        return Err(wrong(column, "the end of the line after four fields", &text[column..]));
    }
    let [symbol, ts, price, size] = fields;
    let name = std::str::from_utf8(symbol.1).ok().filter(|name| is_name(name));
    let number = |(_, text): (usize, &[u8])| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let ts_us = timestamp(ts.1).ok_or_else(|| {
        wrong(ts.0, "µs since 1970 as a whole number, or seconds with a point", ts.1)
    })?;
    let (digits, places) = decimal(price.1)
        .filter(|&(digits, _)| digits > 0)
        .ok_or_else(|| wrong(price.0, "a price above 0 with at most 9 decimal places", price.1))?;
    let symbol = name.ok_or_else(|| {
        wrong(symbol.0, "a symbol of 1 to 32 characters of A-Z a-z 0-9 . - _ / :", symbol.1)
    })?;
    let size = number(size)
        .filter(|&size| size > 0)
        .ok_or_else(|| wrong(size.0, "a size, a whole number from 1 to 4294967295", size.1))?;
    Ok(Row { symbol, ts_us, digits, places, size })
}

/// `1763700000123456` (µs) or `1763700000.123456` (s); digits below a µs are cut.
fn timestamp(text: &[u8]) -> Option<i64> {
    let (digits, places) = decimal(text)?;
    if !text.contains(&b'.') {
        return Some(digits);
    }
    match 6 - i32::from(places) {
        more @ 0.. => digits.checked_mul(10i64.pow(more as u32)),
        fewer => Some(digits / 10i64.pow(fewer.unsigned_abs())),
    }
}

/// `187.20` → (18720, 2): digits, at most one point with digits on both sides of it, no sign.
fn decimal(text: &[u8]) -> Option<(i64, u8)> {
    let (mut digits, mut places, mut point) = (0i64, 0u8, false);
    for &byte in text {
        match byte {
            b'0'..=b'9' => {
                digits = digits.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                places += u8::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
        if places > PLACES_MAX {
            return None;
        }
    }
    let complete = text.first()?.is_ascii_digit() && text.last()?.is_ascii_digit();
    complete.then_some((digits, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_the_price() {
        assert_eq!(decimal(b"187.20"), Some((18_720, 2)));
        assert_eq!(decimal(b"91000"), Some((91_000, 0)));
        assert_eq!(decimal(b"0.000000001"), Some((1, 9)));
        for bad in
            ["", ".5", "5.", "1.2.3", "-1", "+1", "1e5", "0.0000000001", "99999999999999999999"]
        {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn times_are_microseconds_or_seconds_with_a_point() {
        assert_eq!(timestamp(b"1763700000123456"), Some(1_763_700_000_123_456));
        assert_eq!(timestamp(b"1763700000.123"), Some(1_763_700_000_123_000));
        assert_eq!(timestamp(b"1763700000.123456789"), Some(1_763_700_000_123_456));
        assert_eq!(timestamp(b"2025-11-21"), None);
    }

    #[test]
    fn a_bad_line_is_told_by_line_column_and_expectation() {
        let told = |text: &str| parse(text.as_bytes(), 7).err().unwrap().to_string();
        assert_eq!(
            told("AAPL,1,x,5"),
            "line 7, column 8: expected a price above 0 with at most 9 decimal places, found `x`"
        );
        assert!(told("AAPL,1,2").contains("four fields"));
        assert!(told("AAPL,1,2,3,4").starts_with("line 7, column 12: expected the end"));
        assert!(told("A*,1,2,3").starts_with("line 7, column 1: expected a symbol"));
        assert!(told("A,1,2,0").contains("expected a size"));
        assert!(told("A,noon,2,1").starts_with("line 7, column 3: expected µs"));
    }
}
