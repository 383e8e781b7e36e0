//! A TCP socket as a shard's sink: writes what goes in, and wakes the connection's task when there is more to come.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::sink::ClientSink;
use crate::shard::outbox::Sink;

/// Shared by the shard, which writes, and the connection's task, which waits.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    wants_writable: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The shard's end of a [`Socket`].
#[derive(Clone, Debug)]
pub struct SocketSink(Rc<Socket>);

/// What a connection's task is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// There may be bytes, or the end.
    Readable,
    /// The shard has more to write and the socket may take it, or the connection's phase has changed.
    Writable,
}

impl Socket {
    /// Takes a connected socket over.
    #[must_use]
    pub fn new(stream: TcpStream) -> Rc<Self> {
        Rc::new(Self { stream, wants_writable: Cell::new(false), waker: RefCell::new(None) })
    }

    /// The shard's end.
    #[must_use]
    pub fn sink(self: &Rc<Self>) -> ClientSink {
        ClientSink::Socket(SocketSink(self.clone()))
    }

    /// Waits until there is something to do.
    pub async fn ready(&self) -> Ready {
        poll_fn(|cx| self.poll_ready(cx)).await
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Ready> {
        {
            let mut waker = self.waker.borrow_mut();
            if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        if self.wants_writable.get() && self.stream.poll_write_ready(cx).is_ready() {
            self.wants_writable.set(false);
            return Poll::Ready(Ready::Writable);
        }
        // An error is found by the read that follows.
        self.stream.poll_read_ready(cx).map(|_| Ready::Readable)
    }

    /// Reads what is there; `None` if nothing is.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.try_read(buffer) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what goes in without waiting; 0 means that nothing does now.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Tells the peer that nothing more will be sent.
    pub fn shut_down_write(&self) {
        // If it fails the peer is gone already.
        let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
    }

    /// Makes the drop of the socket a reset: what the kernel still holds is discarded.
    pub fn reset_on_drop(&self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Sink for SocketSink {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.stream.as_fd())
    }

    fn want_writable(&mut self) {
        self.0.wants_writable.set(true);
        if let Some(waker) = &*self.0.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
