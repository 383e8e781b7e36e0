//! Programs that do not outlive this one, however it ends: a server left behind would spoil the next measurement.
#![allow(unsafe_code)] // What happens between fork and exec is unsafe to write.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

/// Lets the system kill what `command` starts when the thread that starts it ends.
pub fn ends_with_this(command: &mut Command) -> &mut Command {
    let ask = || Ok(set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: between fork and exec only a system call is made; nothing is allocated and no lock is taken.
    unsafe { command.pre_exec(ask) }
}
