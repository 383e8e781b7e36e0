//! The property that fuzzer and tests hold the decoder to: however the bytes are cut into reads, the same items and the
//! same error come out, and no more is kept than was promised. Compiled for tests and for fuzzing only.

use super::{DecodeError, Decoder, Input, Item, MessageLimit};

/// An [`Item`] that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl From<Item<'_>> for Owned {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Text(text) => Self::Text(text.to_owned()),
            Item::Binary(bytes) => Self::Binary(bytes.to_owned()),
            Item::Ping(bytes) => Self::Ping(bytes.to_owned()),
            Item::Pong(bytes) => Self::Pong(bytes.to_owned()),
            Item::Close { code, reason } => Self::Close(code, reason.to_owned()),
        }
    }
}

/// Items in order, then the error if there was one.
pub type Outcome = (Vec<Owned>, Option<DecodeError>);

/// Decodes `wire` in reads of the given `sizes`, which repeat; a read may be empty.
///
/// # Panics
/// When the decoder breaks a promise: of memory, of using all input up, of staying dead or closed, of the size of what
/// it gives out.
pub fn decode(limit: MessageLimit, wire: &[u8], sizes: &[usize]) -> Outcome {
    assert!(sizes.iter().any(|size| *size > 0), "reads of nothing would never end");
    let mut decoder = Decoder::new(limit);
    let mut items = Vec::new();
    let mut rest = wire;
    for size in sizes.iter().cycle() {
        let (read, behind) = rest.split_at(rest.len().min(*size));
        let mut scratch = read.to_vec();
        let mut input = Input::new(&mut scratch);
        loop {
            let step = decoder.next(&mut input).map(|item| item.map(Owned::from));
            assert!(decoder.kept_bytes() <= Decoder::kept_bytes_max(limit));
            match step {
                Ok(Some(item)) => {
                    assert!(!matches!(items.last(), Some(Owned::Close(..))), "an item after Close");
                    check_size(&item, limit);
                    items.push(item);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.kept_bytes(), 0, "dead, and still holds memory");
                    assert_eq!(decoder.next(&mut input), Err(error), "dead, and speaks again");
                    return (items, Some(error));
                }
            }
        }
        assert_eq!(input.remaining(), 0, "asks for more and leaves some");
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    (items, None)
}

fn check_size(item: &Owned, limit: MessageLimit) {
    let (len, most) = match item {
        Owned::Text(text) => (text.len(), limit.bytes()),
        Owned::Binary(bytes) => (bytes.len(), limit.bytes()),
        Owned::Ping(bytes) | Owned::Pong(bytes) => (bytes.len(), 125),
        Owned::Close(_, reason) => (reason.len(), 123),
    };
    assert!(len <= most, "{len} bytes where {most} are allowed");
}

/// Whole, byte by byte, and in reads of `sizes`: all the same. Returns what came out.
///
/// # Panics
/// When they differ, and as [`decode`] does.
pub fn cuts_do_not_matter(limit: MessageLimit, wire: &[u8], sizes: &[usize]) -> Outcome {
    let whole = decode(limit, wire, &[usize::MAX]);
    assert_eq!(whole, decode(limit, wire, &[1]), "byte by byte");
    assert_eq!(whole, decode(limit, wire, sizes), "in reads of {sizes:?}");
    whole
}

/// Reads a fuzzer's bytes: which limit, how many read sizes, the sizes, and the rest is what the client sent. Returns
/// what came out.
///
/// # Panics
/// As [`cuts_do_not_matter`] does.
pub fn fuzz(data: &[u8]) -> Outcome {
    const LIMITS: [u32; 8] = [0, 1, 125, 126, 300, 4096, 65536, 70_000];
    let [limit, sizes_len, data @ ..] = data else { return Outcome::default() };
    let limit = MessageLimit::new(LIMITS[usize::from(limit % 8)]);
    let sizes_len = usize::from(sizes_len % 16).min(data.len());
    let (sizes, wire) = data.split_at(sizes_len);
    let mut sizes: Vec<usize> = sizes.iter().map(|size| usize::from(*size)).collect();
    if sizes.iter().all(|size| *size == 0) {
        sizes.push(2);
    }
    cuts_do_not_matter(limit, wire, &sizes)
}
