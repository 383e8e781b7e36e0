//! Processor time of processes, and which processors they may use.
//! The clock of a process (`clock_getcpuclockid`) counts ns; `/proc`'s ticks of 10 ms are too coarse for windows of seconds.
#![allow(unsafe_code)] // Two calls of the C library that no safe crate here has.

use std::io;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

/// User and system time of all threads that the process `pid` has and had.
///
/// # Errors
/// There is no such process.
pub fn process(pid: u32) -> io::Result<Duration> {
    let mut clock = 0;
    // SAFETY: writes to a local of the right type.
    let status = unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as above.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// That of this process.
///
/// # Errors
/// None that the system documents.
pub fn own() -> io::Result<Duration> {
    process(std::process::id())
}

/// The process and everything it has started that still runs.
#[must_use]
pub fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        at += 1;
        let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let children = std::fs::read_to_string(thread.path().join("children"));
            let children = children.unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    family
}

/// Restricts this thread, and what it starts from now on, to one processor.
///
/// # Errors
/// There is no such processor, or it is not ours.
pub fn pin(processor: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_what_is_burnt_here() {
        let before = own().unwrap();
        let mut sum = 0u64;
        while own().unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
        assert!(process(1 << 27).is_err());
    }

    #[test]
    fn children_belong_to_the_family() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = family(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.contains(&child.id()));
    }
}
