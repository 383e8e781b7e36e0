//! Promises about the stream as such: order, soundness, sameness, and files that give back what was put in.

use std::io::Write as _;
use std::path::PathBuf;

use feed_protocol::{Aggressor, Body, Tick};
use proptest::prelude::*;
use simulator::{
    Plan, Popularity, Recorder, Scenario, Simulation, first_price, open_replay, write_line,
};

fn text(plan: &Plan, n: usize) -> Vec<u8> {
    let simulation = Simulation::new(plan).unwrap();
    let universe = simulation.universe();
    let mut text = Vec::new();
    for tick in simulation.take(n) {
        write_line(&mut text, universe.get(tick.symbol), &tick);
    }
    text
}

/// A file of a test's own, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("tickcast-{}-{name}", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(content).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let scenarios = prop::sample::select(vec![
        Scenario::Calm,
        Scenario::Open,
        Scenario::Crash,
        Scenario::Halt,
        Scenario::Burst,
        Scenario::Quiet,
    ]);
    (1u32..400, 0.5f64..200_000.0, any::<u64>(), any::<bool>(), scenarios, any::<bool>()).prop_map(
        |(symbols, rate, seed, uniform, scenario, trades_only)| Plan {
            symbols,
            rate,
            seed,
            popularity: if uniform { Popularity::Uniform } else { Popularity::Zipf },
            scenario,
            trades_only,
            ..Plan::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_stream_is_in_order_and_sound(plan in plans()) {
        let mut last_us = plan.start_us;
        for tick in Simulation::new(&plan).unwrap().take(5000) {
            prop_assert!(tick.ts_us >= last_us);
            prop_assert!(tick.symbol.0 < plan.symbols);
            last_us = tick.ts_us;
            match tick.body {
                Body::Trade(trade) => prop_assert!(trade.price >= 1 && trade.size >= 1),
                Body::Quote(quote) => {
                    prop_assert!(quote.bid >= 1 && quote.bid < quote.ask);
                    prop_assert!(quote.bid_size >= 1 && quote.ask_size >= 1);
                }
                Body::Status(_) => {}
            }
            prop_assert!(!plan.trades_only || matches!(tick.body, Body::Trade(_)));
        }
    }

    #[test]
    fn equal_plans_give_equal_bytes_and_other_seeds_others(plan in plans()) {
        let stream = text(&plan, 1500);
        prop_assert_eq!(&stream, &text(&plan, 1500));
        prop_assert_ne!(stream, text(&Plan { seed: plan.seed ^ 1, ..plan }, 1500));
    }
}

/// Equal on every machine and after every change that does not mean to change the market. A change of
/// the model does: then put the new number here and say so in the changelog.
#[test]
fn the_stream_of_a_seed_is_pinned() {
    let plan = Plan { symbols: 200, rate: 5000.0, scenario: Scenario::Crash, ..Plan::default() };
    assert_eq!(crc32fast::hash(&text(&plan, 200_000)), 3_952_168_880);
}

#[test]
fn a_recording_gives_back_every_tick() {
    let plan = Plan { symbols: 100, scenario: Scenario::Halt, ..Plan::default() };
    let simulation = Simulation::new(&plan).unwrap();
    let universe = simulation.universe();
    let mut recorder = Recorder::new(Vec::new(), &universe).unwrap();
    let ticks: Vec<Tick> = simulation.take(60_000).collect();
    ticks.iter().for_each(|tick| recorder.add(tick).unwrap());
    let file = Scratch::new("round-trip", &recorder.finish().unwrap());
    let mut replay = open_replay(&file.0).unwrap();
    assert!(replay.universe().iter().eq(universe.iter()));
    assert!(replay.by_ref().eq(ticks));
    assert!(replay.error().is_none());
}

#[test]
fn a_damaged_recording_gives_what_is_before_the_damage_and_names_the_file() {
    let simulation = Simulation::new(&Plan::default()).unwrap();
    let mut recorder = Recorder::new(Vec::new(), &simulation.universe()).unwrap();
    let ticks: Vec<Tick> = simulation.take(20_000).collect();
    ticks.iter().for_each(|tick| recorder.add(tick).unwrap());
    let mut bytes = recorder.finish().unwrap();
    let near_the_end = bytes.len() - 100;
    bytes[near_the_end] ^= 1;
    let file = Scratch::new("damaged", &bytes);
    let mut replay = open_replay(&file.0).unwrap();
    let read: Vec<Tick> = replay.by_ref().collect();
    assert!(read.len() > 10_000 && ticks.starts_with(&read));
    let error = replay.take_error().unwrap().to_string();
    assert!(error.contains("damaged: damaged at byte ") && error.contains("checksum"), "{error}");
}

#[test]
fn a_csv_becomes_trades_with_the_digits_places() {
    let file = Scratch::new(
        "trades.csv",
        b"symbol,ts,price,size\r\nAAPL,1763700000000001,187.2,100\nBTC-USD,1763700000.5,91000,3\n\
          AAPL,1763700000500000,187.25,7\n\n",
    );
    let mut replay = open_replay(&file.0).unwrap();
    let universe = replay.universe();
    let (apple, bitcoin) = (universe.find("AAPL").unwrap(), universe.find("BTC-USD").unwrap());
    assert_eq!((universe.get(apple).places, universe.get(bitcoin).places), (2, 0));
    let trades: Vec<_> = replay
        .by_ref()
        .map(|tick| match tick.body {
            Body::Trade(trade) => (tick.symbol, tick.ts_us, trade.price, trade.size),
            other => panic!("{other:?} from a CSV"),
        })
        .collect();
    assert_eq!(
        trades,
        [
            (apple, 1_763_700_000_000_001, 18_720, 100),
            (bitcoin, 1_763_700_000_500_000, 91_000, 3),
            (apple, 1_763_700_000_500_000, 18_725, 7),
        ]
    );
    assert!(replay.error().is_none());
}

#[test]
fn a_wrong_file_is_told_with_its_place() {
    let told = |name: &str, content: &[u8]| {
        let file = Scratch::new(name, content);
        open_replay(&file.0).unwrap_err().to_string()
    };
    let error = told("order.csv", b"A,5,1,1\nA,4,1,1\n");
    assert!(error.contains("order.csv: line 2: ts 4 is before"), "{error}");
    let error = told("price.csv", b"A,5,1,1\nA,6,free,1\n");
    assert!(error.ends_with("price.csv: line 2, column 5: expected a price above 0 with at most 9 decimal places, found `free`"), "{error}");
    assert!(told("empty.csv", b"").contains("no line of symbol,ts,price,size"));
    assert!(told("new", b"TICKREC\x02").contains("layout 2"));
    assert!(told("stump", b"TICKREC\x01").contains("cut off"));
    assert!(told("binary", b"\x7fELF\x02\x01\0\0").contains("line 1, column 1"));
    let missing = open_replay("/nonexistent/ticks").unwrap_err().to_string();
    assert!(missing.starts_with("/nonexistent/ticks: "), "{missing}");
}

#[test]
fn trades_are_at_the_quotes_that_were_published() {
    let plan = Plan { symbols: 50, ..Plan::default() };
    let mut quotes = vec![None; 50];
    let (mut at_quotes, mut trades) = (0u32, 0u32);
    for tick in Simulation::new(&plan).unwrap().take(200_000) {
        match tick.body {
            Body::Quote(quote) => quotes[tick.symbol.index()] = Some(quote),
            Body::Trade(trade) => {
                let Some(quote) = quotes[tick.symbol.index()] else { continue };
                trades += 1;
                at_quotes += u32::from(match trade.aggressor {
                    Aggressor::Buyer => trade.price == quote.ask,
                    Aggressor::Seller => trade.price == quote.bid,
                    Aggressor::Unknown => false,
                });
            }
            Body::Status(_) => {}
        }
    }
    assert!(trades > 60_000 && f64::from(at_quotes) > 0.85 * f64::from(trades));
}

#[test]
fn first_prices_are_where_the_market_starts() {
    let plan = Plan { symbols: 3, trades_only: true, ..Plan::default() };
    let mut seen = [false; 3];
    for tick in Simulation::new(&plan).unwrap().take(200) {
        if let (Body::Trade(trade), false) = (tick.body, seen[tick.symbol.index()]) {
            seen[tick.symbol.index()] = true;
            let ratio = trade.price as f64 / first_price(&plan, tick.symbol) as f64;
            assert!((ratio - 1.0).abs() < 0.005, "{ratio}");
        }
    }
}
