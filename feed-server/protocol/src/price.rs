//! Exact decimal prices: an integer count of the symbol's smallest step, and how it is printed and read.
//! No float is involved anywhere on the way.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::PLACES_MAX;

const POWERS: [u64; PLACES_MAX as usize + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// A decimal with a fixed number of places: `units / 10^places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    /// Count of the smallest step.
    pub units: i64,
    /// Decimal places, at most [`PLACES_MAX`].
    pub places: u8,
}

/// Text that is not a decimal which fits.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a decimal number with at most {PLACES_MAX} places within 64 bits")]
pub struct PriceError(pub String);

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| PriceError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(24);
        write_units(&mut text, self.units, self.places);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Appends `units` with exactly `places` decimals: `18720, 2` is `187.20`.
///
/// # Panics
/// If `places` exceeds [`PLACES_MAX`]; a [`crate::Universe`] lets no such symbol in.
pub fn write_units(out: &mut Vec<u8>, units: i64, places: u8) {
    let mut digits = itoa::Buffer::new();
    if places == 0 {
        out.extend_from_slice(digits.format(units).as_bytes());
        return;
    }
    if units < 0 {
        out.push(b'-');
    }
    let (magnitude, power) = (units.unsigned_abs(), POWERS[usize::from(places)]);
    out.extend_from_slice(digits.format(magnitude / power).as_bytes());
    out.push(b'.');
    let fraction = digits.format(magnitude % power).as_bytes();
    for _ in fraction.len()..usize::from(places) {
        out.push(b'0');
    }
    out.extend_from_slice(fraction);
}

fn parse(text: &str) -> Option<Price> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let well_formed = !whole.is_empty()
        && (digits.len() == whole.len() || !fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        && fraction.len() <= usize::from(PLACES_MAX);
    if !well_formed {
        return None;
    }
    let magnitude = whole.bytes().chain(fraction.bytes()).try_fold(0i64, |sum, byte| {
        let digit = i64::from(byte - b'0');
        let sum = sum.checked_mul(10)?;
        if negative { sum.checked_sub(digit) } else { sum.checked_add(digit) }
    })?;
    Some(Price { units: magnitude, places: u8::try_from(fraction.len()).ok()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(units: i64, places: u8) -> String {
        Price { units, places }.to_string()
    }

    #[test]
    fn prints_exactly_the_places_of_the_symbol() {
        assert_eq!(printed(18_720, 2), "187.20");
        assert_eq!(printed(5, 2), "0.05");
        assert_eq!(printed(-5, 2), "-0.05");
        assert_eq!(printed(0, 4), "0.0000");
        assert_eq!(printed(42, 0), "42");
        assert_eq!(printed(i64::MIN, 9), "-9223372036.854775808");
    }

    #[test]
    fn refuses_what_is_not_an_exact_decimal() {
        for bad in
            ["", "-", ".", "1.", ".5", "1e3", "+1", "1.0000000001", "9223372036854775808", "1,5"]
        {
            assert!(bad.parse::<Price>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_as_the_same(units: i64, places in 0..=PLACES_MAX) {
            let price = Price { units, places };
            prop_assert_eq!(price.to_string().parse::<Price>().unwrap(), price);
        }
    }
}
