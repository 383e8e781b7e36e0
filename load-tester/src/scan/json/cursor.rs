//! A place in a JSON frame, and the few shapes of number and name that data messages are made of. Every reader returns
//! `None` as soon as something is unusual, valid or not: the caller then takes the slow path from where the message
//! began. Never allocates, never looks past the frame.

use crate::scan::name_key;

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;
/// Mantissas up to here convert to `f64` exactly, and so does a power of ten: their quotient is what a parser gives.
const EXACT_MAX: u64 = 1 << 53;
const POWERS_OF_TEN: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Bytes and how far they have been read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Position of the next byte.
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What has not been read.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let taken = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }

    /// Goes over `text` if it comes next.
    #[inline]
    pub(super) fn expect<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let next: &[u8; N] = self.bytes.get(self.at..)?.first_chunk()?;
        if next != text {
            return None;
        }
        self.at += N;
        Some(())
    }

    /// The next eight bytes, the first one lowest; zeros behind the end.
    #[inline]
    fn word(&self) -> u64 {
        let rest = &self.bytes[self.at..];
        if let Some(word) = rest.first_chunk() {
            return u64::from_le_bytes(*word);
        }
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        u64::from_le_bytes(word)
    }

    /// A quoted name as its [`name_key`], if it is one that needs no unescaping.
    #[inline]
    pub(super) fn name_key(&mut self) -> Option<u64> {
        self.expect(b"\"")?;
        let word = self.word();
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
        if quotes == 0 {
            return self.long_name_key();
        }
        let len = quotes.trailing_zeros() / 8;
        let name = keep_low_bytes(word, len);
        let backslashes = zero_bytes(name ^ (ONES * u64::from(b'\\')));
        if name & TOPS != 0 || backslashes != 0 || has_control(name, len) {
            return None;
        }
        self.at += len as usize + 1;
        Some(name)
    }

    #[inline(never)]
    fn long_name_key(&mut self) -> Option<u64> {
        let rest = self.rest();
        let len = rest.iter().position(|&byte| byte == b'"')?;
        let name = &rest[..len];
        if name.iter().any(|&byte| byte == b'\\' || !(0x20..0x80).contains(&byte)) {
            return None;
        }
        self.at += len + 1;
        Some(name_key(name))
    }

    /// An integer without sign, fraction or leading zeros, below 10^16.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let word = self.word();
        let len = digits(word);
        if len == 0 || (len > 1 && word & 0xff == u64::from(b'0')) {
            return None;
        }
        self.at += len as usize;
        let high = value(word, len);
        if len < 8 {
            return Some(high);
        }
        let word = self.word();
        let len = digits(word);
        match len {
            0 => return Some(high),
            8 => return self.sixteen_or_more(high, word),
            _ => {}
        }
        self.at += len as usize;
        Some(high * 10_u64.pow(len) + value(word, len))
    }

    /// After eight digits come eight more, and no further one.
    #[inline]
    fn sixteen_or_more(&mut self, high: u64, word: u64) -> Option<u64> {
        self.at += 8;
        if self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        Some(high * 100_000_000 + value(word, 8))
    }

    /// A time in µs.
    #[inline]
    pub(super) fn time(&mut self) -> Option<i64> {
        self.unsigned().map(u64::cast_signed)
    }

    /// `1`, `0` or `-1`.
    #[inline]
    pub(super) fn aggressor(&mut self) -> Option<()> {
        match self.rest() {
            [b'0' | b'1', b',' | b'}', ..] => self.at += 1,
            [b'-', b'1', b',' | b'}', ..] => self.at += 2,
            _ => return None,
        }
        Some(())
    }

    /// Goes over a decimal number without exponent.
    #[inline]
    pub(super) fn skip_decimal(&mut self) -> Option<()> {
        let _ = self.expect(b"-");
        self.unsigned()?;
        if self.expect(b".").is_some() {
            let start = self.at;
            while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                self.at += 1;
            }
            if self.at == start {
                return None;
            }
        }
        self.no_exponent()
    }

    /// A decimal number without exponent, of at most nine places and 15 digits.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<f64> {
        let negative = self.expect(b"-").is_some();
        let mut mantissa = self.unsigned()?;
        let mut places = 0;
        if self.expect(b".").is_some() {
            while let Some(byte) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
                mantissa = mantissa.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                places += 1;
                self.at += 1;
            }
            if places == 0 {
                return None;
            }
        }
        if mantissa > EXACT_MAX {
            return None;
        }
        self.no_exponent()?;
        let magnitude = mantissa as f64 / POWERS_OF_TEN.get(places)?;
        Some(if negative { -magnitude } else { magnitude })
    }

    #[inline]
    fn no_exponent(&self) -> Option<()> {
        (!matches!(self.bytes.get(self.at), Some(b'e' | b'E' | b'.'))).then_some(())
    }
}

/// Sets the top bit of the lowest byte that is zero (and perhaps of ones above it); 0 if none is.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

#[inline]
fn keep_low_bytes(word: u64, len: u32) -> u64 {
    word & ((1_u64 << (8 * len)) - 1)
}

/// Whether one of the `len` low bytes, all below 0x80, is below 0x20.
#[inline]
fn has_control(name: u64, len: u32) -> bool {
    let present = keep_low_bytes(TOPS, len);
    (name + keep_low_bytes(ONES * 0x60, len)) & present != present
}

/// How many of the low bytes are digits before the first that is none: 0 to 8.
#[inline]
fn digits(word: u64) -> u32 {
    let base = word ^ (ONES * 0x30);
    let others = (((base & !TOPS) + ONES * 0x76) | base) & TOPS;
    others.trailing_zeros() / 8
}

/// The number that the `len` low bytes, all digits, spell.
#[inline]
fn value(word: u64, len: u32) -> u64 {
    let digits = word.wrapping_sub(ONES * 0x30) << (64 - 8 * len);
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}
