//! One way of a relayed connection: what goes in comes out after the lane's delay, in order, unless the lane is stalled.
//! Bounded, so that a stall is felt at the sender.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::lanes::Orders;

/// Bytes under way at most.
const UNDER_WAY_MAX: usize = 256 * 1024;
const READ_BYTES: usize = 16 * 1024;

/// Carries bytes from `from` to `to` until `from` ends and all of it has arrived. Counts what arrives.
pub async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut orders: watch::Receiver<Orders>,
    counter: &AtomicU64,
) -> io::Result<()> {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let (mut bytes, mut ended) = (0, false);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let now = *orders.borrow_and_update();
        let due = under_way.front().map(|(sent, _)| arrives(*sent, now));
        tokio::select! {
            read = from.read(&mut buffer), if !ended && bytes < UNDER_WAY_MAX => {
                let count = read?;
                ended = count == 0;
                if count > 0 {
                    bytes += count;
                    under_way.push_back((Instant::now(), buffer[..count].to_vec()));
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some((_, piece)) = under_way.pop_front() {
                    to.write_all(&piece).await?;
                    bytes -= piece.len();
                    counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
                }
            }
            changed = orders.changed() => {
                if changed.is_err() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        if ended && under_way.is_empty() {
            return to.shutdown().await;
        }
    }
}

/// When what was sent at `sent` arrives.
fn arrives(sent: Instant, orders: Orders) -> Instant {
    let due = sent + orders.delay;
    orders.stalled_until.map_or(due, |until| due.max(until.into()))
}

/// Waits until connections with so many cuts behind them are cut.
pub async fn until_cut(mut orders: watch::Receiver<Orders>, cuts: u64) {
    // An error means that the laboratory is gone, and with it the connection.
    let _ = orders.wait_for(|orders| orders.cuts > cuts).await;
}
