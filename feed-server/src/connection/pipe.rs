//! What the body of an endless HTTP answer is written through where HTTP itself does the writing (HTTP/2, HTTP/1.0): the
//! shard puts bytes in at one end as far as there is room, the HTTP connection takes them out at the other.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use crate::shard::outbox::Sink;

/// Bytes that wait for the HTTP connection at most; what does not go in waits by value in the shard.
const CAPACITY_BYTES: usize = 64 * 1024;
/// Bytes that the HTTP connection takes at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Shared by its two ends and the task that looks after it.
#[derive(Debug, Default)]
pub struct Pipe {
    buffer: RefCell<BytesMut>,
    state: Cell<State>,
    wants_writable: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    task: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What is in it goes out, then the body ends.
    Ended,
    /// The body breaks off.
    Broken,
    /// Nobody reads any more.
    Gone,
}

/// The shard's end.
#[derive(Clone, Debug)]
pub struct PipeSink(Rc<Pipe>);

/// The HTTP connection's end.
#[derive(Debug)]
pub struct PipeBody(Rc<Pipe>);

/// What the task is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// There is room again, or the connection's phase has changed.
    Writable,
    /// Nobody reads any more.
    Gone,
}

impl Pipe {
    /// The two ends.
    #[must_use]
    pub fn ends(self: &Rc<Self>) -> (PipeSink, PipeBody) {
        (PipeSink(self.clone()), PipeBody(self.clone()))
    }

    /// Waits until there is something to do.
    pub async fn ready(&self) -> Ready {
        poll_fn(|cx| {
            *self.task.borrow_mut() = Some(cx.waker().clone());
            if self.state.get() == State::Gone {
                return Poll::Ready(Ready::Gone);
            }
            let has_room = self.buffer.borrow().len() < CAPACITY_BYTES;
            if has_room && self.wants_writable.replace(false) {
                return Poll::Ready(Ready::Writable);
            }
            Poll::Pending
        })
        .await
    }

    /// Ends the body behind what is in it.
    pub fn end(&self) {
        self.leave(State::Ended);
    }

    /// Breaks the body off.
    pub fn break_off(&self) {
        self.leave(State::Broken);
    }

    fn leave(&self, state: State) {
        if self.state.get() == State::Open {
            self.state.set(state);
        }
        wake(&self.reader);
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = &*waker.borrow() {
        waker.wake_by_ref();
    }
}

impl Sink for PipeSink {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.state.get() == State::Gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut buffer = self.0.buffer.borrow_mut();
        let count = bytes.len().min(CAPACITY_BYTES - buffer.len());
        buffer.extend_from_slice(&bytes[..count]);
        drop(buffer);
        wake(&self.0.reader);
        Ok(count)
    }

    fn want_writable(&mut self) {
        self.0.wants_writable.set(true);
        wake(&self.0.task);
    }
}

impl Body for PipeBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let pipe = &self.0;
        let mut buffer = pipe.buffer.borrow_mut();
        if pipe.state.get() == State::Broken {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        if !buffer.is_empty() {
            let count = buffer.len().min(PIECE_BYTES);
            let piece = buffer.split_to(count).freeze();
            drop(buffer);
            if pipe.wants_writable.get() {
                wake(&pipe.task);
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if pipe.state.get() == State::Ended {
            return Poll::Ready(None);
        }
        *pipe.reader.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for PipeBody {
    fn drop(&mut self) {
        self.0.state.set(State::Gone);
        wake(&self.0.task);
    }
}
