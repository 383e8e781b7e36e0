//! Stands between a server and its clients and spoils what one of them gets, once: shows that the contract check is one that
//! can fail, for each server in its own framing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The connection that is spoilt, in the order in which they are opened.
const SPOILT: usize = 7;
/// When, after its handshake: while the check is looking.
const AFTER: Duration = Duration::from_millis(1500);
/// So many messages in a row must be two of one symbol at least: a connection has ten.
const REVERSED: usize = 16;

/// What is done to the data frames of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: what is refused otherwise must be accepted then.
    Nothing,
    /// One is left out.
    Drop,
    /// One comes twice.
    Repeat,
    /// Several come in reverse.
    Reverse,
    /// None comes any more.
    Stop,
}

/// All of them.
pub const FAULTS: [Fault; 5] =
    [Fault::Nothing, Fault::Drop, Fault::Repeat, Fault::Reverse, Fault::Stop];

/// Listens for clients of the server at `port`; returns where.
///
/// # Errors
/// There is no port.
pub fn between(port: u16, fault: Fault) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let own = listener.local_addr()?.port();
    std::thread::spawn(move || -> Result<()> {
        for (number, client) in listener.incoming().enumerate() {
            let (client, server) = (client?, TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            let fault = if number == SPOILT { fault } else { Fault::Nothing };
            let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = pass_on(&server, &client, fault);
                let _ = client.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    });
    Ok(own)
}

/// Passes on what the server sends, frame by frame, until either side ends.
fn pass_on(mut server: &TcpStream, mut client: &TcpStream, fault: Fault) -> Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    let (mut spoiler, mut open) = (Spoiler { fault, held: Vec::new() }, None);
    loop {
        let length = server.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&piece[..length]);
        if open.is_none() {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end else { continue };
            client.write_all(&bytes[..end + 4])?;
            bytes.drain(..end + 4);
            open = Some(Instant::now());
        }
        let opened = open.context("not open")?;
        while let Some(length) = frame_bytes(&bytes).filter(|length| *length <= bytes.len()) {
            let frame: Vec<_> = bytes.drain(..length).collect();
            let is_data = frame[0] & 0x8 == 0;
            if is_data && opened.elapsed() >= AFTER {
                client.write_all(&spoiler.spoil(frame))?;
            } else {
                client.write_all(&frame)?;
            }
        }
    }
}

/// How long a server's frame is that begins here, if that can be seen already.
fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? & 0x7f {
        126 => Some(4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => Some(10 + u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => Some(2 + usize::from(short)),
    }
}

/// What is done to data frames, one after another.
struct Spoiler {
    fault: Fault,
    held: Vec<Vec<u8>>,
}

impl Spoiler {
    /// What goes on when this comes.
    fn spoil(&mut self, frame: Vec<u8>) -> Vec<u8> {
        let only_once = |fault: &mut Fault| *fault = Fault::Nothing;
        match self.fault {
            Fault::Nothing => frame,
            Fault::Drop => {
                only_once(&mut self.fault);
                Vec::new()
            }
            Fault::Repeat => {
                only_once(&mut self.fault);
                frame.repeat(2)
            }
            Fault::Reverse => {
                self.held.push(frame);
                if self.held.len() < REVERSED {
                    return Vec::new();
                }
                only_once(&mut self.fault);
                self.held.drain(..).rev().flatten().collect()
            }
            Fault::Stop => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoilt(fault: Fault) -> Vec<u8> {
        let mut spoiler = Spoiler { fault, held: Vec::new() };
        (1..=20).flat_map(|number| spoiler.spoil(vec![number])).collect()
    }

    #[test]
    fn each_fault_is_done_once() {
        assert_eq!(spoilt(Fault::Nothing), (1..=20).collect::<Vec<_>>());
        assert_eq!(spoilt(Fault::Drop), (2..=20).collect::<Vec<_>>());
        assert_eq!(spoilt(Fault::Repeat), [1].into_iter().chain(1..=20).collect::<Vec<_>>());
        assert_eq!(spoilt(Fault::Reverse), (1..=16).rev().chain(17..=20).collect::<Vec<_>>());
        assert!(spoilt(Fault::Stop).is_empty());
    }

    #[test]
    fn frames_are_as_long_as_they_say() {
        assert_eq!(frame_bytes(&[0x81]), None);
        assert_eq!(frame_bytes(&[0x81, 5]), Some(7));
        assert_eq!(frame_bytes(&[0x81, 126, 1]), None);
        assert_eq!(frame_bytes(&[0x81, 126, 1, 0]), Some(260));
        assert_eq!(frame_bytes(&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Some(65546));
    }
}
