//! Accepts a shard's connections and serves HTTP/1.1 on them until they end or become WebSockets.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::routes;
use crate::runtime::Local;
use crate::server::Stage;

/// Sockets beyond `--max-connections` that may be open for plain HTTP.
const SOCKETS_SPARE: usize = 1000;
/// A client must have sent its request's header within this time.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// A peer that is silent for so long is asked by TCP whether it is there. `TCP_USER_TIMEOUT` would find a dead one sooner, but
/// it also ends a live connection whose receiver does not read for that time; WebSockets have pings besides.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// After an error of `accept` (out of file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    guard: crate::server::SocketGuard,
) {
    let guard = Rc::new(guard);
    let service = service_fn(move |request| {
        let (local, guard) = (local.clone(), guard.clone());
        async move { Ok::<_, Infallible>(routes::answer(&local, guard, request)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // Errors are the client's: a broken request was answered by hyper, a vanished client needs no answer.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stage.wait_for(|stage| *stage != Stage::Serving) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
