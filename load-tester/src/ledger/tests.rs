//! Every rule of the books, kept and broken.

use std::rc::Rc;

use super::*;
use crate::scan::Merge;
use crate::target::Target;

const TS: i64 = 1_763_700_000_000_000;

struct Books {
    ledger: Ledger,
    breaches: Breaches,
}

impl Books {
    fn of(plan: &Plan) -> Self {
        let mut books = Self {
            ledger: Ledger::new(7, plan, Format::Json, Rc::new(Selection::of(&["AAPL", "MSFT"]))),
            breaches: Breaches::default(),
        };
        books.ledger.welcome(&mut books.breaches);
        books.ledger.subscribed(None, &mut books.breaches);
        books
    }

    fn new() -> Self {
        Self::of(&plan())
    }

    /// A frame.
    fn frame(mut self, events: &[Event]) -> Self {
        self.ledger.begin_frame();
        for event in events {
            self.ledger.event(event, &mut self.breaches);
        }
        self.ledger.end_frame(&mut self.breaches);
        self
    }

    fn gap(mut self, from: u64, to: u64) -> (Self, u64) {
        let (symbol, channel) = ("AAPL".to_owned(), "trades".to_owned());
        let gap = Gap { symbol, channel, from, to, why: "slow".to_owned() };
        let events = self.ledger.gap(&gap, &mut self.breaches);
        (self, events)
    }

    /// The kinds of all breaches.
    fn kinds(&self) -> Vec<BreachKind> {
        self.breaches.first().iter().map(|breach| breach.kind).collect()
    }
}

fn plan() -> Plan {
    Plan::new(Target::new("ws://127.0.0.1:1/", false).unwrap())
}

fn trade(name: &str, seq: u64, offset: u64) -> Event {
    Event {
        kind: Kind::Trade,
        key: crate::scan::name_key(name.as_bytes()),
        first_seq: seq,
        last_seq: seq,
        offset,
        ts_us: TS + offset.cast_signed(),
        snapshot: false,
        merge: None,
    }
}

fn snapshot(name: &str, seq: u64, offset: u64) -> Event {
    Event { snapshot: true, ..trade(name, seq, offset) }
}

fn merged(name: &str, first_seq: u64, last_seq: u64, offset: u64) -> Event {
    let count = last_seq - first_seq + 1;
    let merge = Merge { first_ts_us: TS, open: 2.0, high: 3.0, low: 1.0, price: 1.5, count };
    let ts_us = TS + 1;
    let merge = Some(merge);
    Event { kind: Kind::MergedTrades, first_seq, ts_us, merge, ..trade(name, last_seq, offset) }
}

#[test]
fn consecutive_numbers_are_right() {
    let books = Books::new()
        .frame(&[snapshot("AAPL", 41, 9), trade("AAPL", 42, 10), trade("MSFT", 1, 11)])
        .frame(&[trade("AAPL", 43, 12), trade("MSFT", 2, 13)])
        .frame(&[merged("AAPL", 44, 49, 30), trade("MSFT", 3, 15)]);
    assert_eq!(books.kinds(), []);
}

#[test]
fn counts_what_a_gap_swallowed() {
    let books = Books::new().frame(&[snapshot("AAPL", 41, 9), merged("AAPL", 45, 47, 20)]);
    assert_eq!((books.kinds(), books.breaches.missing_events), (vec![BreachKind::Gap], 3));
    let text = books.breaches.first()[0].to_string();
    assert_eq!(text, "unannounced gaps: client 7 AAPL trades: expected n 42, got 45");
}

#[test]
fn a_repeat_does_not_move_the_books_back() {
    let first = [snapshot("AAPL", 41, 9), trade("AAPL", 42, 10)];
    let books = Books::new().frame(&first).frame(&[trade("AAPL", 41, 11)]);
    assert_eq!(books.kinds(), [BreachKind::Repeat]);
    let books = books.frame(&[trade("AAPL", 43, 12)]);
    assert_eq!(books.kinds(), [BreachKind::Repeat]);
}

#[test]
fn a_symbol_begins_with_a_snapshot_or_with_1() {
    let books = Books::new().frame(&[trade("AAPL", 2, 1)]);
    assert_eq!(books.kinds(), [BreachKind::Snapshot]);
    let books = Books::of(&Plan { snapshot: false, ..plan() }).frame(&[trade("AAPL", 2, 1)]);
    assert_eq!(books.kinds(), []);
    let books = books.frame(&[trade("AAPL", 4, 2)]);
    assert_eq!(books.kinds(), [BreachKind::Gap]);
}

