//! A thread of clients: each waits for its turn, connects, subscribes, and then is in the one loop that there is for
//! every plan ([`Client::receive`]). What differs between plans and transports (when to begin, what to ask for, whether
//! to read at all, when to stop) are values.

mod client;
mod opening;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::catalog::{Catalog, Selection};
use crate::ledger::Index;
use crate::plan::{Plan, Symbols};
use crate::recorder::{Outbox, Recorder, Shared, now_us};
use crate::transport::{Connection, End, Transport};
use client::Client;

/// How often a thread hands its figures over.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A client that never reads sends an unsolicited pong this often; servers ping after 20 s of silence.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(8);
/// Connections of a lane whose TCP segments are counted: each takes a second file descriptor.
const WATCHED_CONNECTIONS: u32 = 100;

/// A lane's clients on a thread.
pub struct Share {
    /// The plan.
    pub plan: Arc<Plan>,
    /// How the clients get their events.
    pub transport: Transport,
    /// Its place among those that run at once, and how many those are.
    pub place: (u32, u32),
    /// The symbols to choose from.
    pub catalog: Arc<Catalog>,
    /// Numbers of its clients; those from `plan.clients` on never read.
    pub clients: Vec<u32>,
    /// The window, and who is ready.
    pub shared: Arc<Shared>,
    /// Where figures are handed over.
    pub outbox: Outbox,
}

/// Runs the clients of all lanes until they are told to stop, on the calling thread.
///
/// # Errors
/// The runtime could not be made.
pub fn work(shares: Vec<Share>, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begin = Instant::now();
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let mut running = tokio::task::JoinSet::new();
        let mut threads = Vec::new();
        for share in shares {
            let clients = share.clients.clone();
            let thread = Rc::new(Thread::new(share, begin));
            for number in clients {
                running.spawn_local(client(thread.clone(), number, stop.clone()));
            }
            threads.push(thread);
        }
        publish_until(&threads, stop.wait_for(|&stop| stop)).await;
        // Each says goodbye within its own time limit.
        while running.join_next().await.is_some() {}
        for thread in &threads {
            thread.recorder.borrow_mut().publish();
        }
    });
    Ok(())
}

/// What the clients of a lane share on a thread.
struct Thread {
    plan: Arc<Plan>,
    transport: Transport,
    place: (u32, u32),
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
async fn publish_until<T>(threads: &[Rc<Thread>], stop: impl Future<Output = T>) {
    let mut stop = std::pin::pin!(stop);
    let mut ticks = interval(PUBLISH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            due = ticks.tick() => {
                let late_us = due.elapsed().as_micros() as u64;
                for thread in threads {
                    let mut recorder = thread.recorder.borrow_mut();
                    if recorder.turn_to(now_us()) {
                        recorder.tally.late_us_max = recorder.tally.late_us_max.max(late_us);
                    }
                    recorder.publish();
                }
            }
            _ = &mut stop => return,
        }
    }
}

/// One client from its turn to connect until the end.
async fn client(thread: Rc<Thread>, number: u32, mut stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stop.wait_for(|&stop| stop));
    let deadline = thread.turn(number) + thread.plan.connect_timeout;
    let reads = number < thread.plan.clients;
    let opened = tokio::select! {
        opened = thread.open(number, reads, deadline) => opened,
        _ = &mut stop => return,
    };
    let (mut connection, selection) = match opened {
        Ok(opened) => opened,
        Err(end) => return thread.failed(&end),
    };
    if !reads {
        add(&thread.shared.stuck);
        tokio::select! {
            () = stay_silent(&mut connection) => {
                thread.shared.stuck.fetch_sub(1, Ordering::Relaxed);
            }
            _ = &mut stop => {}
        }
        return;
    }
    let mut client = Client::new(&thread, number, selection);
    let end = tokio::select! {
        end = client.receive(&mut connection, deadline) => Some(end),
        _ = &mut stop => None,
    };
    match end {
        Some(end) if client.is_ready() => thread.ended(&end),
        Some(end) => thread.failed(&end),
        None => {
            client.finish(&connection);
            if timeout(CLOSE_TIMEOUT, connection.close()).await != Ok(true) {
                thread.recorder.borrow_mut().tally.unanswered += 1;
            }
        }
    }
}

/// Never reads, but is there: a server that hears nothing would take it for gone, and what it does for a slow client would
/// not be seen. Ends when the server has cut it off.
async fn stay_silent(connection: &mut Connection) {
    let mut signs = interval(SIGN_OF_LIFE_EVERY);
    loop {
        signs.tick().await;
        if connection.sign_of_life().await.is_err() {
            return;
        }
    }
}

impl Thread {
    fn new(share: Share, begin: Instant) -> Self {
        let Share { plan, transport, place, catalog, shared, outbox, .. } = share;
        Self {
            recorder: RefCell::new(Recorder::new(shared.clone(), outbox)),
            shared,
            index: RefCell::new(Rc::new(Index::new(Vec::new()))),
            everybody: catalog.shared(&plan.symbols),
            begin,
            plan,
            transport,
            place,
            catalog,
        }
    }

    /// When client `number` is to connect: lanes that run at once take turns.
    fn turn(&self, number: u32) -> Instant {
        let (lane, lanes) = self.place;
        let turn = f64::from(number) * f64::from(lanes) + f64::from(lane);
        self.begin + Duration::from_secs_f64(turn / f64::from(self.plan.connect_rate))
    }

    fn selection(&self, number: u32) -> Rc<Selection> {
        match (&self.everybody, &self.plan.symbols) {
            (None, &Symbols::Draw { per_client, of }) => {
                Rc::new(self.catalog.draw(per_client, of, self.plan.seed, number))
            }
            (everybody, _) => everybody.clone().unwrap_or_else(|| Rc::new(Selection::of(&[]))),
        }
    }

    /// Whether the TCP segments of client `number` are counted.
    fn watches(&self, number: u32) -> bool {
        number.is_multiple_of((self.plan.clients / WATCHED_CONNECTIONS).max(1))
    }

    fn failed(&self, end: &End) {
        *self.recorder.borrow_mut().tally.failed.entry(end.to_string()).or_default() += 1;
        add(&self.shared.failed);
    }

    fn ended(&self, end: &End) {
        *self.recorder.borrow_mut().tally.ended.entry(end.to_string()).or_default() += 1;
        add(&self.shared.ended);
    }
}

fn add(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}
