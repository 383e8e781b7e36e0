//! One connected client: the loop over its frames, and what becomes of each message. Time is read once a frame; the
//! thread's recorder is borrowed for a frame, never across a wait.

use std::rc::Rc;

use tokio::time::{Instant, timeout_at};

use super::{Thread, add};
use crate::breaches::{Breach, BreachKind};
use crate::catalog::Selection;
use crate::freshness::Freshness;
use crate::ledger::{Claim, Ledger};
use crate::plan::Format;
use crate::recorder::{Tally, Traffic, now_us};
use crate::scan::{Control, Event, Kind, Message, ScanError, TableRow, scan};
use crate::transport::{Answer, Connection, End, Frame, Mark, Segments};

/// Bytes of a malformed frame that are shown.
const EXCERPT_BYTES: usize = 120;

/// A connected client.
pub(super) struct Client<'a> {
    thread: &'a Thread,
    ledger: Ledger,
    number: u32,
    /// Its latencies and ages are recorded, if it is sampled.
    freshness: Option<Freshness>,
    /// Whether its subscription stands.
    ready: bool,
    /// Why it does not.
    refusal: Option<End>,
    /// Bytes of its socket that were entered.
    wire: (u64, u64),
    segments: Watch,
    /// When the last answer came, µs since the Unix epoch.
    answered_us: Option<i64>,
}

/// TCP segments of a watched connection in the window.
enum Watch {
    Before,
    Inside(Option<Segments>),
    Told,
}

impl<'a> Client<'a> {
    /// Client `number` of `thread`, to which nothing has come yet.
    pub(super) fn new(thread: &'a Thread, number: u32, selection: Rc<Selection>) -> Self {
        let plan = &*thread.plan;
        let ledger = Ledger::new(number, plan, thread.transport.format(), selection);
        let is_sampled = number.is_multiple_of(plan.sampling());
        Self {
            thread,
            freshness: is_sampled.then(|| Freshness::new(ledger.places())),
            ledger,
            number,
            ready: false,
            refusal: None,
            wire: (0, 0),
            segments: if thread.watches(number) { Watch::Before } else { Watch::Told },
            answered_us: None,
        }
    }

    /// Whether its subscription stands.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The loop: frames until the connection ends, or until `deadline` if it is not subscribed by then.
    pub(super) async fn receive(&mut self, connection: &mut Connection, deadline: Instant) -> End {
        loop {
            let received = if self.ready {
                connection.receive().await
            } else {
                timeout_at(deadline, connection.receive()).await.unwrap_or(Err(End::Late))
            };
            match received {
                Ok(frame) => {
                    let inside = self.frame(&frame, connection.wire());
                    self.count_segments(connection, inside);
                }
                Err(end) => return end,
            }
            if let Some(refusal) = &self.refusal {
                return refusal.clone();
            }
        }
    }

    /// The run is over, the connection still stands: closes the books.
    pub(super) fn finish(&mut self, connection: &Connection) {
        self.count_segments(connection, false);
        let mut recorder = self.thread.recorder.borrow_mut();
        let window = recorder.window();
        if let Some(freshness) = &mut self.freshness {
            // What is pushed would have come by now; a poll knows what its last answer knew.
            let known_us = self.answered_us.unwrap_or(i64::MAX);
            freshness.finish(known_us, window, &mut recorder.ages);
        }
    }

    /// Enters all messages of a frame, the socket having read and written `wire` bytes. Whether it is within the window.
    fn frame(&mut self, frame: &Frame, wire: (u64, u64)) -> bool {
        let read_us = now_us();
        let mut recorder = self.thread.recorder.borrow_mut();
        let recorder = &mut *recorder;
        let inside = recorder.turn_to(read_us);
        let window = recorder.window();
        let more = (wire.0 - self.wire.0, wire.1 - self.wire.1);
        self.wire = wire;
        let mut traffic = Traffic::of_frame(frame.payload.len(), &frame.cost, more);
        let (tally, ages) = (&mut recorder.tally, &mut recorder.ages);
        self.ledger.begin_frame();
        if let Mark::Answer(answer) = &frame.mark {
            self.begin_answer(answer, read_us, inside, tally, &mut traffic);
        }
        if frame.is_empty() {
            traffic.empty += u64::from(matches!(frame.mark, Mark::Answer(_)));
        } else {
            let format = self.thread.transport.format();
            let scanned = scan(format, &frame.payload, &mut |message| match message {
                Message::Event(event) => {
                    let place = self.ledger.event(&event, &mut tally.breaches);
                    count(&event, &mut traffic);
                    let Some(freshness) = &mut self.freshness else { return };
                    if inside && !event.snapshot {
                        time(tally, &event, read_us);
                    }
                    if let Some(place) = place {
                        let times = (first_us(&event), event.ts_us);
                        freshness.event(place, times, read_us, window, ages);
                    }
                }
                Message::Bar => traffic.bars += 1,
                Message::Control(control) => self.control(*control, read_us, tally),
            });
            match scanned {
                Ok(messages) => traffic.messages = messages,
                Err(why) => self.malformed(&why, &frame.payload, tally),
            }
        }
        match &frame.mark {
            Mark::None => {}
            Mark::Cursor(offset) => self.ledger.heartbeat(*offset),
            Mark::Answer(answer) => {
                if let Some(cursor) = &answer.cursor {
                    self.ledger.end_answer(cursor, &mut tally.breaches);
                }
            }
        }
        self.ledger.end_frame(&mut tally.breaches);
        if let Some(freshness) = &mut self.freshness {
            freshness.end_frame(read_us, window, ages);
        }
        recorder.frame(&traffic);
        inside
    }

