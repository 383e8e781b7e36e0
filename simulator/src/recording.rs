//! Reads what `record` wrote, section by section; the layout is described there.
//! Feeds a `Replay`; hands out every tick before a damaged place, then says where it is.
//! Trusts nothing: lengths are bounded, checksums compared, symbols and statuses looked up.

use std::io::{self, Read};

use feed_protocol::{
    Aggressor, Body, Quote, Symbol, SymbolId, Tick, Trade, TradingStatus, Universe,
};
use thiserror::Error;

use crate::record::{MAGIC, SECTION_BYTES_MAX};

/// Why no further tick can be read.
#[derive(Debug, Error)]
pub(crate) enum RecordingError {
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The bytes of the section that begins at `at` are not what was written.
    #[error("damaged at byte {at}, after {ticks} good ticks: {what}")]
    Damaged { at: u64, ticks: u64, what: &'static str },
}

/// A recording being read from its beginning.
#[derive(Debug)]
pub(crate) struct Recording<R> {
    input: R,
    /// Symbols that the table names.
    symbols: usize,
    /// Where in the file the present section begins, and where the next one does.
    section_at: u64,
    next_at: u64,
    section: Vec<u8>,
    /// How much of the section has been read.
    position: usize,
    last_us: i64,
    last_prices: Vec<i64>,
    ticks: u64,
}

impl<R: Read> Recording<R> {
    /// Reads the symbols; the magic has been read from `input` already.
    pub(crate) fn new(input: R) -> Result<(Self, Universe), RecordingError> {
        let mut recording = Self {
            input,
            symbols: 0,
            section_at: 0,
            next_at: MAGIC.len() as u64,
            section: Vec::new(),
            position: 0,
            last_us: 0,
            last_prices: Vec::new(),
            ticks: 0,
        };
        recording.read_section()?;
        let universe = recording.universe()?;
        recording.symbols = universe.len();
        recording.last_prices = vec![0; universe.len()];
        Ok((recording, universe))
    }

    /// The next tick, or none after the end mark.
    pub(crate) fn next(&mut self) -> Result<Option<Tick>, RecordingError> {
        if self.position == self.section.len() {
            self.read_section()?;
            if self.section.is_empty() {
                return Ok(None);
            }
        }
        let tick = self.tick().ok_or_else(|| self.damaged("a tick that makes no sense"))?;
        self.ticks += 1;
        Ok(Some(tick))
    }

