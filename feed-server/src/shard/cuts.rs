//! Where frames that lie one after another in a buffer end, so that a write that was cut off can go on.

use super::frame::{FrameBuilder, Trailer};

/// Frames one after another: where each ends, in bytes and in places of `pending`. Nearly always there is one.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    single: Option<(usize, usize)>,
    several: Vec<(usize, usize)>,
}

impl Cuts {
    /// Ends the builder's frame, which holds what is up to place `items`.
    pub fn cut(
        &mut self,
        builder: &mut FrameBuilder,
        whole: &mut Vec<u8>,
        items: usize,
        trailer: Trailer,
    ) {
        whole.extend_from_slice(builder.finish_with(trailer));
        builder.clear();
        self.several.push((whole.len(), items));
    }

    /// There is one frame alone, of so many bytes.
    pub fn single(&mut self, bytes: usize, items: usize) {
        self.single = Some((bytes, items));
    }

    /// After `taken` bytes: the frame that was begun (empty if none was), how much of it is sent, and the first item that
    /// is in no frame that was begun.
    pub fn rest(&self, taken: usize) -> (std::ops::Range<usize>, usize, usize) {
        let ends = self.single.as_ref().map_or(&self.several[..], std::slice::from_ref);
        let done = ends.partition_point(|(end, _)| *end <= taken);
        let (start, items) = done.checked_sub(1).map_or((0, 0), |place| ends[place]);
        match ends.get(done) {
            Some(&(end, next)) if taken > start => (start..end, taken - start, next),
            _ => (start..start, 0, items),
        }
    }
}
