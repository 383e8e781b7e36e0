//! Asks the kernel how many segments a connection has sent and received (`TCP_INFO`, since Linux 4.2): what TCP and IP add
//! to the bytes of a socket. The one module with `unsafe`: no crate that is kept offers these two fields.
#![expect(unsafe_code, reason = "getsockopt(TCP_INFO) into a plain struct of integers")]

use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Headers of a segment: IPv4 20 bytes, TCP 20, its timestamps with padding 12.
pub const HEADER_BYTES: u64 = 52;

/// Segments of a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// Received.
    pub down: u64,
    /// Sent.
    pub up: u64,
}

impl Segments {
    /// Of `socket`; `None` if it is no TCP socket, or the kernel too old to say.
    #[must_use]
    pub fn of(socket: BorrowedFd<'_>) -> Option<Self> {
        let mut info = std::mem::MaybeUninit::<libc::tcp_info>::zeroed();
        let mut len = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the descriptor is open while it is borrowed; the kernel writes at most `len` bytes to `info`, which has
        // as many.
        let status = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        // SAFETY: a struct of integers is valid with any bits, and was zero before.
        let info = unsafe { info.assume_init() };
        let seen = std::mem::offset_of!(libc::tcp_info, tcpi_segs_in) + size_of::<u32>();
        if status != 0 || (len as usize) < seen {
            return None;
        }
        Some(Self { down: u64::from(info.tcpi_segs_in), up: u64::from(info.tcpi_segs_out) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn counts_what_goes_to_and_fro() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let before = Segments::of(client.as_fd()).unwrap();
        for _ in 0..5 {
            client.write_all(b"ping").unwrap();
            server.read_exact(&mut [0; 4]).unwrap();
            server.write_all(b"pong").unwrap();
            client.read_exact(&mut [0; 4]).unwrap();
        }
        let after = Segments::of(client.as_fd()).unwrap();
        assert!(after.down >= before.down + 5 && after.up >= before.up + 5, "{before:?} {after:?}");
        // What one end has sent the other has received. A connection that was just opened tells the two apart: SYN and ACK
        // against one SYN-ACK.
        let fresh = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(Segments::of(fresh.as_fd()), Some(Segments { down: 1, up: 2 }));
        assert_eq!(Segments::of(std::io::stdin().as_fd()), None);
    }
}
