//! RFC 6455's rules as tables, each case fed whole, byte by byte and in odd reads. What is random stands in `random`.

use super::property::{Outcome, Owned, cuts_do_not_matter, decode};
use super::{DecodeError, Decoder, FRAGMENTS_MAX, Input, Item, MessageLimit};

mod random;

const CONT: u8 = 0x0;
const TEXT: u8 = 0x1;
const BIN: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;
/// Every way to be refused.
const ERRORS: [DecodeError; 15] = [
    DecodeError::Unmasked,
    DecodeError::ReservedBits,
    DecodeError::UnknownOpcode,
    DecodeError::FragmentedControl,
    DecodeError::LongControl,
    DecodeError::StrayContinuation,
    DecodeError::InterruptedMessage,
    DecodeError::LengthNotMinimal,
    DecodeError::LengthTopBit,
    DecodeError::CloseBody,
    DecodeError::CloseCode,
    DecodeError::ReasonNotUtf8,
    DecodeError::TextNotUtf8,
    DecodeError::MessageTooBig,
    DecodeError::TooManyFragments,
];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One masked frame; `first` is its first byte, the length is in its shortest form.
fn frame_with(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut bytes = head(first, payload.len() as u64, key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_with(first, payload, KEY)
}

fn head(first: u8, len: u64, key: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(0x80 | len as u8),
        126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes
}

fn run(frames: &[Vec<u8>]) -> Outcome {
    run_with(MessageLimit::default(), frames)
}

fn run_with(limit: MessageLimit, frames: &[Vec<u8>]) -> Outcome {
    cuts_do_not_matter(limit, &frames.concat(), &[3, 0, 7, 130])
}

fn text(text: &str) -> Owned {
    Owned::Text(text.to_owned())
}

#[track_caller]
fn gives(frames: &[Vec<u8>], items: &[Owned]) {
    assert_eq!(run(frames), (items.to_vec(), None));
}

#[track_caller]
fn refused(frames: &[Vec<u8>], error: DecodeError, close_code: u16) {
    let (_, refusal) = run(frames);
    assert_eq!(refusal, Some(error));
    assert_eq!(error.close_code(), close_code);
}

#[test]
fn is_small_and_holds_no_heap_when_idle() {
    assert!(size_of::<Decoder>() <= 48, "{} bytes", size_of::<Decoder>());
    assert_eq!(Decoder::new(MessageLimit::default()).kept_bytes(), 0);
}

#[test]
fn memory_follows_what_has_arrived_and_goes_when_nothing_is_unfinished() {
    let mut decoder = Decoder::new(MessageLimit::default());
    // A head that declares 65536 bytes reserves none of them.
    assert_eq!(decoder.next(&mut Input::new(&mut head(FIN | BIN, 65536, KEY))), Ok(None));
    assert!(decoder.kept_bytes() <= 64);
    let mut body = vec![0; 65536];
    let mut input = Input::new(&mut body);
    assert!(
        matches!(decoder.next(&mut input), Ok(Some(Item::Binary(bytes))) if bytes.len() == 65536)
    );
    assert_eq!(decoder.next(&mut input), Ok(None));
    assert_eq!(decoder.kept_bytes(), 0);

    // An unfinished message of nothing, whose head came in two reads.
    let mut empty = frame(BIN, b"");
    let (one, two) = empty.split_at_mut(3);
    assert_eq!(decoder.next(&mut Input::new(one)), Ok(None));
    assert_eq!(decoder.next(&mut Input::new(two)), Ok(None));
    assert_eq!(decoder.kept_bytes(), 0);
}

#[test]
fn whole_frames_are_lent_from_the_input() {
    let mut decoder = Decoder::new(MessageLimit::default());
    let mut bytes = [frame(FIN | TEXT, b"one"), frame(FIN | PING, b"two")].concat();
    let range = bytes.as_ptr_range();
    let mut input = Input::new(&mut bytes);
    while let Some(item) = decoder.next(&mut input).unwrap() {
        let payload = match item {
            Item::Text(text) => text.as_bytes(),
            Item::Binary(bytes) | Item::Ping(bytes) | Item::Pong(bytes) => bytes,
            Item::Close { reason, .. } => reason.as_bytes(),
        };
        assert!(range.contains(&payload.as_ptr()));
    }
    assert_eq!(decoder.kept_bytes(), 0);
}

#[test]
fn every_length_form() {
    for len in [0, 1, 125, 126, 127, 128, 65535, 65536] {
        let payload = vec![b'*'; len];
        gives(&[frame(FIN | TEXT, &payload)], &[text(&"*".repeat(len))]);
        gives(&[frame(FIN | BIN, &payload)], &[Owned::Binary(payload)]);
    }
}

#[test]
fn pings_and_pongs() {
    for len in [0, 1, 8, 124, 125] {
        let payload = vec![0xfe; len];
        gives(
            &[frame(FIN | PING, &payload), frame(FIN | PONG, &payload)],
            &[Owned::Ping(payload.clone()), Owned::Pong(payload)],
        );
    }
    for opcode in [PING, PONG, CLOSE] {
        refused(&[frame(FIN | opcode, &[0; 126])], DecodeError::LongControl, 1002);
        refused(&[frame(FIN | opcode, &[0; 65536])], DecodeError::LongControl, 1002);
        refused(&[frame(opcode, b"")], DecodeError::FragmentedControl, 1002);
    }
}

#[test]
fn reserved_bits_opcodes_and_masks() {
    for rsv in 1..8_u8 {
        for opcode in [TEXT, BIN, CLOSE, PING, PONG] {
            let wire = [frame(FIN | TEXT, b"ok"), frame(FIN | rsv << 4 | opcode, b"")];
            assert_eq!(run(&wire), (vec![text("ok")], Some(DecodeError::ReservedBits)));
        }
    }
    assert_eq!(DecodeError::ReservedBits.close_code(), 1002);
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        refused(&[frame(FIN | opcode, b"x")], DecodeError::UnknownOpcode, 1002);
        refused(&[frame(TEXT, b"x"), frame(opcode, b"")], DecodeError::UnknownOpcode, 1002);
        // Refused at the first byte, without waiting for more.
        refused(&[vec![FIN | opcode]], DecodeError::UnknownOpcode, 1002);
    }
    for first in [FIN | TEXT, BIN, FIN | PING, FIN | CLOSE] {
        refused(&[vec![first, 0]], DecodeError::Unmasked, 1002);
        refused(&[vec![first, 126, 0xff, 0xff]], DecodeError::Unmasked, 1002);
    }
}

