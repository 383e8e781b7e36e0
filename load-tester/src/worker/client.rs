//! One connected client: the loop over its frames, and what becomes of each message. Time is read once a frame; the
//! thread's recorder is borrowed for a frame, never across a wait.

use std::rc::Rc;

use tokio::time::{Instant, timeout_at};

use super::{Thread, add};
use crate::breaches::{Breach, BreachKind};
use crate::catalog::Selection;
use crate::ledger::Ledger;
use crate::plan::Format;
use crate::recorder::{Latency, Tally, Traffic, now_us};
use crate::scan::{Control, Event, Kind, Message, TableRow, scan};
use crate::transport::{Connection, End, Frame};

/// Bytes of a malformed frame that are shown.
const EXCERPT_BYTES: usize = 120;

/// A connected client.
pub(super) struct Client<'a> {
    thread: &'a Thread,
    ledger: Ledger,
    number: u32,
    /// Whether its latencies are recorded.
    sampled: bool,
    /// Whether its subscription stands.
    ready: bool,
    /// Why it does not.
    refusal: Option<End>,
}

impl<'a> Client<'a> {
    /// Client `number` of `thread`, to which nothing has come yet.
    pub(super) fn new(thread: &'a Thread, number: u32, selection: Rc<Selection>) -> Self {
        let plan = &*thread.plan;
        Self {
            thread,
            ledger: Ledger::new(number, plan, selection),
            number,
            sampled: number.is_multiple_of(plan.sampling()),
            ready: false,
            refusal: None,
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
                Ok(frame) => self.frame(&frame),
                Err(end) => return end,
            }
            if let Some(refusal) = &self.refusal {
                return refusal.clone();
            }
        }
    }

    /// Enters all messages of a frame.
    fn frame(&mut self, frame: &Frame) {
        let read_us = now_us();
        let mut recorder = self.thread.recorder.borrow_mut();
        let recorder = &mut *recorder;
        let record = self.sampled && recorder.measures(read_us);
        let mut traffic = Traffic { frames: 1, bytes: frame.wire_bytes, ..Traffic::default() };
        self.ledger.begin_frame();
        let tally = &mut recorder.tally;
        let scanned = scan(self.thread.plan.format, &frame.payload, &mut |message| match message {
            Message::Event(event) => {
                self.ledger.event(&event, &mut tally.breaches);
                count(&event, &mut traffic);
                if record && !event.snapshot {
                    latency(tally, event.kind).record(read_us - event.ts_us);
                }
            }
            Message::Bar => traffic.bars += 1,
            Message::Control(control) => self.control(*control, tally),
        });
        self.ledger.end_frame(&mut tally.breaches);
        match scanned {
            Ok(messages) => traffic.messages = messages,
            Err(why) => {
                let kind = BreachKind::Malformed;
                tally.breaches.add(kind, || {
                    let from = why.at.min(frame.payload.len());
                    let excerpt =
                        &frame.payload[from..frame.payload.len().min(from + EXCERPT_BYTES)];
                    let detail = format!("{why}: {}", excerpt.escape_ascii());
                    Breach { kind, client: self.number, subject: String::new(), detail }
                });
            }
        }
        recorder.frame(read_us, &traffic);
    }

    #[cold]
    fn control(&mut self, control: Control, tally: &mut Tally) {
        match control {
            Control::Welcome => self.ledger.welcome(&mut tally.breaches),
            Control::Subscribed(subscribed) => {
                self.ledger.subscribed(subscribed.splice, &mut tally.breaches);
                match &subscribed.table {
                    Some(rows) if self.thread.plan.format == Format::Msgpack => self.table(rows),
                    _ => {}
                }
                if !std::mem::replace(&mut self.ready, true) {
                    add(&self.thread.shared.ready);
                }
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
}

#[inline]
fn latency(tally: &mut Tally, kind: Kind) -> &mut Latency {
    match kind {
        Kind::Trade | Kind::Quote | Kind::Status => &mut tally.latency,
        Kind::MergedTrades | Kind::MergedQuote => &mut tally.merged_latency,
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
