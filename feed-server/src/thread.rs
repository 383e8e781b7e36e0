//! A shard's thread: makes all that is the shard's own, and runs it. What a thread allocates comes from its own part of the heap,
//! so that no cache line of one shard's runtime, timers or connections is also another's.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::lab::cpu;
use crate::runtime::{self, Local};
use crate::server::Shared;
use crate::shard::Shard;
use crate::shard::queue::Consumer;
use crate::shard::ring::Ring;
use crate::stage::Stage;

/// What a shard is given.
#[derive(Debug)]
pub struct Given {
    /// Which it is, from 0.
    pub number: usize,
    /// What all shards share.
    pub shared: Arc<Shared>,
    /// Its events.
    pub queue: Consumer,
    /// Its connections.
    pub listener: std::net::TcpListener,
    /// Its own view of the server's life.
    pub stage: watch::Receiver<Stage>,
    /// Is told if the thread ends although it should not.
    pub fails: watch::Sender<bool>,
    /// Whether to send through io_uring where the kernel allows it.
    pub io_uring: bool,
    /// A connection that is further behind gets merged events, µs.
    pub merge_after_us: u64,
}

/// Starts the thread; returns when its runtime is there.
///
/// # Errors
/// No thread, or no runtime.
pub fn spawn(given: Given) -> io::Result<JoinHandle<()>> {
    let (tell, told) = sync_channel(1);
    let name = format!("shard-{}", given.number);
    let body = move || {
        let (runtime, result) = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => (Some(runtime), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Whoever started this thread waits for it.
        let _ = tell.send(result);
        if let Some(runtime) = runtime {
            serve(&runtime, given);
        }
    };
    let thread = std::thread::Builder::new().name(name).spawn(body)?;
    told.recv().map_err(io::Error::other)??;
    Ok(thread)
}

fn serve(runtime: &Runtime, given: Given) {
    let Given { number, shared, queue, listener, stage, fails, io_uring, merge_after_us } = given;
    let _alarm = Alarm { stage: stage.clone(), fails };
    let counters = shared.counters[number].clone();
    let seed = runtime::wall_us() as u64 ^ ((number as u64 + 1) << 48);
    let mut shard = Shard::new(shared.market.clone(), shared.limits, counters, seed);
    shard.merge_after(merge_after_us);
    if io_uring {
        match Ring::new() {
            Ok(ring) => shard.use_ring(ring),
            Err(error) => tracing::info!(%error, shard = number, "no io_uring: sends one by one"),
        }
    }
    if shared.lab().is_some() {
        shard.measure_cpu(cpu::thread_ns);
    }
    let local = Local::new(shard, shared, stage.clone());
    // A task among the others: as the set's main future it would be polled after every few of them, and
    // thousands of connections that are ready would get their turn at that pace.
    let served = LocalSet::new().block_on(runtime, async {
        tokio::task::spawn_local(runtime::run(local, queue, listener, stage)).await
    });
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, shard = number, "a shard has ended"),
        Err(panic) => tracing::error!(%panic, shard = number, "a shard has ended"),
    }
}

/// Raises the alarm when a shard's thread ends, by a panic or otherwise, while the server serves.
struct Alarm {
    stage: watch::Receiver<Stage>,
    fails: watch::Sender<bool>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if *self.stage.borrow() == Stage::Serving {
            self.fails.send_replace(true);
        }
    }
}
