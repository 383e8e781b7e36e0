//! A thread of clients. There is one loop ([`Client::receive`]) for every plan: what differs between plans (when to
//! begin, what to ask for, whether to read at all, when to stop) are values.

mod request;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout, timeout_at};

use crate::breaches::{Breach, BreachKind};
use crate::catalog::{Catalog, Selection};
use crate::ledger::{Index, Ledger};
use crate::plan::{Format, Plan, Symbols};
use crate::recorder::{Latency, Outbox, Recorder, Shared, Tally, Traffic, now_us};
use crate::scan::{Control, Event, Kind, Message, TableRow, scan};
use crate::transport::{Connection, End, Frame};

/// How often a thread hands its figures over.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Receive buffer of a client that never reads, bytes; a larger one would hide how the server bears it.
const STUCK_BUFFER_BYTES: u32 = 4096;

/// What a thread needs to know.
pub struct Assignment {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The symbols to choose from.
    pub catalog: Arc<Catalog>,
    /// Numbers of its clients; those from `plan.clients` on never read.
    pub clients: Vec<u32>,
    /// The window, and who is ready.
    pub shared: Arc<Shared>,
    /// Where figures are handed over.
    pub outbox: Outbox,
    /// Becomes true when everybody is to stop.
    pub stop: watch::Receiver<bool>,
}

/// Runs the clients until they are told to stop, on the calling thread.
///
/// # Errors
/// The runtime could not be made.
pub fn work(assignment: Assignment) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Assignment { plan, catalog, clients, shared, outbox, mut stop } = assignment;
    let thread = Rc::new(Thread {
        recorder: RefCell::new(Recorder::new(shared.clone(), outbox)),
        shared,
        index: RefCell::new(Rc::new(Index::new(Vec::new()))),
        everybody: catalog.shared(&plan.symbols),
        begin: Instant::now(),
        plan,
        catalog,
    });
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let mut running = tokio::task::JoinSet::new();
        for number in clients {
            running.spawn_local(client(thread.clone(), number, stop.clone()));
        }
        publish_until(&thread, stop.wait_for(|&stop| stop)).await;
        // Each says goodbye within its own time limit.
        while running.join_next().await.is_some() {}
        thread.recorder.borrow_mut().publish();
    });
    Ok(())
}

/// What the clients of a thread share.
struct Thread {
    plan: Arc<Plan>,
    catalog: Arc<Catalog>,
    recorder: RefCell<Recorder>,
    shared: Arc<Shared>,
    /// The last index of ids that was made; clients of the same table share it.
    index: RefCell<Rc<Index>>,
    /// What all clients subscribe to, if it is the same.
    everybody: Option<Rc<Selection>>,
    /// Connecting begins here.
    begin: Instant,
}

/// Hands figures over once a second until `stop`; the timer's own lateness shows how busy the thread is.
async fn publish_until<T>(thread: &Thread, stop: impl Future<Output = T>) {
    let mut stop = std::pin::pin!(stop);
    let mut ticks = interval(PUBLISH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            due = ticks.tick() => {
                let late_us = due.elapsed().as_micros() as u64;
                let mut recorder = thread.recorder.borrow_mut();
                if recorder.measures(now_us()) {
                    recorder.tally.late_us_max = recorder.tally.late_us_max.max(late_us);
                }
                recorder.publish();
            }
            _ = &mut stop => return,
        }
    }
}

/// One client from its turn to connect until the end.
async fn client(thread: Rc<Thread>, number: u32, mut stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stop.wait_for(|&stop| stop));
    let plan = &*thread.plan;
    let turn =
        thread.begin + Duration::from_secs_f64(f64::from(number) / f64::from(plan.connect_rate));
    let deadline = turn + plan.connect_timeout;
    let reads = number < plan.clients;
    let opening = async {
        sleep_until(turn).await;
        let selection = thread.selection(number);
        let request = request::subscribe(plan, &selection);
        let buffer = (!reads).then_some(STUCK_BUFFER_BYTES);
        let source = plan.target.source(number);
        let connection =
            timeout_at(deadline, Connection::open(plan, source, buffer, &request)).await;
        Ok((connection.unwrap_or(Err(End::Late))?, selection))
    };
    let opened = tokio::select! {
        opened = opening => opened,
        _ = &mut stop => return,
    };
    let (mut connection, selection) = match opened {
        Ok(opened) => opened,
        Err(end) => return thread.failed(&end),
    };
    if !reads {
        add(&thread.shared.stuck);
        let _ = stop.await;
        return;
    }
    let mut client = Client {
        thread: &thread,
        ledger: Ledger::new(number, plan, selection),
        number,
        sampled: number.is_multiple_of(plan.sampling()),
        ready: false,
        refusal: None,
    };
    let end = tokio::select! {
        end = client.receive(&mut connection, deadline) => Some(end),
        _ = &mut stop => None,
    };
    match end {
        Some(end) if client.ready => thread.ended(&end),
        Some(end) => thread.failed(&client.refusal.unwrap_or(end)),
        None => {
            let _ = timeout(CLOSE_TIMEOUT, connection.close()).await;
        }
    }
}

impl Thread {
    fn selection(&self, number: u32) -> Rc<Selection> {
        match (&self.everybody, &self.plan.symbols) {
            (None, &Symbols::Draw { per_client, of }) => {
                Rc::new(self.catalog.draw(per_client, of, self.plan.seed, number))
            }
            (everybody, _) => everybody.clone().unwrap_or_else(|| Rc::new(Selection::of(&[]))),
        }
    }

    fn failed(&self, end: &End) {
        *self.recorder.borrow_mut().tally.failed.entry(end.to_string()).or_default() += 1;
        add(&self.shared.failed);
    }

    fn ended(&self, end: &End) {
        *self.recorder.borrow_mut().tally.ended.entry(end.to_string()).or_default() += 1;
    }
}

fn add(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A connected client.
struct Client<'a> {
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

impl Client<'_> {
    /// The loop: frames until the connection ends, or until `deadline` if it is not subscribed by then.
    async fn receive(&mut self, connection: &mut Connection, deadline: Instant) -> End {
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
                    let excerpt = &frame.payload[from..frame.payload.len().min(from + 120)];
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
                self.ledger.subscribed(&mut tally.breaches);
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
            Control::Heartbeat { behind_ms } => {
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
