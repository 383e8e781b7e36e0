//! Tells the layers of an HTTP/2 connection apart by its frame headers (RFC 9113, 4.1): nine bytes each, of which three
//! are the length and one the type. Bytes in, counts out; it neither decompresses nor checks anything.

/// Length of a frame's header.
const HEADER_BYTES: usize = 9;
/// What a client says first (RFC 9113, 3.4).
const PREFACE_BYTES: u64 = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

/// Bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct H2Layers {
    /// Frame headers, the preface, and whole frames that carry neither header fields nor data.
    pub framing: u64,
    /// Compressed header fields.
    pub headers: u64,
    /// Contents of DATA frames.
    pub data: u64,
}

impl H2Layers {
    /// What was added since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            framing: self.framing - before.framing,
            headers: self.headers - before.headers,
            data: self.data - before.data,
        }
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub struct FrameMeter {
    /// What was seen so far.
    pub layers: H2Layers,
    preface_left: u64,
    header: [u8; HEADER_BYTES],
    header_len: usize,
    kind: u8,
    payload_left: u64,
}

impl FrameMeter {
    /// What comes from a server.
    #[must_use]
    pub fn from_server() -> Self {
        Self {
            layers: H2Layers::default(),
            preface_left: 0,
            header: [0; HEADER_BYTES],
            header_len: 0,
            kind: 0,
            payload_left: 0,
        }
    }

    /// What comes from a client, preface first.
    #[must_use]
    pub fn from_client() -> Self {
        Self { preface_left: PREFACE_BYTES, ..Self::from_server() }
    }

    /// Enters the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = if self.preface_left > 0 {
                let taken = len_min(self.preface_left, bytes);
                self.preface_left -= taken as u64;
                self.layers.framing += taken as u64;
                taken
            } else if self.payload_left > 0 {
                let taken = len_min(self.payload_left, bytes);
                self.payload_left -= taken as u64;
                *self.layer() += taken as u64;
                taken
            } else {
                self.head(bytes)
            };
            bytes = &bytes[taken..];
        }
    }

    /// Goes on with a frame's header. Returns how many bytes it took.
    fn head(&mut self, bytes: &[u8]) -> usize {
        let taken = (HEADER_BYTES - self.header_len).min(bytes.len());
        self.header[self.header_len..self.header_len + taken].copy_from_slice(&bytes[..taken]);
        self.header_len += taken;
        self.layers.framing += taken as u64;
        if self.header_len == HEADER_BYTES {
            let [high, middle, low, kind, ..] = self.header;
            self.payload_left = u64::from(u32::from_be_bytes([0, high, middle, low]));
            (self.kind, self.header_len) = (kind, 0);
        }
        taken
    }

    fn layer(&mut self) -> &mut u64 {
        match self.kind {
            DATA => &mut self.layers.data,
            HEADERS | PUSH_PROMISE | CONTINUATION => &mut self.layers.headers,
            _ => &mut self.layers.framing,
        }
    }
}

fn len_min(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        bytes.extend(std::iter::repeat_n(0xaa, payload));
        bytes
    }

    proptest! {
        /// However the bytes are cut, each kind of frame lands in its layer.
        #[test]
        fn layers_do_not_depend_on_how_bytes_come(
            frames in proptest::collection::vec((0_u8..10, 0_usize..300), 0..30),
            cut in 1_usize..50,
            client: bool,
        ) {
            let mut bytes = if client { vec![b'P'; 24] } else { Vec::new() };
            let mut expected = H2Layers { framing: bytes.len() as u64, ..H2Layers::default() };
            for &(kind, payload) in &frames {
                bytes.extend(frame(kind, payload));
                expected.framing += 9;
                match kind {
                    0 => expected.data += payload as u64,
                    1 | 5 | 9 => expected.headers += payload as u64,
                    _ => expected.framing += payload as u64,
                }
            }
            let mut meter = if client { FrameMeter::from_client() } else { FrameMeter::from_server() };
            bytes.chunks(cut).for_each(|chunk| meter.feed(chunk));
            prop_assert_eq!(meter.layers, expected);
        }
    }
}