    fn read_section(&mut self) -> Result<(), RecordingError> {
        self.section_at = self.next_at;
        let mut head = [0; 8];
        self.fill(&mut head, "the end is missing, the recording was cut off")?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > SECTION_BYTES_MAX {
            return Err(self.damaged("a section longer than any that is written"));
        }
        // Grown as bytes arrive: a false length must not reserve memory that the file does not fill.
        let mut section = std::mem::take(&mut self.section);
        section.clear();
        let read = (&mut self.input).take(length as u64).read_to_end(&mut section)?;
        self.section = section;
        self.position = 0;
        if read < length {
            self.section.clear();
            return Err(self.damaged("cut off within a section"));
        }
        if crc32fast::hash(&self.section) != u32::from_le_bytes([c0, c1, c2, c3]) {
            self.section.clear();
            return Err(self.damaged("the checksum does not fit"));
        }
        self.next_at += (head.len() + length) as u64;
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8], what: &'static str) -> Result<(), RecordingError> {
        match self.input.read_exact(bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged(what)),
            Err(error) => Err(error.into()),
        }
    }

    fn damaged(&self, what: &'static str) -> RecordingError {
        RecordingError::Damaged { at: self.section_at, ticks: self.ticks, what }
    }

    fn universe(&mut self) -> Result<Universe, RecordingError> {
        let symbols = self.symbols().ok_or_else(|| self.damaged("no table of symbols"))?;
        Universe::new(symbols).map_err(|_| self.damaged("symbols that are not valid"))
    }

    fn symbols(&mut self) -> Option<Vec<Symbol>> {
        let mut symbols = Vec::new();
        for _ in 0..self.number()? {
            let name = self.text()?.into();
            let places = self.byte()?;
            symbols.push(Symbol { name, places, title: self.text()?.into() });
        }
        Some(symbols)
    }

    fn tick(&mut self) -> Option<Tick> {
        let head = self.byte()?;
        let mut passed_us = u64::from(head >> 4);
        if passed_us == 15 {
            passed_us = passed_us.checked_add(self.number()?)?;
        }
        let ts_us = self.last_us.checked_add(i64::try_from(passed_us).ok()?)?;
        let symbol = SymbolId(u32::try_from(self.number()?).ok()?);
        if symbol.index() >= self.symbols {
            return None;
        }
        let detail = head >> 2 & 3;
        let body = match head & 3 {
            0 => Body::Trade(Trade {
                price: self.price(symbol)?,
                size: self.size()?,
                aggressor: Aggressor::from_wire(i64::from(detail) - 1)?,
            }),
            1 => {
                let bid = self.price(symbol)?;
                let ask = bid.checked_add(unzigzag(self.number()?))?;
                Body::Quote(Quote { bid, ask, bid_size: self.size()?, ask_size: self.size()? })
            }
            2 => Body::Status(*TradingStatus::ALL.get(usize::from(detail))?),
            _ => return None,
        };
        self.last_us = ts_us;
        Some(Tick { symbol, ts_us, body })
    }

    fn price(&mut self, symbol: SymbolId) -> Option<i64> {
        let change = unzigzag(self.number()?);
        let last_price = &mut self.last_prices[symbol.index()];
        *last_price = last_price.wrapping_add(change);
        Some(*last_price)
    }

    fn size(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let bytes = self.section.get(self.position..self.position.checked_add(length)?)?;
        let text = std::str::from_utf8(bytes).ok()?.to_owned();
        self.position += length;
        Some(text)
    }

    /// A varint of at most 64 bits.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return (shift < 63 || byte < 2).then_some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.section.get(self.position)?;
        self.position += 1;
        Some(byte)
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plan, Recorder, Scenario, Simulation};
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> (Vec<Tick>, Option<String>) {
        let mut recording = match Recording::new(&bytes[MAGIC.len()..]) {
            Ok((recording, _)) => recording,
            Err(error) => return (Vec::new(), Some(error.to_string())),
        };
        let mut ticks = Vec::new();
        loop {
            match recording.next() {
                Ok(Some(tick)) => ticks.push(tick),
                Ok(None) => return (ticks, None),
                Err(error) => return (ticks, Some(error.to_string())),
            }
        }
    }

    fn recorded(n: usize) -> (Vec<Tick>, Vec<u8>) {
        let plan = Plan { symbols: 30, scenario: Scenario::Halt, ..Plan::default() };
        let simulation = Simulation::new(&plan).unwrap();
        let mut recorder = Recorder::new(Vec::new(), &simulation.universe()).unwrap();
        let ticks: Vec<Tick> = simulation.take(n).collect();
        ticks.iter().for_each(|tick| recorder.add(tick).unwrap());
        (ticks, recorder.finish().unwrap())
    }

    #[test]
    fn what_was_recorded_is_read() {
        let (ticks, bytes) = recorded(40_000);
        assert_eq!(read(&bytes), (ticks, None));
        let a_tick = bytes.len() as f64 / 40_000.0;
        assert!(a_tick < 11.0, "{a_tick} bytes a tick");
    }

    #[test]
    fn everything_before_a_cut_is_read_and_the_cut_is_named() {
        let (ticks, bytes) = recorded(20_000);
        for cut in [bytes.len() - 1, bytes.len() - 8, bytes.len() / 2, 12, 8] {
            let (read, error) = read(&bytes[..cut]);
            assert!(ticks.starts_with(&read));
            let error = error.expect("a cut is an error");
            assert!(error.contains("cut off"), "{error}");
        }
        let (all, _) = read(&bytes[..bytes.len() - 1]);
        assert_eq!(all.len(), ticks.len());
    }

    #[test]
    fn extreme_values_survive() {
        let universe =
            Universe::new(vec![Symbol { name: "X".into(), places: 0, title: "".into() }]);
        let trade = |ts_us, price| Tick {
            symbol: SymbolId(0),
            ts_us,
            body: Body::Trade(Trade { price, size: u32::MAX, aggressor: Aggressor::Unknown }),
        };
        let ticks = [trade(0, i64::MAX), trade(0, i64::MIN), trade(i64::MAX, 0)];
        let mut recorder = Recorder::new(Vec::new(), &universe.unwrap()).unwrap();
        ticks.iter().for_each(|tick| recorder.add(tick).unwrap());
        assert!(recorder.add(&trade(5, 5)).is_err(), "older than the one before");
        assert_eq!(recorder.ticks(), 3);
        assert_eq!(read(&recorder.finish().unwrap()), (ticks.to_vec(), None));
    }

    proptest! {
        #[test]
        fn damage_is_found_and_never_invents_a_tick(at in 8usize..40_000, flip in 1u8..) {
            let (ticks, mut bytes) = recorded(4000);
            let at = 8 + at % (bytes.len() - 8);
            bytes[at] ^= flip;
            let (read, error) = read(&bytes);
            prop_assert!(error.is_some());
            prop_assert!(ticks.starts_with(&read));
        }
    }
}
