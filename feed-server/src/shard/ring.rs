//! Many sends with one system call: an io_uring of a shard's thread. One send of a few hundred bytes costs a quarter to a third
//! less this way than by itself. Where the kernel has none, or forbids it, whoever wanted one sends one by one.
//!
//! The only unsafe code of the server: the kernel is handed pointers. [`Ring::send_all`] does not return before the kernel has
//! done with all of them.

#![allow(
    unsafe_code,
    reason = "submission entries hold raw pointers; see `send_all` for why they are good"
)]

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use io_uring::{IoUring, opcode, squeue, types};

/// Most sends of one system call.
pub const SENDS_MAX: usize = 256;

/// A thread's ring.
pub struct Ring {
    ring: IoUring,
    /// What is about to be submitted; empty between calls.
    entries: Vec<squeue::Entry>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ring")
    }
}

impl Ring {
    /// A ring for the thread that calls this: nobody else may use it.
    ///
    /// # Errors
    /// The kernel has no io_uring (before 6.1), or this process may not use it (`kernel.io_uring_disabled`, a container's seccomp
    /// profile).
    pub fn new() -> io::Result<Self> {
        let mut builder = IoUring::builder();
        // Completions are looked at by the one thread that submits, and only when it waits: no interrupts, no locks.
        builder.setup_single_issuer().setup_defer_taskrun().setup_coop_taskrun();
        Ok(Self { ring: builder.build(SENDS_MAX as u32)?, entries: Vec::new() })
    }

    /// Sends each buffer to its socket without waiting for any; `results` gets the bytes that each took, in order. What a socket
    /// does not take now is 0 bytes, not an error. To who has no socket nothing is sent, and the result is `None`.
    ///
    /// # Panics
    /// With more than [`SENDS_MAX`] sends.
    pub fn send_all<'a>(
        &mut self,
        sends: impl Iterator<Item = (Option<BorrowedFd<'a>>, &'a [u8])>,
        results: &mut Vec<Option<io::Result<usize>>>,
    ) {
        results.clear();
        self.entries.clear();
        // All of them first: if the caller's iterator panics, the ring holds no pointer yet.
        for (socket, bytes) in sends {
            let Some(socket) = socket else {
                results.push(None);
                continue;
            };
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), length);
            self.entries.push(send.flags(flags).build().user_data(results.len() as u64));
            results.push(Some(Ok(0)));
        }
        assert!(self.entries.len() <= SENDS_MAX, "too many sends at once");
        // SAFETY: sockets and buffers are borrowed for 'a, and this function returns only once every send has completed, be it
        // with an error (`wait_for`); until then the kernel may read the buffers.
        let pushed = unsafe { self.ring.submission().push_multiple(&self.entries) };
        pushed.expect("the ring is empty between calls, and has room for all");
        let sends = self.entries.len();
        self.entries.clear();
        self.wait_for(sends, results);
    }

    /// Submits, and waits until all of the sends are done.
    fn wait_for(&mut self, sends: usize, results: &mut [Option<io::Result<usize>>]) {
        let mut left = sends;
        while left > 0 {
            if let Err(error) = self.ring.submit_and_wait(left) {
                let again = [libc::EINTR, libc::EAGAIN, libc::EBUSY];
                if !error.raw_os_error().is_some_and(|code| again.contains(&code)) {
                    // The kernel may still hold buffers: going on could send bytes of something else.
                    tracing::error!(%error, "io_uring failed; start with --io-uring off");
                    std::process::abort();
                }
            }
            for completion in self.ring.completion() {
                let place = completion.user_data() as usize;
                results[place] = Some(match completion.result() {
                    sent @ 0.. => Ok(sent as usize),
                    code if code == -libc::EAGAIN || code == -libc::EINTR => Ok(0),
                    code => Err(io::Error::from_raw_os_error(-code)),
                });
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        server.set_nonblocking(true).unwrap();
        (server, client)
    }

    #[test]
    fn sends_to_many_tells_what_is_full_and_who_is_gone() {
        // Where the kernel has none there is nothing to test.
        let Ok(mut ring) = Ring::new() else { return };
        let pairs: Vec<_> = (0..5).map(|_| pair()).collect();
        let texts: Vec<_> =
            (0..5).map(|number| format!("to number {number}").into_bytes()).collect();
        // The second takes nothing more, the third is shut down.
        while matches!((&pairs[1].0).write(&[0; 65_536]), Ok(1..)) {}
        pairs[2].0.shutdown(std::net::Shutdown::Write).unwrap();
        let mut results = Vec::new();
        // The last but one has no socket of its own.
        let sends = pairs.iter().zip(&texts).enumerate().map(|(number, ((server, _), text))| {
            ((number != 3).then(|| server.as_fd()), &text[..])
        });
        ring.send_all(sends, &mut results);
        let sent: Vec<_> =
            results.iter().map(|result| result.as_ref().map(|taken| taken.as_ref().ok())).collect();
        assert_eq!(sent, [Some(Some(&11)), Some(Some(&0)), Some(None), None, Some(Some(&11))]);
        for place in [0, 4] {
            let mut received = [0; 11];
            (&pairs[place].1).read_exact(&mut received).unwrap();
            assert_eq!(received, texts[place][..]);
        }
        ring.send_all(std::iter::empty(), &mut results);
        assert!(results.is_empty());
    }
}
