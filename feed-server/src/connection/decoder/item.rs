//! What the decoder gives out: a payload, whole and unmasked, read as what its opcode says. Last step of the decoder;
//! it borrows and never copies.

use super::DecodeError;
use super::head::Opcode;

/// One thing that a client said. Data messages are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same bytes (at most 125).
    Ping(&'a [u8]),
    /// At most 125 bytes.
    Pong(&'a [u8]),
    /// The last item: whatever follows it is thrown away.
    Close {
        /// `None`: the frame was empty. Otherwise a code that is valid on the wire, to be answered by the same.
        code: Option<u16>,
        /// At most 123 bytes.
        reason: &'a str,
    },
}

/// Reads a whole payload as what its opcode says.
pub(super) fn item(opcode: Opcode, payload: &[u8]) -> Result<Item<'_>, DecodeError> {
    match opcode {
        Opcode::Text => std::str::from_utf8(payload)
            .map(Item::Text)
            .map_err(|_invalid| DecodeError::TextNotUtf8),
        Opcode::Ping => Ok(Item::Ping(payload)),
        Opcode::Pong => Ok(Item::Pong(payload)),
        Opcode::Close => close(payload),
        // A message bears the opcode of its first fragment, so a continuation never gets here.
        Opcode::Binary | Opcode::Continuation => Ok(Item::Binary(payload)),
    }
}

fn close(payload: &[u8]) -> Result<Item<'_>, DecodeError> {
    let (code, reason) = match payload {
        [] => return Ok(Item::Close { code: None, reason: "" }),
        [_] => return Err(DecodeError::CloseBody),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(DecodeError::CloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_invalid| DecodeError::ReasonNotUtf8)?;
    Ok(Item::Close { code: Some(code), reason })
}
