//! A network that takes its time: what is written leaves later by a fixed delay, what comes in is seen later by the same.
//! Stands between a client's protocol and its socket; changes neither order nor contents, loses nothing, and knows no
//! bandwidth. tokio's timers are of 1 ms, so that a delay may be longer by as much.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Bytes between the protocol and the delayed line, each way.
const LINE_BYTES: usize = 64 * 1024;
/// Pieces under way, each way; whoever sends more waits.
const PIECES_MAX: usize = 4096;

/// The near end of a line to `stream` on which every byte takes `delay`, each way. Ends when either end does.
pub fn delayed(stream: TcpStream, delay: Duration) -> DuplexStream {
    let (near, far) = duplex(LINE_BYTES);
    let (far_read, far_write) = split(far);
    let (socket_read, socket_write) = stream.into_split();
    tokio::task::spawn_local(carry(far_read, socket_write, delay));
    tokio::task::spawn_local(carry(socket_read, far_write, delay));
    near
}

/// Hands on what comes, each piece `delay` after it came; and at last that there is no more.
async fn carry(
    from: impl AsyncRead + Unpin + 'static,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
) {
    let (sender, mut pieces) = mpsc::channel(PIECES_MAX);
    let reader = tokio::task::spawn_local(read(from, sender, delay));
    while let Some((due, piece)) = pieces.recv().await {
        sleep_until(due).await;
        if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    // The other end has gone already if this cannot be told.
    let _ = to.shutdown().await;
    reader.abort();
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    sender: mpsc::Sender<(Instant, Vec<u8>)>,
    delay: Duration,
) {
    loop {
        let mut piece = Vec::with_capacity(4096);
        match from.read_buf(&mut piece).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        if sender.send((Instant::now() + delay, piece)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn every_byte_comes_in_order_and_late_by_the_delay_each_way() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let delay = Duration::from_millis(30);
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            let mut line = delayed(client, delay);
            let sent: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
            let begin = Instant::now();
            let echo = tokio::task::spawn_local(async move {
                let mut seen = vec![0; 50_000];
                server.read_exact(&mut seen).await.unwrap();
                let there = Instant::now();
                server.write_all(&seen).await.unwrap();
                drop(server);
                there
            });
            line.write_all(&sent).await.unwrap();
            let mut back = Vec::new();
            line.read_to_end(&mut back).await.unwrap();
            assert!(echo.await.unwrap() - begin >= delay);
            assert!(begin.elapsed() >= 2 * delay, "{:?}", begin.elapsed());
            assert_eq!(back, sent);
        });
    }
}
