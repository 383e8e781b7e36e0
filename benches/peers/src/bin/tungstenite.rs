//! What a Rust user would write first: `tokio-tungstenite`, one `tokio::sync::broadcast` channel for everything, and a task
//! a client that filters by symbol.

use std::sync::Arc;

use anyhow::Result;
use futures_util::SinkExt as _;
use peers::{broadcast, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let feed = Arc::new(broadcast::Feed::start(serve::schedule()?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    serve::announce(listener.local_addr()?.port())?;
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(client(socket, feed.clone()));
    }
}

async fn client(socket: TcpStream, feed: Arc<broadcast::Feed>) -> Result<()> {
    use futures_util::StreamExt as _;
    socket.set_nodelay(true)?;
    let mut websocket = tokio_tungstenite::accept_async(socket).await?;
    let Some(list) = websocket.next().await else { return Ok(()) };
    let mut subscriber = feed.subscribe(list?.to_text()?);
    while let Some(text) = subscriber.next().await {
        let text = Utf8Bytes::try_from(text)?;
        websocket.send(Message::Text(text)).await?;
    }
    Ok(())
}
