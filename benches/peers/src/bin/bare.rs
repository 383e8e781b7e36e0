//! The limit: one thread that sends each message to each subscriber's socket with a system call, and does nothing else.
//! Handshakes happen on another thread. For the clients' own limit, `bare SCHEDULE flood` instead
//! sends large pieces of many messages as fast as the clients take them, and `bare SCHEDULE pulse` one message at a time to
//! everybody, with pauses in which they can read it.

use std::io::{ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use peers::{serve, source};

/// A subscriber and the places of its symbols.
type Arrived = (TcpStream, Vec<usize>);
/// Bytes of one send when flooding.
const FLOOD_BYTES: usize = 16 * 1024;
/// Between two messages when pulsing.
const PULSE: Duration = Duration::from_millis(20);
/// A flood begins when nobody has come for so long.
const ALL_HERE: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    let mut source = source::Source::new(serve::schedule()?);
    source::wake_up_in_time()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    serve::announce(listener.local_addr()?.port())?;
    let (sender, arrived) = mpsc::channel();
    let symbols = source.symbols().to_vec();
    std::thread::spawn(move || accept(&listener, &symbols, &sender));
    match std::env::args().nth(2).as_deref() {
        Some("flood") => return flood(&mut source, &arrived),
        Some("pulse") => return pulse(&mut source, &arrived),
        _ => {}
    }
    let mut subscribers = vec![Vec::new(); source.symbols().len()];
    let mut frame = Vec::new();
    loop {
        for (socket, places) in arrived.try_iter() {
            let socket = std::sync::Arc::new(socket);
            places.into_iter().for_each(|place| subscribers[place].push(socket.clone()));
        }
        let mut sent = Ok(());
        source.due(|symbol, message| {
            put_frame(&mut frame, message);
            for socket in &subscribers[symbol] {
                // Blocking: a client that does not read stops everything. Ours reads.
                if let Err(why) = (&**socket).write_all(&frame) {
                    sent = Err(why);
                }
            }
        });
        sent.context("a client is gone")?;
        source.wait();
    }
}

fn accept(listener: &TcpListener, symbols: &[String], arrived: &Sender<Arrived>) -> Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let mut websocket = tungstenite::accept(socket.try_clone()?)?;
        let list = websocket.read()?.into_text()?;
        arrived.send((socket, serve::places(symbols, list.as_str())))?;
    }
}

/// One text frame, replacing what was there.
fn put_frame(frame: &mut Vec<u8>, message: &[u8]) {
    frame.clear();
    frame.push(0x81);
    match u8::try_from(message.len()) {
        Ok(length @ 0..126) => frame.push(length),
        _ => {
            frame.push(126);
            frame.extend_from_slice(&(message.len() as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(message);
}

/// Sends the same piece of whole frames to everybody, again and again.
fn flood(source: &mut source::Source, arrived: &Receiver<Arrived>) -> Result<()> {
    let (mut piece, mut frame) = (Vec::new(), Vec::new());
    while piece.len() < FLOOD_BYTES {
        source.wait();
        source.due(|_, message| {
            put_frame(&mut frame, message);
            piece.extend_from_slice(&frame);
        });
    }
    let mut clients: Vec<_> = everybody(arrived)?.into_iter().map(|socket| (socket, 0)).collect();
    loop {
        for (socket, at) in &mut clients {
            match socket.write(&piece[*at..]) {
                Ok(length) => *at = (*at + length) % piece.len(),
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(why) => return Err(why.into()),
            }
        }
    }
}

/// Sends everybody one message, again and again.
fn pulse(source: &mut source::Source, arrived: &Receiver<Arrived>) -> Result<()> {
    let mut frame = Vec::new();
    while frame.is_empty() {
        source.wait();
        source.due(|_, message| put_frame(&mut frame, message));
    }
    let clients = everybody(arrived)?;
    loop {
        for mut socket in &clients {
            match socket.write(&frame) {
                Ok(length) if length == frame.len() => {}
                Ok(length) => bail!("{length} of {} bytes sent", frame.len()),
                Err(why) => return Err(why.into()),
            }
        }
        std::thread::sleep(PULSE);
    }
}

/// Waits until nobody has come for a while: whoever came while the others are sent to would wait for ever.
fn everybody(arrived: &Receiver<Arrived>) -> Result<Vec<TcpStream>> {
    let mut clients = Vec::new();
    loop {
        match arrived.recv_timeout(ALL_HERE) {
            Ok((socket, _)) => {
                socket.set_nonblocking(true)?;
                clients.push(socket);
            }
            Err(RecvTimeoutError::Timeout) if clients.is_empty() => {}
            Err(_) => return Ok(clients),
        }
    }
}
