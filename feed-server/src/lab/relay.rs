//! Relays: each lane's clients connect here, and every byte goes on to the server and back by way of two lines (`line.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::lanes::Lane;
use super::line::{carry, until_cut};

/// After an error of `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Relays a lane's connections until it is dropped.
pub async fn run(lane: Arc<Lane>) {
    let listener = lane.listener.lock().ok().and_then(|mut listener| listener.take());
    let Some(Ok(listener)) = listener.map(TcpListener::from_std) else { return };
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(relay(lane.clone(), client));
            }
            Err(error) => {
                tracing::warn!(%error, lane = lane.name, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn relay(lane: Arc<Lane>, mut client: TcpStream) {
    let Ok(mut server) = TcpStream::connect(lane.target).await else { return };
    lane.connections.fetch_add(1, Ordering::Relaxed);
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let orders = lane.orders.subscribe();
    let cuts = orders.borrow().cuts;
    let is_cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = carry(from_client, to_server, orders.clone(), &lane.up_bytes);
        let down = carry(from_server, to_client, orders.clone(), &lane.down_bytes);
        tokio::select! {
            // An error of one way is the end of both.
            _ = async { tokio::try_join!(up, down) } => false,
            () = until_cut(orders, cuts) => true,
        }
    };
    if is_cut {
        let abruptly = Some(Duration::ZERO);
        let _ = (
            SockRef::from(&client).set_linger(abruptly),
            SockRef::from(&server).set_linger(abruptly),
        );
    }
}
