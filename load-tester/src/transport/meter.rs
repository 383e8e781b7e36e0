//! What goes through a client's socket: [`Metered`] is the socket with a counter on it, [`Meter`] the counts. Below every
//! transport, so that the layers which each transport tells apart can be held against what was really read and written.
//! On HTTP/2 it also tells layers apart itself, since nobody above it sees compressed headers.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

use super::h2_frames::{FrameMeter, H2Layers};

/// Counts of one connection. Shared with hyper's machinery, which wants it to be `Send`; written by one thread only.
#[derive(Debug, Default)]
pub struct Meter {
    down: AtomicU64,
    up: AtomicU64,
    h2: Option<Mutex<[FrameMeter; 2]>>,
}

impl Meter {
    /// All zero; with `h2`, HTTP/2 frames are told apart.
    #[must_use]
    pub fn new(h2: bool) -> Self {
        let frames = [FrameMeter::from_server(), FrameMeter::from_client()];
        Self { h2: h2.then(|| Mutex::new(frames)), ..Self::default() }
    }

    /// Bytes read and written so far.
    #[inline]
    #[must_use]
    pub fn wire(&self) -> (u64, u64) {
        (self.down.load(Ordering::Relaxed), self.up.load(Ordering::Relaxed))
    }

    /// HTTP/2's layers so far, down and up; `None` on other connections.
    #[must_use]
    pub fn h2_layers(&self) -> Option<[H2Layers; 2]> {
        let frames = open(self.h2.as_ref()?);
        Some([frames[0].layers, frames[1].layers])
    }

    fn read(&self, bytes: &[u8]) {
        add(&self.down, bytes.len());
        if let Some(frames) = &self.h2 {
            open(frames)[0].feed(bytes);
        }
    }

    fn wrote(&self, bytes: &[u8]) {
        add(&self.up, bytes.len());
        if let Some(frames) = &self.h2 {
            open(frames)[1].feed(bytes);
        }
    }
}

/// There is one writer: a load and a store are cheaper than a locked addition.
#[inline]
fn add(counter: &AtomicU64, bytes: usize) {
    counter.store(counter.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
}

/// Nobody panics while holding it; if somebody did, counts are still counts.
fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What bytes go through.
pub enum Line {
    /// The socket itself.
    Direct(TcpStream),
    /// A line on which every byte takes its time.
    Delayed(DuplexStream),
}

/// A socket with a counter on it.
pub struct Metered {
    line: Line,
    meter: Arc<Meter>,
}

impl Metered {
    /// `line`, counted by `meter`.
    #[must_use]
    pub fn new(line: Line, meter: Arc<Meter>) -> Self {
        Self { line, meter }
    }
}

impl AsyncRead for Metered {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match &mut self.line {
            Line::Direct(socket) => Pin::new(socket).poll_read(context, buffer),
            Line::Delayed(line) => Pin::new(line).poll_read(context, buffer),
        };
        self.meter.read(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = match &mut self.line {
            Line::Direct(socket) => Pin::new(socket).poll_write(context, bytes),
            Line::Delayed(line) => Pin::new(line).poll_write(context, bytes),
        };
        if let Poll::Ready(Ok(written)) = polled {
            self.meter.wrote(&bytes[..written]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.line {
            Line::Direct(socket) => Pin::new(socket).poll_flush(context),
            Line::Delayed(line) => Pin::new(line).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.line {
            Line::Direct(socket) => Pin::new(socket).poll_shutdown(context),
            Line::Delayed(line) => Pin::new(line).poll_shutdown(context),
        }
    }
}
