//! Walks over WebSocket frames in whatever pieces a socket gives them: header by header, without copying payloads.
//! For what servers send (unmasked, RFC 6455 section 5.2). Checks nothing else; the contract is checked on what is inside.

/// What is told about frames.
pub trait Sink {
    /// A frame begins.
    fn begin(&mut self, opcode: u8);
    /// A piece of its payload.
    fn payload(&mut self, opcode: u8, piece: &[u8]);
    /// It is complete; `last` if the message is, too.
    fn end(&mut self, opcode: u8, last: bool);
}

/// Where in a frame a connection is. An opcode of 0 continues the message before.
#[derive(Debug, Default)]
pub struct Frames {
    head: [u8; 10],
    filled: usize,
    left: u64,
    opcode: u8,
    last: bool,
}

impl Frames {
    /// Takes the next bytes.
    pub fn walk(&mut self, mut bytes: &[u8], sink: &mut impl Sink) {
        loop {
            if self.left > 0 {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                if length == 0 {
                    return;
                }
                let (piece, rest) = bytes.split_at(length);
                sink.payload(self.opcode, piece);
                bytes = rest;
                self.left -= length as u64;
                if self.left > 0 {
                    return;
                }
                sink.end(self.opcode, self.last);
            }
            if !self.header(&mut bytes) {
                return;
            }
            sink.begin(self.opcode);
            if self.left == 0 {
                sink.end(self.opcode, self.last);
            }
        }
    }

    /// Reads a header, if it is there to its end.
    fn header(&mut self, bytes: &mut &[u8]) -> bool {
        loop {
            let needed = match (self.filled, self.head[1] & 0x7f) {
                (0 | 1, _) => 2,
                (_, 126) => 4,
                (_, 127) => 10,
                _ => 2,
            };
            if self.filled == needed {
                break;
            }
            let length = (needed - self.filled).min(bytes.len());
            if length == 0 {
                return false;
            }
            let (piece, rest) = bytes.split_at(length);
            self.head[self.filled..self.filled + length].copy_from_slice(piece);
            self.filled += length;
            *bytes = rest;
        }
        let head = &self.head;
        self.opcode = head[0] & 0x0f;
        self.last = head[0] & 0x80 != 0;
        self.left = match self.filled {
            2 => u64::from(head[1] & 0x7f),
            4 => u64::from(u16::from_be_bytes([head[2], head[3]])),
            _ => u64::from_be_bytes(std::array::from_fn(|at| head[2 + at])),
        };
        self.filled = 0;
        true
    }
}

/// A client's frame with this payload, masked with zeros.
#[must_use]
pub fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames as they came: opcode, payload, last.
    #[derive(Default)]
    struct Collected(Vec<(u8, Vec<u8>, bool)>);

    impl Sink for Collected {
        fn begin(&mut self, opcode: u8) {
            self.0.push((opcode, Vec::new(), false));
        }
        fn payload(&mut self, _: u8, piece: &[u8]) {
            self.0.last_mut().unwrap().1.extend_from_slice(piece);
        }
        fn end(&mut self, _: u8, last: bool) {
            self.0.last_mut().unwrap().2 = last;
        }
    }

    #[test]
    fn frames_of_all_lengths_are_found_however_they_are_cut() {
        let lengths = [0usize, 1, 125, 126, 300, 65_535, 65_536, 70_000];
        let mut stream = Vec::new();
        for (number, &length) in lengths.iter().enumerate() {
            stream.push(if number % 2 == 0 { 0x81 } else { 0x02 });
            match length {
                0..126 => stream.push(length as u8),
                126..65_536 => {
                    stream.push(126);
                    stream.extend((length as u16).to_be_bytes());
                }
                _ => {
                    stream.push(127);
                    stream.extend((length as u64).to_be_bytes());
                }
            }
            stream.extend(std::iter::repeat_n(number as u8, length));
        }
        for cut in [1, 2, 3, 7, 1000, stream.len()] {
            let (mut frames, mut collected) = (Frames::default(), Collected::default());
            stream.chunks(cut).for_each(|piece| frames.walk(piece, &mut collected));
            assert_eq!(collected.0.len(), lengths.len(), "cut at {cut}");
            for (number, (opcode, payload, last)) in collected.0.iter().enumerate() {
                assert_eq!((*opcode, *last), if number % 2 == 0 { (1, true) } else { (2, false) });
                assert_eq!(*payload, vec![number as u8; lengths[number]]);
            }
        }
    }

    #[test]
    fn what_a_client_sends_has_a_mask() {
        assert_eq!(client_frame(1, b"ab"), [0x81, 0x82, 0, 0, 0, 0, b'a', b'b']);
        assert_eq!(client_frame(1, &[0; 200])[1..4], [0xfe, 0, 200]);
        assert_eq!(client_frame(2, &[0; 70_000])[1..10], [0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }
}
