//! The bounds on what one client can make a connection keep, and how memory grows towards them. Pure arithmetic.

use super::head::{CONTROL_BYTES_MAX, CONTROL_HEAD_BYTES};

/// Frames that one message may come in. Without it, empty fragments could go on for ever below any limit of bytes.
pub const FRAGMENTS_MAX: u16 = 1024;

/// The smallest piece of memory taken for a rest, so that a slow sender does not move it with every byte.
const KEPT_BYTES_MIN: usize = 64;

/// Largest message a client may send, in bytes of payload over all its fragments: `limits.message_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimit(u32);

impl MessageLimit {
    /// Allows messages of up to `bytes`.
    #[must_use]
    pub const fn new(bytes: u32) -> Self {
        Self(bytes)
    }

    /// The limit in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// A message at its limit, and a control frame that came in between.
    pub(super) const fn kept_bytes_max(self) -> usize {
        self.bytes().saturating_add(CONTROL_HEAD_BYTES + CONTROL_BYTES_MAX)
    }

    /// Memory to take for `len` bytes when there is too little. Doubling keeps a byte-wise sender cheap, and stops at
    /// the most that can be needed.
    pub(super) fn capacity_for(self, len: usize, capacity: usize) -> usize {
        let roomy = KEPT_BYTES_MIN.max(capacity.saturating_mul(2));
        len.max(roomy.min(self.kept_bytes_max()))
    }
}

impl Default for MessageLimit {
    /// 64 KiB.
    fn default() -> Self {
        Self(65536)
    }
}
