//! Random conversations, random damage and the fuzzer's corpus, under every cut into reads.

use super::super::MessageLimit;
use super::super::property::{Owned, cuts_do_not_matter, fuzz};
use super::{BIN, CONT, ERRORS, FIN, PING, PONG, TEXT, frame_with};
use proptest::prelude::*;
use std::collections::HashSet;

/// A payload's length, unless it is the last one's, and a key.
type Fragment = (usize, [u8; 4]);

/// What a client may say, each with the sizes of its fragments and keys for them.
fn conversation() -> impl Strategy<Value = Vec<(Owned, Vec<Fragment>)>> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..=most);
    let item = prop_oneof![
        4 => "\\PC{0,200}".prop_map(Owned::Text),
        4 => bytes(700).prop_map(Owned::Binary),
        2 => bytes(125).prop_map(Owned::Ping),
        1 => bytes(125).prop_map(Owned::Pong),
    ];
    let fragments = prop::collection::vec((0..200_usize, any::<[u8; 4]>()), 1..5);
    prop::collection::vec((item, fragments), 0..12)
}

/// Frames of one message, the last fragment taking what is left.
fn encode(item: &Owned, fragments: &[Fragment], wire: &mut Vec<u8>) {
    let (opcode, mut rest) = match item {
        Owned::Text(text) => (TEXT, text.as_bytes()),
        Owned::Binary(bytes) => (BIN, &bytes[..]),
        Owned::Ping(bytes) => return wire.extend(frame_with(FIN | PING, bytes, fragments[0].1)),
        Owned::Pong(bytes) => return wire.extend(frame_with(FIN | PONG, bytes, fragments[0].1)),
        Owned::Close(..) => unreachable!("conversations do not close"),
    };
    for (i, (len, key)) in fragments.iter().enumerate() {
        let last = i + 1 == fragments.len();
        let (payload, behind) = rest.split_at(if last { rest.len() } else { rest.len().min(*len) });
        rest = behind;
        let first = if i == 0 { opcode } else { CONT } | if last { FIN } else { 0 };
        wire.extend(frame_with(first, payload, *key));
    }
}

proptest! {
    #[test]
    fn what_was_said_is_heard(said in conversation(), sizes in prop::collection::vec(1..500_usize, 1..20)) {
        let mut wire = Vec::new();
        for (item, fragments) in &said {
            encode(item, fragments, &mut wire);
        }
        let items: Vec<Owned> = said.into_iter().map(|(item, _)| item).collect();
        prop_assert_eq!(cuts_do_not_matter(MessageLimit::default(), &wire, &sizes), (items, None));
    }

    #[test]
    fn no_bytes_do_harm(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz(&data);
    }

    #[test]
    fn a_damaged_byte_does_no_harm(
        said in conversation(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        sizes in prop::collection::vec(1..500_usize, 1..20),
    ) {
        let mut wire = Vec::new();
        for (item, fragments) in &said {
            encode(item, fragments, &mut wire);
        }
        if !wire.is_empty() {
            let at = at.index(wire.len());
            wire[at] ^= flip;
        }
        for limit in [300, 65536] {
            cuts_do_not_matter(MessageLimit::new(limit), &wire, &sizes);
        }
    }
}

/// What the fuzzer found worth keeping (`feed-server/fuzz/README.md`). That it still reaches every refusal shows that it
/// was not lost or made for another layout of the input.
#[test]
fn the_corpus_replays() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/decoder");
    let mut errors = HashSet::new();
    for entry in std::fs::read_dir(folder).expect("the corpus is in the repository") {
        let (_, error) = fuzz(&std::fs::read(entry.unwrap().path()).unwrap());
        errors.extend(error);
    }
    for error in ERRORS {
        assert!(errors.contains(&error), "nothing in {folder} leads to: {error}");
    }
}