#[test]
fn an_announced_gap_is_right_if_it_begins_where_the_books_end() {
    let begun = || Books::new().frame(&[snapshot("AAPL", 41, 9)]);
    for (from, to, events, expected) in [
        (42, 49, 8, None),
        (1, 49, 8, None),
        (41, 49, 8, Some(BreachKind::Announcement)),
        (43, 49, 8, Some(BreachKind::Announcement)),
        (1, 41, 0, Some(BreachKind::Announcement)),
        (49, 42, 1, Some(BreachKind::Announcement)),
    ] {
        let (books, announced) = begun().gap(from, to);
        assert_eq!(books.kinds(), Vec::from_iter(expected), "{from}..={to}");
        assert_eq!(announced, events, "{from}..={to}");
    }
    let (books, _) = begun().gap(42, 49);
    assert_eq!(books.frame(&[trade("AAPL", 50, 60)]).kinds(), []);
    let (books, _) = begun().gap(42, 49);
    assert_eq!(books.frame(&[trade("AAPL", 51, 60)]).kinds(), [BreachKind::Gap]);
}

#[test]
fn a_merge_must_not_contradict_itself() {
    let wrong = |change: fn(&mut Event, &mut Merge)| {
        let mut event = merged("AAPL", 42, 45, 20);
        let mut merge = event.merge.unwrap();
        change(&mut event, &mut merge);
        event.merge = Some(merge);
        Books::new().frame(&[snapshot("AAPL", 41, 9), event]).kinds()
    };
    assert_eq!(wrong(|_, _| ()), []);
    for kinds in [
        wrong(|_, merge| merge.count = 3),
        wrong(|_, merge| merge.high = 1.9),
        wrong(|_, merge| merge.low = 1.6),
        wrong(|_, merge| merge.price = 3.5),
        wrong(|event, _| event.ts_us += 1_000_000),
        wrong(|_, merge| merge.first_ts_us += 2),
        wrong(|event, merge| (event.last_seq, merge.count) = (42, 1)),
    ] {
        assert_eq!(kinds, [BreachKind::Merge]);
    }
}

#[test]
fn offsets_rise_from_frame_to_frame() {
    let begun = || Books::new().frame(&[snapshot("AAPL", 41, 9), snapshot("MSFT", 5, 20)]);
    assert_eq!(begun().frame(&[trade("AAPL", 42, 20)]).kinds(), [BreachKind::Disorder]);
    assert_eq!(begun().frame(&[trade("AAPL", 42, 21)]).kinds(), []);
    let merged = [merged("AAPL", 42, 43, 19)];
    assert_eq!(begun().frame(&merged).kinds(), [BreachKind::Disorder]);
}

#[test]
fn within_a_frame_only_merged_records_allow_symbols_to_change_places() {
    let swapped = [trade("MSFT", 1, 12), snapshot("AAPL", 41, 11)];
    assert_eq!(Books::new().frame(&swapped).kinds(), [BreachKind::Disorder]);
    let [first, second] = swapped;
    let with_merged = [first, second, merged("AAPL", 42, 43, 30)];
    assert_eq!(Books::new().frame(&with_merged).kinds(), []);
    let latest = Plan { mode: Mode::Latest { interval_ms: 100 }, ..plan() };
    assert_eq!(Books::of(&latest).frame(&swapped).kinds(), []);
    let different = [snapshot("AAPL", 41, 5), merged("AAPL", 42, 43, 30), merged("MSFT", 1, 2, 31)];
    assert_eq!(Books::new().frame(&different).kinds(), [BreachKind::Disorder]);
}

#[test]
fn the_snapshot_ends_at_the_cursor_of_subscribed() {
    let with_splice = || {
        let mut books = Books::new();
        books.ledger.subscribed(Some(20), &mut books.breaches);
        books
    };
    let right = with_splice().frame(&[snapshot("AAPL", 41, 20), trade("AAPL", 42, 21)]);
    assert_eq!(right.kinds(), []);
    assert_eq!(with_splice().frame(&[snapshot("AAPL", 41, 21)]).kinds(), [BreachKind::Disorder]);
    assert_eq!(with_splice().frame(&[trade("AAPL", 1, 20)]).kinds(), [BreachKind::Disorder]);
}

