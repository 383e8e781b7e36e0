//! The bytes of one read, on their way into the decoder. Counts what is used up; it never grows.

/// Bytes that were read, and how many of them are used up.
#[derive(Debug)]
pub struct Input<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) used: usize,
}

impl<'a> Input<'a> {
    /// Wraps what one read brought. The decoder unmasks in it.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// Bytes that no call has taken yet. 0 once [`Decoder::next`](super::Decoder::next) has said `None`.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Uses up as many bytes as there are, at most `len`.
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let start = self.used;
        self.used += len.min(self.remaining());
        &self.bytes[start..self.used]
    }
}
