//! Feeds a broker with the events of a schedule: `publisher SCHEDULE nats|nchan PORT`. One connection, so that the order is
//! kept; what is due goes out with one write. Runs on the clients' processor: its time is not the broker's.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};
use peers::{serve, source};

fn main() -> Result<()> {
    let mut source = source::Source::new(serve::schedule()?);
    let mut arguments = std::env::args().skip(2);
    let broker = arguments.next().context("usage: publisher SCHEDULE BROKER PORT")?;
    let port: u16 = arguments.next().context("no port")?.parse()?;
    let put: fn(&mut Vec<u8>, &str, &[u8]) -> std::io::Result<()> = match &broker[..] {
        "nats" => put_nats,
        "nchan" => put_nchan,
        _ => bail!("no broker {broker}"),
    };
    source::wake_up_in_time()?;
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_nodelay(true)?;
    if broker == "nats" {
        socket.write_all(b"CONNECT {\"verbose\":false}\r\n")?;
    }
    let answers = socket.try_clone()?;
    std::thread::spawn(move || swallow(answers, broker == "nats"));
    let symbols = source.symbols().to_vec();
    let mut requests = Vec::new();
    loop {
        requests.clear();
        let mut written = Ok(());
        source.due(|symbol, message| {
            written = put(&mut requests, &symbols[symbol], message);
        });
        written?;
        socket.write_all(&requests)?;
        source.wait();
    }
}

fn put_nats(requests: &mut Vec<u8>, symbol: &str, message: &[u8]) -> std::io::Result<()> {
    write!(requests, "PUB {symbol} {}\r\n", message.len())?;
    requests.extend_from_slice(message);
    requests.extend_from_slice(b"\r\n");
    Ok(())
}

fn put_nchan(requests: &mut Vec<u8>, symbol: &str, message: &[u8]) -> std::io::Result<()> {
    write!(
        requests,
        "POST /publish/{symbol} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n",
        message.len()
    )?;
    requests.extend_from_slice(message);
    Ok(())
}

/// Reads what the broker answers, so that it need not wait for that; NATS wants its pings answered.
fn swallow(mut answers: TcpStream, pings: bool) -> Result<()> {
    let mut buffer = [0; 65_536];
    loop {
        let length = answers.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        if pings && buffer[..length].windows(6).any(|six| six == b"PING\r\n") {
            answers.write_all(b"PONG\r\n")?;
        }
    }
}
