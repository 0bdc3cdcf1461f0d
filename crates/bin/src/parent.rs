//! Ending together with the process that started this one: `guardian dev` must not leave nodes behind,
//! not even when it is killed.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io;

/// Asks the kernel for SIGTERM when the parent ends. Fails when it already has.
pub(crate) fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() == Pid::from_raw(parent) {
        Ok(())
    } else {
        Err(io::Error::other(format!("the parent process {parent} is gone")))
    }
}
