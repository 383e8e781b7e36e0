//! A WebSocket connection's task: waits for its socket, decodes what the client sends, and hands it to the shard.
//! Fan-out does not pass through here: the shard writes to the socket itself.

use std::rc::Rc;

use feed_protocol::{CloseCode, Format, Op, Request, Subscribe};
use tokio::net::TcpStream;

use super::decoder::{Decoder, Input, Item, MessageLimit};
use super::socket::{Ready, Socket};
use crate::runtime::Local;
use crate::server::SocketGuard;
use crate::shard::{ConnectionId, Phase};

/// How a connection begins.
#[derive(Debug)]
pub struct Opening {
    /// How its messages are written.
    pub format: Format,
    /// Heartbeat period, 0 for none.
    pub heartbeat_ms: u32,
    /// What the query asked for.
    pub subscribe: Option<Subscribe>,
}

/// A connection that the shard knows. Its task holds this and little else: what the opening needed is gone by then.
pub struct Connection {
    local: Rc<Local>,
    socket: Rc<Socket>,
    id: ConnectionId,
    decoder: Decoder,
    peer_has_closed: bool,
    write_is_shut: bool,
    /// Counted until its end.
    _guard: Rc<SocketGuard>,
}

/// Makes a connection known to the shard, which welcomes it. `early` is what the client sent right behind its handshake.
#[must_use]
pub fn open(
    local: Rc<Local>,
    stream: TcpStream,
    early: bytes::Bytes,
    opening: Opening,
    guard: Rc<SocketGuard>,
) -> Connection {
    let socket = Socket::new(stream);
    let now = local.now();
    let id = {
        let mut shard = local.shard.borrow_mut();
        let id = shard.connect(socket.sink(), opening.format, opening.heartbeat_ms, now);
        if let Some(subscribe) = opening.subscribe {
            shard.request(id, Request { id: None, op: Op::Subscribe(subscribe) }, now);
        }
        id
    };
    if local.is_full(0) {
        let mut shard = local.shard.borrow_mut();
        shard.close_with(id, CloseCode::TooManyConnections, "too many connections", now);
    }
    let decoder = Decoder::new(MessageLimit::new(local.limits.message_bytes));
    let (peer_has_closed, write_is_shut) = (false, false);
    let mut connection =
        Connection { local, socket, id, decoder, peer_has_closed, write_is_shut, _guard: guard };
    // The bytes are a view into the read buffer of the HTTP connection, which would stay as long as they do.
    let mut first = early.to_vec();
    drop(early);
    connection.take(&mut first);
    connection
}

impl Connection {
    /// Serves it until its end. By reference: what an `async fn` takes by value it holds twice.
    pub async fn serve(&mut self) {
        self.serve_until_over().await;
        self.local.shard.borrow_mut().remove(self.id);
    }

    async fn serve_until_over(&mut self) {
        loop {
            self.local.kick();
            if self.is_over() {
                return;
            }
            match self.socket.ready().await {
                Ready::Writable => {
                    let now = self.local.now();
                    self.local.shard.borrow_mut().writable(self.id, now);
                }
                Ready::Readable => {
                    if !self.read() {
                        return;
                    }
                }
            }
        }
    }

    /// Reads once; `false` at the end of the stream.
    fn read(&mut self) -> bool {
        let local = self.local.clone();
        let mut scratch = local.scratch.borrow_mut();
        match self.socket.try_read(&mut scratch) {
            Ok(None) => true,
            Ok(Some(0)) | Err(_) => false,
            Ok(Some(count)) => {
                self.take(&mut scratch[..count]);
                true
            }
        }
    }

    fn take(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() || self.peer_has_closed {
            return;
        }
        let now = self.local.now();
        let mut shard = self.local.shard.borrow_mut();
        let mut input = Input::new(bytes);
        loop {
            match self.decoder.next(&mut input) {
                Ok(None) => return,
                Ok(Some(Item::Text(text))) => {
                    shard.message(self.id, Format::Json, text.as_bytes(), now);
                }
                Ok(Some(Item::Binary(bytes))) => {
                    shard.message(self.id, Format::Msgpack, bytes, now);
                }
                Ok(Some(Item::Ping(payload))) => shard.ping(self.id, payload, now),
                Ok(Some(Item::Pong(_))) => shard.heard(self.id, now),
                Ok(Some(Item::Close { code, .. })) => {
                    self.peer_has_closed = true;
                    shard.peer_closed(self.id, code, now);
                    return;
                }
                Err(error) => {
                    let code = error.close_code();
                    let reason = error.to_string();
                    let closing = crate::shard::Closing { code: Some(code), reason };
                    shard.close(self.id, closing, now);
                    return;
                }
            }
        }
    }

    /// Does what the phase asks for; `true` if the socket is to be dropped.
    fn is_over(&mut self) -> bool {
        let (phase, is_blocked) = {
            let shard = self.local.shard.borrow();
            (shard.phase(self.id), shard.is_blocked(self.id))
        };
        match phase {
            None => true,
            Some(Phase::Dead) => {
                self.socket.reset_on_drop();
                true
            }
            Some(Phase::Open) => false,
            Some(Phase::Closing { .. }) if is_blocked => false,
            Some(Phase::Closing { .. }) => {
                if !self.write_is_shut {
                    self.write_is_shut = true;
                    self.socket.shut_down_write();
                }
                self.peer_has_closed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<F>(_: impl FnOnce(Connection) -> F) -> usize {
        size_of::<F>()
    }

    /// An idle connection's task is most of what it takes: what a handshake needed must not be in it.
    #[test]
    fn an_idle_connections_task_is_small() {
        let bytes = future_bytes(|mut connection| async move { connection.serve().await });
        assert!(bytes <= 192, "{bytes} bytes");
    }
}
