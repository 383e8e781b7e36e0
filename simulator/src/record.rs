//! Writes a stream of ticks to a compact file: about 8 bytes a tick.
//! The counterpart of `recording`, which reads it; both keep to the layout described here.
//! Never rewrites what it has written: a recording that was cut off is readable up to the cut.
//!
//! Layout: 8 bytes [`MAGIC`], then sections of `u32 length, u32 CRC-32 of the payload, payload` (little
//! endian). The first payload is the universe: `count`, then for each symbol `length name places length
//! title`. Each further one is ticks; a section of length 0 is the end. Numbers are LEB128 varints. A tick:
//! `head symbol fields`, where head is `kind | detail << 2 | min(Δts, 15) << 4`, followed by `Δts - 15` if
//! that says 15; Δts is in µs since the tick before (since 1970 for the first). Kind 0, a trade: detail is
//! aggressor + 1, fields `Δprice size`. Kind 1, a quote: `Δbid (ask - bid) bid_size ask_size`. Kind 2, a
//! status: detail is its number. Δprice and Δbid are against the symbol's last price or bid. What can be
//! negative is zigzag-coded.

use std::io::{self, Write};

use feed_protocol::{Body, Tick, Universe};

/// First bytes of a recording; the last one is the layout's version.
pub(crate) const MAGIC: &[u8; 8] = b"TICKREC\x01";
/// Longest payload that a reader accepts, bytes: the largest universe takes about 4 MB.
pub(crate) const SECTION_BYTES_MAX: usize = 16 << 20;
/// A section of ticks is written when it has become so long, bytes.
const SECTION_BYTES: usize = 48 << 10;

/// Writes ticks to `out`. Call [`Recorder::finish`], or the reader will say that the end is missing.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    out: W,
    section: Vec<u8>,
    last_us: i64,
    /// Last price or bid of each symbol.
    last_prices: Vec<i64>,
    ticks: u64,
}

impl<W: Write> Recorder<W> {
    /// Begins a recording with the table of its symbols.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn new(mut out: W, universe: &Universe) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let mut section = Vec::new();
        put(&mut section, universe.len() as u64);
        for (_, symbol) in universe.iter() {
            put(&mut section, symbol.name.len() as u64);
            section.extend_from_slice(symbol.name.as_bytes());
            section.push(symbol.places);
            put(&mut section, symbol.title.len() as u64);
            section.extend_from_slice(symbol.title.as_bytes());
        }
        let last_prices = vec![0; universe.len()];
        let mut recorder = Self { out, section, last_us: 0, last_prices, ticks: 0 };
        recorder.write_section()?;
        Ok(recorder)
    }

    /// Adds a tick.
    ///
    /// # Errors
    /// Whatever `out` answers; `InvalidInput` for a tick before the last one (or before 1970), or of
    /// a symbol that is not in the universe.
    pub fn add(&mut self, tick: &Tick) -> io::Result<()> {
        let refused = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        let passed = u64::try_from(tick.ts_us.wrapping_sub(self.last_us));
        let (true, Ok(passed_us)) = (tick.ts_us >= 0, passed) else {
            return Err(refused("a recorded tick is older than the one before"));
        };
        let Some(last_price) = self.last_prices.get_mut(tick.symbol.index()) else {
            return Err(refused("a recorded tick is of an unknown symbol"));
        };
        let (kind, detail) = match tick.body {
            Body::Trade(trade) => (0, (trade.aggressor as i8 + 1) as u8),
            Body::Quote(_) => (1, 0),
            Body::Status(status) => (2, status as u8),
        };
        self.section.push(kind | detail << 2 | (passed_us.min(15) as u8) << 4);
        if passed_us >= 15 {
            put(&mut self.section, passed_us - 15);
        }
        put(&mut self.section, tick.symbol.0.into());
        match tick.body {
            Body::Trade(trade) => {
                put(&mut self.section, zigzag(trade.price.wrapping_sub(*last_price)));
                put(&mut self.section, trade.size.into());
                *last_price = trade.price;
            }
            Body::Quote(quote) => {
                put(&mut self.section, zigzag(quote.bid.wrapping_sub(*last_price)));
                put(&mut self.section, zigzag(quote.ask.wrapping_sub(quote.bid)));
                put(&mut self.section, quote.bid_size.into());
                put(&mut self.section, quote.ask_size.into());
                *last_price = quote.bid;
            }
            Body::Status(_) => {}
        }
        self.last_us = tick.ts_us;
        self.ticks += 1;
        if self.section.len() >= SECTION_BYTES { self.write_section() } else { Ok(()) }
    }

    /// Number of ticks added.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Writes what is left and the end mark; gives `out` back, flushed.
    ///
    /// # Errors
    /// Whatever `out` answers.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.section.is_empty() {
            self.write_section()?;
        }
        self.write_section()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_section(&mut self) -> io::Result<()> {
        let length = match u32::try_from(self.section.len()) {
            Ok(length) if self.section.len() <= SECTION_BYTES_MAX => length,
            // Only the table of symbols can grow so long: ticks are cut at 48 KiB.
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbols")),
        };
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&crc32fast::hash(&self.section).to_le_bytes())?;
        self.out.write_all(&self.section)?;
        self.section.clear();
        Ok(())
    }
}

/// Appends a varint.
fn put(section: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        section.push(value as u8 | 0x80);
        value >>= 7;
    }
    section.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    (value as u64) << 1 ^ (value >> 63) as u64
}
