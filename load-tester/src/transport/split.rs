//! Cuts an endless body into its frames: lines of NDJSON, or events of `text/event-stream` (WHATWG HTML, 9.2). Bytes in,
//! arrays of messages out, without a copy where one came in one piece. Sans-I/O; does not look into the arrays. Lines end
//! with LF or CR LF; a CR alone, which the standard allows too, is not written by anybody and not looked for.

use hyper::body::Bytes;

/// Longest line that is put together.
const LINE_BYTES_MAX: usize = 256 << 20;

/// One frame of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The array of messages.
    pub payload: Bytes,
    /// Bytes around it, those of comments before it included.
    pub framing: u32,
    /// SSE: what `id:` says.
    pub id: Option<Bytes>,
}

/// How a body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Each line is an array.
    Lines,
    /// `data:` fields up to an empty line.
    Events,
}

/// A line is longer than is borne.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// The body so far.
#[derive(Debug)]
pub struct Splitter {
    cut: Cut,
    chunk: Bytes,
    /// Begin of a line whose end has not come.
    rest: Vec<u8>,
    /// The event that is being read; whether it has data.
    piece: Piece,
    has_data: bool,
}

impl Splitter {
    /// Nothing has come.
    #[must_use]
    pub fn new(cut: Cut) -> Self {
        Self {
            cut,
            chunk: Bytes::new(),
            rest: Vec::new(),
            piece: Piece::default(),
            has_data: false,
        }
    }

    /// Takes the next bytes; all frames of those before have been taken.
    ///
    /// # Errors
    /// A line does not end.
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), TooLong> {
        if self.rest.len() + chunk.len() > LINE_BYTES_MAX {
            return Err(TooLong);
        }
        self.chunk = chunk;
        Ok(())
    }

    /// The next frame that is whole.
    pub fn next(&mut self) -> Option<Piece> {
        loop {
            let (line, end) = self.line()?;
            match self.cut {
                Cut::Lines if line.is_empty() => self.piece.framing += end,
                Cut::Lines => {
                    let framing = std::mem::take(&mut self.piece.framing) + end;
                    return Some(Piece { payload: line, framing, id: None });
                }
                Cut::Events => {
                    if let Some(piece) = self.field(&line, end) {
                        return Some(piece);
                    }
                }
            }
        }
    }

    /// The next whole line, and the length of its end.
    fn line(&mut self) -> Option<(Bytes, u32)> {
        let Some(end) = memchr::memchr(b'\n', &self.chunk) else {
            self.rest.extend_from_slice(&self.chunk);
            self.chunk.clear();
            return None;
        };
        let mut line = self.chunk.split_to(end + 1);
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(&line);
            line = std::mem::take(&mut self.rest).into();
        }
        let end = if line.ends_with(b"\r\n") { 2 } else { 1 };
        line.truncate(line.len() - end);
        Some((line, end as u32))
    }

    /// Enters a line of an event; gives the event if that ends it.
    fn field(&mut self, line: &Bytes, end: u32) -> Option<Piece> {
        self.piece.framing += end;
        if line.is_empty() {
            let piece = self.piece.clone();
            if !std::mem::take(&mut self.has_data) {
                // Comments and an `id:` alone: their bytes go with the next event.
                self.piece.id = None;
                return None;
            }
            self.piece = Piece::default();
            return Some(piece);
        }
        let colon = line.iter().take(6).position(|&byte| byte == b':').unwrap_or(line.len());
        let name = &line[..colon];
        let space = line[colon..].starts_with(b": ");
        let from = (colon + 1 + usize::from(space)).min(line.len());
        let value = line.slice(from..);
        match name {
            b"data" => {
                self.piece.framing += u32::try_from(from).unwrap_or(u32::MAX);
                self.data(value);
            }
            b"id" => {
                self.piece.framing += u32::try_from(line.len()).unwrap_or(u32::MAX);
                self.piece.id = Some(value);
            }
            _ => self.piece.framing += u32::try_from(line.len()).unwrap_or(u32::MAX),
        }
        None
    }

    fn data(&mut self, value: Bytes) {
        if std::mem::replace(&mut self.has_data, true) {
            let mut joined = Vec::from(std::mem::take(&mut self.piece.payload));
            joined.push(b'\n');
            joined.extend_from_slice(&value);
            self.piece.payload = joined.into();
        } else {
            self.piece.payload = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(cut: Cut, body: &[u8], sizes: &[usize]) -> Vec<Piece> {
        let (mut splitter, mut pieces) = (Splitter::new(cut), Vec::new());
        let (mut rest, mut sizes) = (body, sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            splitter.feed(Bytes::copy_from_slice(chunk)).unwrap();
            pieces.extend(std::iter::from_fn(|| splitter.next()));
            rest = later;
        }
        pieces
    }

    /// The words of a body: what is written, and what should come out.
    fn words() -> impl Strategy<Value = Vec<(u8, String, bool)>> {
        let payload = "\\[[a-z{}:\", ]{0,40}\\]";
        proptest::collection::vec((0_u8..5, payload, any::<bool>()), 0..20)
    }

    proptest! {
        #[test]
        fn lines_come_whole_however_they_are_cut(
            words in words(), sizes in proptest::collection::vec(1_usize..60, 1..8)
        ) {
            let (mut body, mut expected) = (String::new(), Vec::new());
            for (_, payload, crlf) in &words {
                body += payload;
                body += if *crlf { "\r\n" } else { "\n" };
                expected.push(payload.clone().into_bytes());
            }
            let got = pieces(Cut::Lines, body.as_bytes(), &sizes);
            let bytes: usize = got.iter().map(|p| p.payload.len() + p.framing as usize).sum();
            prop_assert_eq!(bytes, body.len());
            let got: Vec<_> = got.into_iter().map(|piece| piece.payload.to_vec()).collect();
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn events_come_whole_however_they_are_cut(
            words in words(), sizes in proptest::collection::vec(1_usize..60, 1..8)
        ) {
            let (mut body, mut expected, mut counted) = (String::new(), Vec::new(), 0);
            for (number, (word, payload, crlf)) in words.iter().enumerate() {
                let end = if *crlf { "\r\n" } else { "\n" };
                let id = format!("e:{number}");
                match word {
                    0 => body += &format!(": comment{end}{end}"),
                    1 => body += &format!("data: {payload}{end}{end}"),
                    2 => body += &format!("id: {id}{end}data:{payload}{end}{end}"),
                    3 => body += &format!("event: x{end}retry: 9{end}data: {payload}{end}id:{id}{end}{end}"),
                    _ => body += &format!("data: {payload}{end}data: more{end}{end}"),
                }
                let data = match word {
                    0 => continue,
                    4 => format!("{payload}\nmore"),
                    _ => payload.clone(),
                };
                let id = matches!(word, 2 | 3).then(|| id.into_bytes());
                expected.push((data.into_bytes(), id));
                counted = body.len();
            }
            let got = pieces(Cut::Events, body.as_bytes(), &sizes);
            // A line end between two data fields is payload, so that those are told apart by one byte.
            let joins = got.iter().filter(|piece| piece.payload.ends_with(b"\nmore")).count();
            let bytes: usize = got.iter().map(|p| p.payload.len() + p.framing as usize).sum();
            prop_assert_eq!(bytes, counted + joins);
            let got: Vec<_> =
                got.into_iter().map(|p| (p.payload.to_vec(), p.id.map(|id| id.to_vec()))).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
