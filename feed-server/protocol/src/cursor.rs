//! Cursors: "I have everything up to and including OFFSET", valid on every transport of one epoch.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest epoch in bytes.
pub const EPOCH_BYTES_MAX: usize = 64;

/// `EPOCH:OFFSET`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// Opaque; new whenever the numbering starts again. Bears no `:`.
    pub epoch: Arc<str>,
    /// The last offset one has; 0 is before the first event.
    pub offset: u64,
}

/// Text that is no cursor.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no cursor; a cursor is EPOCH:OFFSET, as in `9f2c:88213`, taken from a message of this server"
)]
pub struct CursorError(pub String);

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || CursorError(text.chars().take(80).collect());
        let (epoch, offset) = text.split_once(':').ok_or_else(error)?;
        let digits = !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit());
        if !is_epoch(epoch) || !digits {
            return Err(error());
        }
        Ok(Self { epoch: epoch.into(), offset: offset.parse().map_err(|_| error())? })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

/// Whether `epoch` may be one: 1 to 64 visible ASCII characters without `:` and `"`,
/// so that it fits a query, a header and an `ETag`.
#[must_use]
pub fn is_epoch(epoch: &str) -> bool {
    (1..=EPOCH_BYTES_MAX).contains(&epoch.len())
        && epoch.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':' && byte != b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        let cursor: Cursor = "9f2c:88213".parse().unwrap();
        assert_eq!((&*cursor.epoch, cursor.offset), ("9f2c", 88_213));
        assert_eq!(cursor.to_string(), "9f2c:88213");
    }

    #[test]
    fn nonsense_is_no_cursor() {
        for bad in ["", "9f2c", ":1", "9f2c:", "9f2c:-1", "9f2c:+1", "a:b:1", "9f2c:1x", "9 f:1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        assert!("e:18446744073709551616".parse::<Cursor>().is_err());
        assert!("e:18446744073709551615".parse::<Cursor>().is_ok());
    }
}
