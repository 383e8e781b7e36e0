//! CPU time of the calling thread.

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread so far, ns, the kernel's part included.
#[must_use]
pub fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