#[test]
fn lengths_in_a_longer_form_than_needed() {
    let cases: [(&[u8], DecodeError); 7] = [
        (&[0xfe, 0, 0], DecodeError::LengthNotMinimal),
        (&[0xfe, 0, 125], DecodeError::LengthNotMinimal),
        (&[0xff, 0, 0, 0, 0, 0, 0, 0, 5], DecodeError::LengthNotMinimal),
        (&[0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], DecodeError::LengthNotMinimal),
        (&[0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], DecodeError::LengthTopBit),
        (&[0xff; 9], DecodeError::LengthTopBit),
        (&[0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], DecodeError::MessageTooBig),
    ];
    for (length, error) in cases {
        for opcode in [TEXT, BIN] {
            let code = if error == DecodeError::MessageTooBig { 1009 } else { 1002 };
            refused(&[vec![FIN | opcode], length.to_vec()], error, code);
        }
    }
}

#[test]
fn fragmentation() {
    gives(&[frame(TEXT, b"a"), frame(CONT, b"b"), frame(FIN | CONT, b"c")], &[text("abc")]);
    gives(&[frame(TEXT, b""), frame(CONT, b""), frame(FIN | CONT, b"")], &[text("")]);
    gives(&[frame(TEXT, b""), frame(CONT, b"x"), frame(FIN | CONT, b"")], &[text("x")]);
    // A client known in the wild sends everything, and an empty last fragment.
    let subscribe = br#"{"op":"subscribe","symbols":["AAPL"]}"#;
    gives(
        &[frame(BIN, subscribe), frame(FIN | CONT, b""), frame(FIN | BIN, b"next")],
        &[Owned::Binary(subscribe.to_vec()), Owned::Binary(b"next".to_vec())],
    );
    // Control frames come in between, several of them, before and after.
    gives(
        &[
            frame(TEXT, b"a"),
            frame(FIN | PING, b"1"),
            frame(FIN | PONG, &[7; 125]),
            frame(CONT, b"b"),
            frame(FIN | PING, b""),
            frame(FIN | CONT, b"c"),
            frame(FIN | PING, b"2"),
        ],
        &[
            Owned::Ping(b"1".to_vec()),
            Owned::Pong(vec![7; 125]),
            Owned::Ping(Vec::new()),
            text("abc"),
            Owned::Ping(b"2".to_vec()),
        ],
    );
    for first in [CONT, FIN | CONT] {
        refused(&[frame(first, b"x")], DecodeError::StrayContinuation, 1002);
        let after = [frame(TEXT, b"a"), frame(FIN | CONT, b"b"), frame(first, b"c")];
        assert_eq!(run(&after), (vec![text("ab")], Some(DecodeError::StrayContinuation)));
    }
    for first in [TEXT, BIN, FIN | TEXT, FIN | BIN] {
        refused(&[frame(BIN, b"a"), frame(first, b"b")], DecodeError::InterruptedMessage, 1002);
        refused(&[frame(TEXT, b""), frame(first, b"")], DecodeError::InterruptedMessage, 1002);
    }
}

