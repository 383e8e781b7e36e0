//! Measures what scanning and checking cost a message: frames as the server writes them, in both formats, scanned alone
//! and scanned into a client's books. Run with `cargo run --release -p load-tester --example scan_speed`.
#![expect(clippy::print_stdout, reason = "an example that shows its figures")]

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use load_tester::scan::{Message, TableRow, scan};
use load_tester::{Breaches, Format, Ledger, Plan, Selection, Target};

const NAMES: [&str; 10] =
    ["AAPL", "MSFT", "NVDA", "AMZN", "GOOG", "META", "TSLA", "BTC-USD", "ETH-USD", "F"];
const MESSAGES_A_FRAME: u64 = 100;
const FRAMES: u64 = 20_000;

fn main() {
    for format in [Format::Json, Format::Msgpack] {
        let frames: Vec<_> = (0..FRAMES).map(|number| frame(format, number)).collect();
        let bytes: usize = frames.iter().map(Vec::len).sum();
        let messages = FRAMES * MESSAGES_A_FRAME;
        let ns = |begin: Instant| begin.elapsed().as_nanos() as f64 / messages as f64;

        let begin = Instant::now();
        for frame in &frames {
            scan(format, frame, &mut |message| {
                black_box(message);
            })
            .expect("frames are well formed");
        }
        let scanned_ns = ns(begin);

        let plan = plan();
        let mut breaches = Breaches::default();
        let mut ledger = Ledger::new(0, &plan, format, Rc::new(Selection::of(&NAMES)));
        let rows: Vec<_> =
            (0..).zip(NAMES).map(|(id, name)| TableRow(id, name.to_owned(), 2)).collect();
        if format == Format::Msgpack {
            ledger.use_index(Rc::new(ledger.index(&rows)));
        }
        ledger.welcome(&mut breaches);
        ledger.subscribed(None, &mut breaches);
        let begin = Instant::now();
        for frame in &frames {
            ledger.begin_frame();
            scan(format, frame, &mut |message| {
                if let Message::Event(event) = message {
                    ledger.event(&event, &mut breaches);
                }
            })
            .expect("frames are well formed");
            ledger.end_frame(&mut breaches);
        }
        let checked_ns = ns(begin);
        assert_eq!(breaches.total(), 0, "{:?}", breaches.first());
        println!(
            "{:<8} {:>5.1} bytes a message: scanned in {scanned_ns:.1} ns, scanned and checked in {checked_ns:.1} ns",
            format.subprotocol(),
            bytes as f64 / messages as f64
        );
    }
}

fn plan() -> Plan {
    Plan::new(Target::new("ws://127.0.0.1:8080/v1/ws", false).expect("a loopback address"))
}

/// Frame `number`, of trades that go round the symbols.
fn frame(format: Format, number: u64) -> Vec<u8> {
    let trades = (0..MESSAGES_A_FRAME).map(|place| {
        let offset = 88_214 + number * MESSAGES_A_FRAME + place;
        let round = (number * MESSAGES_A_FRAME + place) / NAMES.len() as u64;
        let symbol = (place % NAMES.len() as u64) as usize;
        (symbol, 1 + round, offset, 1_763_700_000_123_456 + offset, 18_723 + place, 100 + place)
    });
    match format {
        Format::Json => {
            let messages: Vec<_> = trades
                .map(|(symbol, n, o, ts, p, v)| {
                    let (name, whole, part) = (NAMES[symbol], p / 100, p % 100);
                    format!(
                        r#"{{"T":"t","S":"{name}","n":{n},"o":{o},"ts":{ts},"p":{whole}.{part:02},"v":{v},"d":1}}"#
                    )
                })
                .collect();
            format!("[{}]", messages.join(",")).into_bytes()
        }
        Format::Msgpack => {
            let messages: Vec<_> =
                trades.map(|(symbol, n, o, ts, p, v)| (1, symbol, n, o, ts, p, v, 1)).collect();
            rmp_serde::to_vec(&messages).expect("numbers can be encoded")
        }
    }
}
