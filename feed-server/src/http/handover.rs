//! Taking a connection over from HTTP/1.1: to become a WebSocket, or to write an endless body without HTTP's machinery in
//! between. hyper gives its socket back once everything that it had to write has left.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::connection::{stream, websocket};
use crate::shard::counters::Transport;

/// What a connection becomes.
#[derive(Debug)]
pub enum Heir {
    /// hyper writes the answer (101), and is done with it.
    WebSocket(websocket::Opening),
    /// hyper gets no answer: `head` is written by the heir.
    Stream {
        /// Status line and header fields, up to the empty line.
        head: Vec<u8>,
        /// How the stream begins.
        opening: stream::Opening,
    },
}

/// Where a request's handler leaves what the connection's task is to know: the heir, and what the request was for.
#[derive(Debug, Default)]
pub struct Handover {
    heir: RefCell<Option<Heir>>,
    transport: Cell<Option<Transport>>,
}

impl Handover {
    /// Names the heir.
    pub fn to(&self, heir: Heir) {
        *self.heir.borrow_mut() = Some(heir);
    }

    /// Takes the heir.
    pub fn take(&self) -> Option<Heir> {
        self.heir.borrow_mut().take()
    }

    /// Whether the heir waits for hyper to let go of a connection that it has not answered on.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(&*self.heir.borrow(), Some(Heir::Stream { .. }))
    }

    /// Notes which transport the last request belongs to.
    pub fn is_for(&self, transport: Option<Transport>) {
        self.transport.set(transport);
    }

    /// Which transport the last request belonged to.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.transport.get()
    }
}

/// A TCP stream under hyper: first gives what was read of it already, and knows whether hyper has more to write.
#[derive(Debug)]
pub struct Io {
    stream: TokioIo<TcpStream>,
    early: Vec<u8>,
    /// Whether bytes were written that hyper has not flushed yet: then it may hold more of them.
    is_unflushed: Rc<Cell<bool>>,
}

impl Io {
    /// Of `stream`, of which `early` was read.
    #[must_use]
    pub fn new(stream: TcpStream, early: Vec<u8>) -> Self {
        Self { stream: TokioIo::new(stream), early, is_unflushed: Rc::default() }
    }

    /// Tells, from now on, whether hyper has more to write.
    #[must_use]
    pub fn unflushed(&self) -> Rc<Cell<bool>> {
        self.is_unflushed.clone()
    }

    /// The stream.
    #[must_use]
    pub fn into_inner(self) -> TcpStream {
        self.stream.into_inner()
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, cursor);
        }
        let count = cursor.remaining().min(self.early.len());
        cursor.put_slice(&self.early[..count]);
        self.early.drain(..count);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_unflushed.set(true);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when its own buffer is empty.
        self.is_unflushed.set(false);
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_unflushed.set(true);
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}
