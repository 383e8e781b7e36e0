//! The same as `tungstenite`, with axum's WebSocket.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use peers::{broadcast, serve};
use tokio::net::TcpListener;

type Feed = Arc<broadcast::Feed>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let feed = Arc::new(broadcast::Feed::start(serve::schedule()?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    serve::announce(listener.local_addr()?.port())?;
    let router = Router::new().route("/", any(upgrade)).with_state(feed);
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn upgrade(request: WebSocketUpgrade, State(feed): State<Feed>) -> Response {
    request.on_upgrade(async |websocket| {
        let _ = client(websocket, feed).await;
    })
}

async fn client(mut websocket: WebSocket, feed: Feed) -> Result<()> {
    let Some(list) = websocket.recv().await else { return Ok(()) };
    let mut subscriber = feed.subscribe(list?.to_text()?);
    while let Some(text) = subscriber.next().await {
        websocket.send(Message::Text(Utf8Bytes::try_from(text)?)).await?;
    }
    Ok(())
}