#[test]
fn fragments_are_bounded_even_when_empty() {
    let mut frames = vec![frame(BIN, b"")];
    frames.resize(usize::from(FRAGMENTS_MAX) - 1, frame(CONT, b""));
    frames.push(frame(FIN | CONT, b""));
    gives(&frames, &[Owned::Binary(Vec::new())]);
    // The count starts again with the next message.
    gives(&[frames.clone(), frames.clone()].concat(), &vec![Owned::Binary(Vec::new()); 2]);
    *frames.last_mut().unwrap() = frame(CONT, b"");
    frames.push(vec![FIN | CONT]);
    refused(&frames, DecodeError::TooManyFragments, 1008);
}

#[test]
fn limits_are_enforced_from_the_head() {
    let limit = MessageLimit::new(300);
    let full = vec![1; 300];
    for frames in [
        vec![frame(FIN | BIN, &full)],
        vec![frame(BIN, &full), frame(FIN | PING, &[1; 125]), frame(FIN | CONT, b"")],
        vec![frame(BIN, &full[..200]), frame(FIN | CONT, &full[200..])],
    ] {
        let (items, error) = run_with(limit, &frames);
        assert_eq!((items.last(), error), (Some(&Owned::Binary(full.clone())), None));
    }
    // Not one byte of payload was sent in these.
    for frames in [
        vec![vec![FIN | BIN, 0xfe, 1, 45]],
        vec![vec![TEXT, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]],
        vec![frame(BIN, &full), vec![CONT, 0x81]],
        vec![frame(BIN, &full[..200]), vec![FIN | CONT, 0x80 | 101]],
    ] {
        assert_eq!(run_with(limit, &frames).1, Some(DecodeError::MessageTooBig));
    }
    assert_eq!(DecodeError::MessageTooBig.close_code(), 1009);
    let nothing = MessageLimit::new(0);
    let wire = [frame(FIN | TEXT, b""), frame(FIN | PING, b"p"), frame(FIN | TEXT, b"x")];
    let (items, error) = run_with(nothing, &wire);
    assert_eq!((items.len(), error), (2, Some(DecodeError::MessageTooBig)));
}

