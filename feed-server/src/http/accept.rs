//! Accepts a shard's connections and serves HTTP/1.1 or HTTP/2 (with prior knowledge) on them until they end, or become
//! WebSockets or streams.

use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::handover::{Handover, Heir, Io};
use super::routes;
use crate::connection::{stream, websocket};
use crate::lab::cpu;
use crate::runtime::Local;
use crate::server::SocketGuard;
use crate::stage::Stage;

/// Sockets beyond `--max-connections` that may be open for plain HTTP.
const SOCKETS_SPARE: usize = 1000;
/// A client must have begun to say something within this time.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(10);
/// Between two requests, and for the whole header of one: longer than the longest poll interval, so that a poller keeps
/// its connection.
const HEADER_WITHIN: Duration = Duration::from_secs(75);
/// A peer that is silent for so long is asked by TCP whether it is there. `TCP_USER_TIMEOUT` would find a dead one sooner, but
/// it also ends a live connection whose receiver does not read for that time; WebSockets have pings besides.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// A client on HTTP/2 is pinged after so long a silence, and gone if it does not answer for as long.
const PING_AFTER: Duration = Duration::from_secs(20);
/// A stream whose client takes nothing for so long, dead or alive, is ended: the same patience as a WebSocket's pong has.
const STREAM_PATIENCE: Duration = Duration::from_secs(40);
/// Requests at a time on one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;
/// Header list of an HTTP/2 request, bytes.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// What HTTP/2 may hold unsent a stream, bytes.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// After an error of `accept` (out of file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How every HTTP/2 connection begins (RFC 9113, 3.4); no method of HTTP/1.1 begins like it.
const HTTP2_BEGINS: &[u8] = b"PRI";

/// Accepts until the server drains.
pub async fn run(local: Rc<Local>, listener: TcpListener, mut stage: watch::Receiver<Stage>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stage.wait_for(|stage| *stage != Stage::Serving) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Some(guard) =
                    local.shared.sockets.enter(local.shared.connections_max + SOCKETS_SPARE)
                {
                    prepare(&local, &stream);
                    tokio::task::spawn_local(serve(local.clone(), stream, stage.clone(), guard));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn prepare(local: &Local, stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let lowat = local.shared.notsent_lowat;
    // None of these can fail on a connected TCP socket but by its being broken already, which shows at the first read.
    let _ = socket.set_tcp_nodelay(true);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    let _ = socket.set_tcp_keepalive(&keepalive.with_interval(KEEPALIVE_AFTER / 4));
    #[cfg(target_os = "linux")]
    {
        if lowat > 0 {
            let _ = socket.set_tcp_notsent_lowat(lowat);
        }
    }
}

async fn serve(
    local: Rc<Local>,
    stream: TcpStream,
    mut stage: watch::Receiver<Stage>,
    guard: SocketGuard,
) {
    let guard = Rc::new(guard);
    let early = tokio::select! {
        early = tokio::time::timeout(FIRST_BYTES_WITHIN, first_bytes(&stream)) => early,
        _ = stage.wait_for(|stage| *stage != Stage::Serving) => return,
    };
    let Ok(Some(early)) = early else { return };
    let is_http2 = early == HTTP2_BEGINS;
    let io = Io::new(stream, early);
    if is_http2 {
        serve_http2(local, io, stage, guard).await;
    } else {
        serve_http1(local, io, stage, guard).await;
    }
}

/// As many bytes as it takes to tell HTTP/2 from HTTP/1.1; `None` if the client leaves before that.
async fn first_bytes(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut first = [0; HTTP2_BEGINS.len()];
    let mut count = 0;
    while count < first.len() && first[..count] == HTTP2_BEGINS[..count] {
        stream.readable().await.ok()?;
        match stream.try_read(&mut first[count..]) {
            Ok(0) => return None,
            Ok(more) => count += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(first[..count].to_vec())
}

async fn serve_http1(
    local: Rc<Local>,
    io: Io,
    mut stage: watch::Receiver<Stage>,
    guard: Rc<SocketGuard>,
) {
    let (handover, unflushed) = (Rc::new(Handover::default()), io.unflushed());
    let service = service_fn({
        let (local, guard, handover) = (local.clone(), guard.clone(), handover.clone());
        move |request| {
            let (local, guard, handover) = (local.clone(), guard.clone(), handover.clone());
            let answer = async move {
                Ok::<_, Infallible>(routes::answer(local, guard, handover, request).await)
            };
            Box::pin(answer)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_headers(64)
        .serve_connection(io, service);
    let (mut drains, is_lab) = (false, local.shared.lab().is_some());
    loop {
        let done = poll_fn(|cx| {
            let begin_ns = is_lab.then(cpu::thread_ns);
            // Errors are the client's: a broken request was answered by hyper, a vanished client needs no answer.
            let is_done = connection.poll_without_shutdown(cx).is_ready();
            if let Some((begin_ns, transport)) = begin_ns.zip(handover.transport()) {
                let spent_ns = cpu::thread_ns() - begin_ns;
                local.shard.borrow().counters().cpu_ns(transport).add(spent_ns);
            }
            let is_free = handover.is_stream() && !unflushed.get();
            if is_done || is_free { Poll::Ready(()) } else { Poll::Pending }
        });
        tokio::select! {
            () = done => break,
            _ = stage.wait_for(|stage| *stage != Stage::Serving), if !drains => {
                drains = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    // The heir gets a task of its own: this one's memory holds HTTP's machinery, a connection's should not.
    match handover.take() {
        Some(Heir::WebSocket(opening)) => {
            let mut connection = websocket::open(local, stream, parts.read_buf, opening, guard);
            tokio::task::spawn_local(async move { connection.serve().await });
        }
        Some(Heir::Stream { head, opening }) => {
            let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(STREAM_PATIENCE));
            tokio::task::spawn_local(async move {
                stream::run_on_socket(local, stream, &head, opening).await;
                drop(guard);
            });
        }
        // Fails if the client is gone.
        None => drop(stream.shutdown().await),
    }
}

async fn serve_http2(
    local: Rc<Local>,
    io: Io,
    mut stage: watch::Receiver<Stage>,
    guard: Rc<SocketGuard>,
) {
    let service = service_fn(move |request| {
        let (local, guard) = (local.clone(), guard.clone());
        // Nothing can take an HTTP/2 connection over.
        let handover = Rc::new(Handover::default());
        async move { Ok::<_, Infallible>(routes::answer(local, guard, handover, request).await) }
    });
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_AFTER)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stage.wait_for(|stage| *stage != Stage::Serving) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Runs HTTP/2's streams where their connection is.
#[derive(Clone, Copy, Debug)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
