//! Reads the head of one client frame (RFC 6455, 5.2) and refuses what a client may not send. First step of the
//! decoder, on bytes that may still be incomplete.
//!
//! Checks run in the order in which the bytes arrive, so that the verdict on a head does not depend on how it was cut
//! into reads. Nothing is remembered here and nothing is allocated.

use super::DecodeError;

/// Longest payload of a control frame.
pub(super) const CONTROL_BYTES_MAX: usize = 125;
/// Flags and short length, the mask key. Between them stand 0, 2 or 8 bytes of long length.
const FIXED_BYTES: usize = 2;
const KEY_BYTES: usize = 4;
/// Head of a control frame, which has no long length.
pub(super) const CONTROL_HEAD_BYTES: usize = FIXED_BYTES + KEY_BYTES;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// What the connection allows at this point.
pub(super) struct Expect {
    /// A fragmented message is unfinished.
    pub in_message: bool,
    /// That message has as many fragments as it may have.
    pub fragments_full: bool,
    /// Payload bytes that a data frame may still bring.
    pub room: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub fin: bool,
    pub opcode: Opcode,
    /// Bytes of the head itself.
    pub bytes: usize,
    /// Bytes that follow it.
    pub payload: usize,
    pub key: [u8; 4],
}

pub(super) enum Read {
    /// No fault so far; at least so many more bytes are needed to know the rest.
    Short {
        missing: usize,
    },
    Whole(Head),
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Reads a head from the start of `bytes`.
pub(super) fn read(bytes: &[u8], expect: &Expect) -> Result<Read, DecodeError> {
    let Some(&first) = bytes.first() else { return Ok(Read::Short { missing: FIXED_BYTES }) };
    let (fin, opcode) = flags(first, expect)?;
    let Some(&second) = bytes.get(1) else { return Ok(Read::Short { missing: 1 }) };
    if second & 0x80 == 0 {
        return Err(DecodeError::Unmasked);
    }
    let short_length = second & 0x7f;
    if opcode.is_control() && usize::from(short_length) > CONTROL_BYTES_MAX {
        return Err(DecodeError::LongControl);
    }
    let length_bytes = match short_length {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let head_bytes = FIXED_BYTES + length_bytes + KEY_BYTES;
    let missing = head_bytes.saturating_sub(bytes.len());
    let Some(long_length) = bytes.get(FIXED_BYTES..FIXED_BYTES + length_bytes) else {
        return Ok(Read::Short { missing });
    };
    let payload = length(short_length, long_length)?;
    let room = if opcode.is_control() { CONTROL_BYTES_MAX } else { expect.room };
    let payload = usize::try_from(payload)
        .ok()
        .filter(|payload| *payload <= room)
        .ok_or(DecodeError::MessageTooBig)?;
    match bytes.get(FIXED_BYTES + length_bytes..head_bytes) {
        Some(&[a, b, c, d]) => {
            Ok(Read::Whole(Head { fin, opcode, bytes: head_bytes, payload, key: [a, b, c, d] }))
        }
        _ => Ok(Read::Short { missing }),
    }
}

/// The first byte: everything that can be said before a length is known.
fn flags(first: u8, expect: &Expect) -> Result<(bool, Opcode), DecodeError> {
    if first & 0x70 != 0 {
        return Err(DecodeError::ReservedBits);
    }
    let fin = first & 0x80 != 0;
    let opcode = match first & 0x0f {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xa => Opcode::Pong,
        _ => return Err(DecodeError::UnknownOpcode),
    };
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong if !fin => Err(DecodeError::FragmentedControl),
        Opcode::Continuation if !expect.in_message => Err(DecodeError::StrayContinuation),
        Opcode::Continuation if expect.fragments_full => Err(DecodeError::TooManyFragments),
        Opcode::Text | Opcode::Binary if expect.in_message => Err(DecodeError::InterruptedMessage),
        _ => Ok((fin, opcode)),
    }
}

/// The payload's length, which must be written in the shortest form that holds it.
fn length(short: u8, long: &[u8]) -> Result<u64, DecodeError> {
    let value = long.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    match long.len() {
        0 => Ok(u64::from(short)),
        2 if value >= 126 => Ok(value),
        8 if value >= 1 << 63 => Err(DecodeError::LengthTopBit),
        8 if value >= 1 << 16 => Ok(value),
        _ => Err(DecodeError::LengthNotMinimal),
    }
}
