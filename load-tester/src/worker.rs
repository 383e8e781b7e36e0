//! A thread of clients: each waits for its turn, connects, subscribes, and then is in the one loop that there is for
//! every plan ([`Client::receive`]). What differs between plans (when to begin, what to ask for, whether to read at
//! all, when to stop) are values.

mod client;
mod request;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout, timeout_at};

use crate::catalog::{Catalog, Selection};
use crate::ledger::Index;
use crate::plan::{Plan, Symbols};
use crate::recorder::{Outbox, Recorder, Shared, now_us};
use crate::transport::{Connection, End};
use client::Client;

/// How often a thread hands its figures over.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Receive buffer of a client that never reads, bytes; a larger one would hide how the server bears it.
const STUCK_BUFFER_BYTES: u32 = 4096;
/// A client that never reads sends an unsolicited pong this often; servers ping after 20 s of silence.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(8);

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
        let buffer = if reads { plan.receive_buffer } else { STUCK_BUFFER_BYTES };
        let buffer = (buffer > 0).then_some(buffer);
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