#[test]
fn what_a_heartbeat_says_was_sent_does_not_come_later() {
    let beaten = || {
        let mut books = Books::new();
        books.ledger.begin_frame();
        books.ledger.heartbeat(20);
        books.ledger.end_frame(&mut books.breaches);
        books
    };
    assert_eq!(beaten().frame(&[trade("AAPL", 1, 21)]).kinds(), []);
    assert_eq!(beaten().frame(&[trade("AAPL", 1, 20)]).kinds(), [BreachKind::Disorder]);
}

#[test]
fn a_heartbeat_before_the_subscription_says_nothing_of_its_snapshot() {
    let mut books = Books::new();
    books.ledger.begin_frame();
    books.ledger.heartbeat(20);
    books.ledger.end_frame(&mut books.breaches);
    books.ledger.subscribed(Some(20), &mut books.breaches);
    let snapshot = Event { snapshot: true, ..trade("AAPL", 7, 12) };
    assert_eq!(books.frame(&[snapshot]).frame(&[trade("AAPL", 8, 21)]).kinds(), []);
}

#[test]
fn time_does_not_go_back_as_offsets_rise() {
    let early = Event { ts_us: TS, ..trade("AAPL", 2, 10) };
    let books = Books::new().frame(&[trade("AAPL", 1, 9), early]);
    assert_eq!(books.kinds(), [BreachKind::Disorder]);
}

#[test]
fn knows_what_was_not_subscribed_to() {
    let quote = Event { kind: Kind::Quote, ..trade("AAPL", 1, 1) };
    let books = Books::new().frame(&[quote]).frame(&[trade("TSLA", 1, 2)]);
    assert_eq!(books.kinds(), [BreachKind::Stranger, BreachKind::Stranger]);
    assert!(books.breaches.first()[1].detail.starts_with("symbol TSLA"));
}

#[test]
fn welcome_then_subscribed_then_data() {
    let mut ledger = Ledger::new(7, &plan(), Format::Json, Rc::new(Selection::of(&["AAPL"])));
    let mut breaches = Breaches::default();
    ledger.begin_frame();
    ledger.event(&trade("AAPL", 1, 1), &mut breaches);
    ledger.subscribed(None, &mut breaches);
    ledger.welcome(&mut breaches);
    assert_eq!(breaches.count(BreachKind::Disorder), 3);
}

