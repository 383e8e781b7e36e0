//! Where a connection's bytes go, whatever its transport: one type for the shard.

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use tokio::sync::Notify;

use super::pipe::PipeSink;
use super::socket::SocketSink;
use crate::shard::outbox::Sink;

/// The shard's end of a connection.
#[derive(Clone, Debug)]
pub enum ClientSink {
    /// A TCP socket that the shard writes to.
    Socket(SocketSink),
    /// A body that HTTP writes.
    Pipe(PipeSink),
    /// A long poll, which is told only.
    Waiter(Rc<Notify>),
}

impl Sink for ClientSink {
    #[inline]
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(sink) => sink.try_write(bytes),
            Self::Pipe(sink) => sink.try_write(bytes),
            Self::Waiter(_) => Ok(bytes.len()),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Socket(sink) => sink.descriptor(),
            Self::Pipe(_) | Self::Waiter(_) => None,
        }
    }

    fn want_writable(&mut self) {
        match self {
            Self::Socket(sink) => sink.want_writable(),
            Self::Pipe(sink) => sink.want_writable(),
            Self::Waiter(woken) => woken.notify_one(),
        }
    }
}
