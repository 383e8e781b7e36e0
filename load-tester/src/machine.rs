//! What the system says of this machine and of processes: limits, CPU time, memory. Reads only; the one thing it
//! changes is this process's own soft limit of open files, up to the hard one.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The machine that a result was had on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Kernel and its release.
    pub kernel: String,
    /// Model name of the first processor.
    pub processor: String,
    /// Processors that this process may use.
    pub cpus: usize,
    /// Memory, KiB.
    pub memory_kib: u64,
    /// A hash of the host's name: tells machines apart without naming them.
    pub hostname_hash: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        let field = |text: String, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        };
        Self {
            kernel: format!("{} {}", std::env::consts::OS, release.trim()),
            processor: field(read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_kib: field(read("/proc/meminfo"), "MemTotal").map_or(0, |text| kib(&text)),
            hostname_hash: name_hash(read("/proc/sys/kernel/hostname").trim()),
        }
    }
}

/// Sixteen hexadecimal digits that stand for `name`, the same in every release (FNV-1a, 64 bits).
fn name_hash(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// `123 kB` as it stands in `/proc`.
fn kib(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// CPU time of this process so far, user and system.
#[must_use]
pub fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long threads of this process whose names begin with `prefix` have been ready to run without a processor, so far;
/// zero where the kernel does not say (`/proc/PID/task/TID/schedstat`).
#[must_use]
pub fn waited(prefix: &str) -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let of = |task: fs::DirEntry| {
        let read = |name: &str| fs::read_to_string(task.path().join(name)).ok();
        read("comm").filter(|name| name.starts_with(prefix))?;
        read("schedstat")?.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    tasks.filter_map(Result::ok).filter_map(of).sum()
}

/// Raises the soft limit of open files to `wanted` where the hard limit allows it. Returns the limit.
#[must_use]
pub fn allow_files(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current.unwrap_or(u64::MAX);
    if now >= wanted {
        return now;
    }
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => now,
    }
}

/// What another process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUse {
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Resident memory, KiB.
    pub rss_kib: u64,
}

/// What process `pid` has used; `None` if there is none. The time is the process's own clock (`clock_getcpuclockid(3)`), to the
/// nanosecond and with its ended threads: `/proc/PID/stat` counts in hundredths of a second.
#[must_use]
pub fn process_use(pid: u32) -> Option<ProcessUse> {
    let pid = i32::try_from(pid).ok()?;
    let clock = nix::time::clock_getcpuclockid(nix::unistd::Pid::from_raw(pid)).ok()?;
    let cpu = Duration::from(nix::time::clock_gettime(clock).ok()?);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(ProcessUse { cpu, rss_kib: kib(rss) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_how_long_threads_have_waited() {
        let waiting = std::thread::Builder::new().name("waiter-0".to_owned());
        let waited = waiting.spawn(|| waited("waiter-")).unwrap().join().unwrap();
        assert!(waited < Duration::from_secs(60));
        assert_eq!(super::waited("no such thread"), Duration::ZERO);
    }

    #[test]
    fn hashes_a_name_as_published() {
        assert_eq!(name_hash(""), "cbf29ce484222325");
        assert_eq!(name_hash("foobar"), "85944171f73967e8");
    }

    #[test]
    fn sees_itself() {
        let own = process_use(std::process::id()).unwrap();
        assert!(own.rss_kib > 0);
        assert!(process_use(u32::MAX).is_none());
        assert!(Machine::this().cpus > 0);
    }
}