    fn begin_answer(
        &mut self,
        answer: &Answer,
        read_us: i64,
        inside: bool,
        tally: &mut Tally,
        traffic: &mut Traffic,
    ) {
        traffic.requests = 1;
        traffic.missed_slots = u64::from(answer.missed_slots);
        traffic.reconnects = u64::from(answer.reconnects);
        if inside {
            *tally.responses.entry(answer.status).or_default() += 1;
        }
        // A 304 claims nothing but that its cursor still stands.
        if let Some(cursor) = answer.cursor.as_ref().filter(|_| answer.status == 200) {
            let since = answer.since.as_ref();
            let claim = Claim { since, cursor, recovered: answer.recovered };
            if self.ledger.begin_answer(&claim, &mut tally.breaches) {
                tally.announced.entry("restart".to_owned()).or_default().gaps += 1;
            }
        }
        self.answered_us = Some(read_us);
        self.is_subscribed(read_us);
    }

    fn is_subscribed(&mut self, now_us: i64) {
        if !std::mem::replace(&mut self.ready, true) {
            add(&self.thread.shared.ready);
            if let Some(freshness) = &mut self.freshness {
                freshness.begin(now_us);
            }
        }
    }

    #[cold]
    fn malformed(&self, why: &ScanError, payload: &[u8], tally: &mut Tally) {
        let kind = BreachKind::Malformed;
        tally.breaches.add(kind, || {
            let from = why.at.min(payload.len());
            let excerpt = &payload[from..payload.len().min(from + EXCERPT_BYTES)];
            let detail = format!("{why}: {}", excerpt.escape_ascii());
            Breach { kind, client: self.number, subject: String::new(), detail }
        });
    }

    #[cold]
    fn control(&mut self, control: Control, now_us: i64, tally: &mut Tally) {
        match control {
            Control::Welcome => self.ledger.welcome(&mut tally.breaches),
            Control::Subscribed(subscribed) => {
                self.ledger.subscribed(subscribed.splice, &mut tally.breaches);
                match &subscribed.table {
                    Some(rows) if self.thread.transport.format() == Format::Msgpack => {
                        self.table(rows);
                    }
                    _ => {}
                }
                self.is_subscribed(now_us);
            }
            Control::Gap(gap) => {
                let events = self.ledger.gap(&gap, &mut tally.breaches);
                let announced = tally.announced.entry(gap.why).or_default();
                announced.gaps += 1;
                announced.events += events;
            }
            Control::Heartbeat { behind_ms, sent } => {
                self.ledger.heartbeat(sent);
                tally.behind_ms_max = tally.behind_ms_max.max(behind_ms);
            }
            Control::Error { code, msg } => {
                self.refusal = Some(End::Subscribe(format!("{code}: {msg}")));
            }
            // The close that follows is counted; rows of new symbols concern nobody who is checked.
            Control::Bye { .. } | Control::Symbols(_) | Control::Other => {}
        }
    }

    /// Takes a symbol table over, sharing the index with the client before if that had the same.
    fn table(&mut self, rows: &[TableRow]) {
        let index = self.ledger.index(rows);
        let mut shared = self.thread.index.borrow_mut();
        if **shared != index {
            *shared = Rc::new(index);
        }
        self.ledger.use_index(shared.clone());
    }

    /// Notes how many segments a watched connection has had when the window begins, and tells how many more when it has
    /// ended.
    #[inline]
    fn count_segments(&mut self, connection: &Connection, inside: bool) {
        match (&self.segments, inside) {
            (Watch::Before, true) => self.segments = Watch::Inside(connection.segments()),
            (&Watch::Inside(before), false) => {
                self.segments = Watch::Told;
                if let (Some(before), Some(after)) = (before, connection.segments()) {
                    let tally = &mut self.thread.recorder.borrow_mut().tally;
                    tally.segments.0 += after.down.saturating_sub(before.down);
                    tally.segments.1 += after.up.saturating_sub(before.up);
                    tally.watched += 1;
                }
            }
            _ => {}
        }
    }
}

/// When the first event of a record was; one of a snapshot was missed by nobody.
#[inline]
fn first_us(event: &Event) -> i64 {
    match event.merge {
        _ if event.snapshot => i64::MAX,
        Some(merge) => merge.first_ts_us,
        None => event.ts_us,
    }
}

/// Enters the latency of an event, or of a merged record from its last event and from its first.
#[inline]
fn time(tally: &mut Tally, event: &Event, read_us: i64) {
    match event.kind {
        Kind::Trade | Kind::Quote | Kind::Status => tally.latency.record(read_us - event.ts_us),
        Kind::MergedTrades | Kind::MergedQuote => {
            tally.merged_latency.record(read_us - event.ts_us);
            tally.held_latency.record(read_us - first_us(event));
        }
    }
}

#[inline]
fn count(event: &Event, traffic: &mut Traffic) {
    if event.snapshot {
        return;
    }
    let away = event.last_seq.saturating_sub(event.first_seq);
    traffic.events += away + 1;
    if matches!(event.kind, Kind::MergedTrades | Kind::MergedQuote) {
        traffic.merged_records += 1;
        traffic.merged_away += away;
    }
}
