//! Opens a client's TCP connection: from its own source address, with its own receive buffer, counted. What is spoken
//! over it is not known here.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

use super::End;
use super::delay::delayed;
use super::meter::{Line, Meter, Metered};

/// How a client reaches the server.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    /// The server.
    pub target: SocketAddr,
    /// Where the client comes from; `None` leaves it to the system.
    pub source: Option<SocketAddr>,
    /// Receive buffer of the socket, bytes; `None` leaves it to the system.
    pub receive_buffer: Option<u32>,
    /// Whether its segments are counted, which takes a second file descriptor.
    pub watched: bool,
    /// How long every byte takes, each way, besides what the network itself takes.
    pub delay: Duration,
}

/// An open socket and what watches it.
pub struct Dialled {
    /// To hand to a protocol.
    pub io: TokioIo<Metered>,
    /// Its counts.
    pub meter: Arc<Meter>,
    /// The same socket, for asking the system about it.
    pub watch: Option<OwnedFd>,
}

/// Who closes first keeps its port for a minute (`TIME_WAIT`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The server closes first, or both agree.
    InOrder,
    /// This side does, and takes the port back at once, at the price of a reset.
    Reset,
}

impl Dial {
    /// Connects. With `h2`, the meter tells HTTP/2's layers apart.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn connect(&self, closing: Closing, h2: bool) -> Result<Dialled, End> {
        let failed = |why: std::io::Error| End::Connect(why.to_string());
        let stream = self.stream(closing).await.map_err(failed)?;
        let watch = self.watched.then(|| stream.as_fd().try_clone_to_owned()).transpose();
        let watch = watch.map_err(failed)?;
        let meter = Arc::new(Meter::new(h2));
        let line = if self.delay.is_zero() {
            Line::Direct(stream)
        } else {
            // The handshake of TCP takes a way to the server and back.
            tokio::time::sleep(2 * self.delay).await;
            Line::Delayed(delayed(stream, self.delay))
        };
        Ok(Dialled { io: TokioIo::new(Metered::new(line, meter.clone())), meter, watch })
    }

    async fn stream(&self, closing: Closing) -> std::io::Result<TcpStream> {
        let Self { target, source, receive_buffer, .. } = *self;
        let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(source) = source {
            socket.bind(source)?;
        }
        let stream = socket.connect(target).await?;
        stream.set_nodelay(true)?;
        if closing == Closing::Reset {
            stream.set_zero_linger()?;
        }
        Ok(stream)
    }
}