#[test]
fn finds_symbols_by_id_on_messagepack_however_many_there_are() {
    let names: Vec<_> = (0..40).map(|number| format!("S{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for count in [3_usize, 40] {
        let selection = Rc::new(Selection::of(&names[..count]));
        let mut ledger = Ledger::new(7, &plan(), Format::Msgpack, selection);
        let mut breaches = Breaches::default();
        ledger.welcome(&mut breaches);
        ledger.subscribed(None, &mut breaches);
        let rows: Vec<_> =
            (1_000..).zip(&names).map(|(id, &n)| TableRow(id, n.into(), 2)).collect();
        let index = ledger.index(&rows[..count]);
        ledger.use_index(Rc::new(index));
        ledger.begin_frame();
        for (id, offset) in (1_000..).zip(1..=count as u64) {
            ledger.event(&Event { key: id, ..trade("", 1, offset) }, &mut breaches);
        }
        assert_eq!(breaches.total(), 0, "{:?}", breaches.first());
        ledger.event(&Event { key: 999, ..trade("", 1, 100) }, &mut breaches);
        ledger.event(&Event { key: Index::UNUSED, ..trade("", 1, 101) }, &mut breaches);
        assert_eq!(breaches.count(BreachKind::Stranger), 2);
    }
}

/// Answers of polls: each says where it begins and ends.
mod answers {
    use feed_protocol::Cursor;

    use super::*;

    struct Poll {
        books: Books,
        cursor: Option<Cursor>,
    }

    impl Poll {
        fn new() -> Self {
            let ledger =
                Ledger::new(7, &plan(), Format::Json, Rc::new(Selection::of(&["AAPL", "MSFT"])));
            Self { books: Books { ledger, breaches: Breaches::default() }, cursor: None }
        }

        /// An answer of these gaps and events; whether the numbering has started again.
        fn answer(
            &mut self,
            cursor: &str,
            recovered: Option<bool>,
            gaps: &[(u64, u64)],
            events: &[Event],
        ) -> bool {
            let cursor: Cursor = cursor.parse().unwrap();
            let Books { ledger, breaches } = &mut self.books;
            ledger.begin_frame();
            let claim = Claim { since: self.cursor.as_ref(), cursor: &cursor, recovered };
            let restarted = ledger.begin_answer(&claim, breaches);
            for &(from, to) in gaps {
                let (symbol, channel) = ("AAPL".to_owned(), "trades".to_owned());
                ledger.gap(&Gap { symbol, channel, from, to, why: "history".to_owned() }, breaches);
            }
            for event in events {
                ledger.event(event, breaches);
            }
            ledger.end_answer(&cursor, breaches);
            ledger.end_frame(breaches);
            self.cursor = Some(cursor);
            restarted
        }

        fn kinds(&self) -> Vec<BreachKind> {
            self.books.kinds()
        }
    }

    /// A client that has AAPL up to n 41, o 9, and the cursor 20.
    fn begun() -> Poll {
        let mut poll = Poll::new();
        poll.answer("e:20", None, &[], &[snapshot("AAPL", 41, 9)]);
        assert_eq!(poll.kinds(), []);
        poll
    }

    #[test]
    fn a_client_that_polls_loses_and_repeats_nothing() {
        let mut poll = begun();
        poll.answer("e:25", Some(true), &[], &[trade("AAPL", 42, 21), trade("MSFT", 1, 25)]);
        poll.answer("e:25", Some(true), &[], &[]);
        poll.answer("e:40", Some(true), &[], &[trade("AAPL", 43, 40)]);
        assert_eq!(poll.kinds(), []);
    }

    #[test]
    fn what_an_answer_leaves_out_is_found_in_the_next() {
        let mut poll = begun();
        poll.answer("e:25", Some(true), &[], &[trade("AAPL", 43, 22)]);
        assert_eq!(poll.kinds(), [BreachKind::Gap]);
        let mut poll = begun();
        poll.answer("e:25", Some(true), &[], &[trade("AAPL", 42, 22)]);
        poll.answer("e:30", Some(true), &[], &[trade("AAPL", 42, 22)]);
        assert!(poll.kinds().contains(&BreachKind::Repeat), "{:?}", poll.kinds());
    }

    #[test]
    fn events_lie_between_the_cursors() {
        let mut early = begun();
        early.answer("e:25", Some(true), &[], &[trade("AAPL", 42, 20)]);
        assert!(early.kinds().contains(&BreachKind::Disorder));
        let mut late = begun();
        late.answer("e:25", Some(true), &[], &[trade("AAPL", 42, 26)]);
        assert_eq!(late.kinds(), [BreachKind::Disorder]);
        let mut back = begun();
        back.answer("e:19", Some(true), &[], &[]);
        assert_eq!(back.kinds(), [BreachKind::Disorder]);
    }

    #[test]
    fn says_whether_it_has_recovered_exactly_when_it_was_asked() {
        let mut poll = Poll::new();
        poll.answer("e:20", Some(true), &[], &[]);
        assert_eq!(poll.kinds(), [BreachKind::Disorder]);
        let mut poll = begun();
        poll.answer("e:21", None, &[], &[]);
        assert_eq!(poll.kinds(), [BreachKind::Disorder]);
    }

    #[test]
    fn a_snapshot_comes_only_when_something_was_not_to_be_had() {
        let mut poll = begun();
        poll.answer("e:25", Some(true), &[], &[snapshot("AAPL", 42, 21)]);
        assert_eq!(poll.kinds(), [BreachKind::Disorder]);
        // With a hole: announced, then the latest; another symbol is replayed from before it.
        let mut poll = begun();
        let events = [snapshot("AAPL", 90, 88), trade("MSFT", 1, 50), trade("MSFT", 2, 60)];
        assert!(!poll.answer("e:90", Some(false), &[(42, 89)], &events));
        assert_eq!(poll.kinds(), []);
        // Without an announcement it is a gap.
        let mut poll = begun();
        poll.answer("e:90", Some(false), &[], &[snapshot("AAPL", 90, 88)]);
        assert_eq!(poll.kinds(), [BreachKind::Gap]);
    }

    #[test]
    fn a_new_epoch_starts_the_books_again() {
        let mut poll = begun();
        assert!(poll.answer("f:7", Some(false), &[], &[snapshot("AAPL", 3, 5)]));
        poll.answer("f:9", Some(true), &[], &[trade("AAPL", 4, 8)]);
        assert_eq!(poll.kinds(), []);
        let mut poll = begun();
        poll.answer("f:7", Some(true), &[], &[]);
        assert_eq!(poll.kinds(), [BreachKind::Disorder]);
    }
}
