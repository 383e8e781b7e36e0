//! The task of an endless HTTP answer (`/v1/sse`, `/v1/stream`): waits for its socket or its pipe and tells the shard, which
//! does the writing. What a client sends behind its request is read and thrown away; its end is noticed.

use std::rc::Rc;

use feed_protocol::{Op, Request, Subscribe};
use tokio::net::TcpStream;

use super::pipe::{self, Pipe, PipeBody};
use super::sink::ClientSink;
use super::socket::{self, Socket};
use crate::runtime::Local;
use crate::server::SocketGuard;
use crate::shard::wire::Wire;
use crate::shard::{ConnectionId, Phase};

/// How a stream begins.
#[derive(Debug)]
pub struct Opening {
    /// How frames stand in the body.
    pub wire: Wire,
    /// Heartbeat period, 0 for none.
    pub heartbeat_ms: u32,
    /// What the query asked for.
    pub subscribe: Subscribe,
}

/// A stream that the shard knows; it is forgotten when this is dropped.
struct Stream {
    local: Rc<Local>,
    id: ConnectionId,
}

impl Stream {
    fn open(local: Rc<Local>, sink: ClientSink, opening: Opening) -> Self {
        let Opening { wire, heartbeat_ms, subscribe } = opening;
        let now = local.now();
        let id = {
            let mut shard = local.shard.borrow_mut();
            let id = shard.connect(sink, wire, heartbeat_ms, now);
            shard.request(id, Request { id: None, op: Op::Subscribe(subscribe) }, now);
            id
        };
        Self { local, id }
    }

    fn writable(&self) {
        let now = self.local.now();
        self.local.shard.borrow_mut().writable(self.id, now);
    }

    /// Its phase, and whether bytes wait for it.
    fn phase(&self) -> (Option<Phase>, bool) {
        let shard = self.local.shard.borrow();
        (shard.phase(self.id), shard.is_blocked(self.id))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.local.shard.borrow_mut().remove(self.id);
    }
}

/// Serves a stream over HTTP/1.1 until its end. `head` is the answer's head: the shard writes the chunks behind it.
pub async fn run_on_socket(local: Rc<Local>, stream: TcpStream, head: &[u8], opening: Opening) {
    let socket = Socket::new(stream);
    // A socket that has carried only a request has room for this.
    if !matches!(socket.try_write(head), Ok(count) if count == head.len()) {
        return socket.reset_on_drop();
    }
    let stream = Stream::open(local, socket.sink(), opening);
    let mut write_is_shut = false;
    loop {
        stream.local.kick();
        match stream.phase() {
            (Some(Phase::Open), _) => {}
            (Some(Phase::Closing { .. }), is_blocked) => {
                if !is_blocked && !std::mem::replace(&mut write_is_shut, true) {
                    socket.shut_down_write();
                }
            }
            (Some(Phase::Dead) | None, _) => return socket.reset_on_drop(),
        }
        match socket.ready().await {
            socket::Ready::Writable => stream.writable(),
            socket::Ready::Readable => {
                let mut scratch = stream.local.scratch.borrow_mut();
                if matches!(socket.try_read(&mut scratch), Ok(Some(0)) | Err(_)) {
                    return;
                }
            }
        }
    }
}

/// Serves a stream whose body HTTP writes, in a task of its own; the body comes back at once.
pub fn run_in_body(local: &Rc<Local>, guard: Rc<SocketGuard>, opening: Opening) -> PipeBody {
    let pipe = Rc::new(Pipe::default());
    let (sink, body) = pipe.ends();
    let stream = Stream::open(local.clone(), ClientSink::Pipe(sink), opening);
    tokio::task::spawn_local(async move {
        look_after(&pipe, &stream).await;
        drop(guard);
    });
    body
}

async fn look_after(pipe: &Pipe, stream: &Stream) {
    loop {
        stream.local.kick();
        match stream.phase() {
            (Some(Phase::Open), _) | (Some(Phase::Closing { .. }), true) => {}
            (Some(Phase::Closing { .. }), false) => return pipe.end(),
            (Some(Phase::Dead) | None, _) => return pipe.break_off(),
        }
        match pipe.ready().await {
            pipe::Ready::Writable => stream.writable(),
            pipe::Ready::Gone => return,
        }
    }
}