#[test]
fn utf8_whole_and_split_at_every_byte() {
    let valid = [
        "κόσμε",
        "Hello-µ@ßöäüàá-UTF-8!!",
        "\0",
        "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}",
        "\u{d7ff}\u{e000}\u{fffd}\u{10ffff}",
        "\u{fffe}\u{feff}",
    ];
    for valid in valid {
        gives(&[frame(FIN | TEXT, valid.as_bytes())], &[text(valid)]);
        for at in 0..=valid.len() {
            let (one, two) = valid.as_bytes().split_at(at);
            let split = [frame(TEXT, one), frame(FIN | PING, b""), frame(FIN | CONT, two)];
            gives(&split, &[Owned::Ping(Vec::new()), text(valid)]);
        }
        let mut bytes = vec![frame(TEXT, b"")];
        bytes.extend(valid.bytes().map(|byte| frame(CONT, &[byte])));
        bytes.push(frame(FIN | CONT, b""));
        gives(&bytes, &[text(valid)]);
    }
    let invalid: [&[u8]; 14] = [
        b"\x80",
        b"\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"ok\xce\xbaok\xed\xa0\x80edited",
    ];
    for invalid in invalid {
        refused(&[frame(FIN | TEXT, invalid)], DecodeError::TextNotUtf8, 1007);
        // Refused at the fragment at fault, not at the end of the message.
        refused(&[frame(TEXT, b"ok"), frame(CONT, invalid)], DecodeError::TextNotUtf8, 1007);
        gives(&[frame(FIN | BIN, invalid)], &[Owned::Binary(invalid.to_vec())]);
    }
    for cut in [&b"\xce"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"fine\xf0"] {
        refused(&[frame(FIN | TEXT, cut)], DecodeError::TextNotUtf8, 1007);
        refused(&[frame(TEXT, cut), frame(FIN | CONT, b"")], DecodeError::TextNotUtf8, 1007);
        refused(&[frame(TEXT, b""), frame(FIN | CONT, cut)], DecodeError::TextNotUtf8, 1007);
        refused(&[frame(TEXT, cut), frame(CONT, b"x")], DecodeError::TextNotUtf8, 1007);
        // So far it could still become valid.
        gives(&[frame(TEXT, cut), frame(CONT, b"")], &[]);
    }
}

#[test]
fn closing() {
    gives(&[frame(FIN | CLOSE, b"")], &[Owned::Close(None, String::new())]);
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
        let longest = "r".repeat(123);
        let body = [&code.to_be_bytes(), longest.as_bytes()].concat();
        gives(&[frame(FIN | CLOSE, &body)], &[Owned::Close(Some(code), longest)]);
        gives(&[frame(FIN | CLOSE, &body[..2])], &[Owned::Close(Some(code), String::new())]);
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        refused(&[frame(FIN | CLOSE, &code.to_be_bytes())], DecodeError::CloseCode, 1002);
    }
    refused(&[frame(FIN | CLOSE, b"\x03")], DecodeError::CloseBody, 1002);
    let reason = b"\x03\xe8\xce\xba\xed\xa0\x80";
    refused(&[frame(FIN | CLOSE, reason)], DecodeError::ReasonNotUtf8, 1007);
    // In the middle of a message; and what follows is not looked at, be it good or bad.
    for after in [frame(FIN | CONT, b"b"), frame(FIN | PING, b""), vec![0xff; 9]] {
        gives(
            &[frame(TEXT, b"a"), frame(FIN | CLOSE, b"\x03\xe8"), after],
            &[Owned::Close(Some(1000), String::new())],
        );
    }
}

#[test]
fn errors_fit_into_a_close_frame() {
    for error in ERRORS {
        assert!(error.to_string().len() <= 123, "{error}");
    }
}

#[test]
fn reads_of_nothing_change_nothing() {
    let wire = frame(FIN | TEXT, b"Hello");
    assert_eq!(decode(MessageLimit::default(), &wire, &[0, 0, 4]), (vec![text("Hello")], None));
}
