//! Termination together with the parent process: `guardian dev` must not leave nodes behind, even when it is
//! killed.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::io;

/// Requests SIGTERM from the kernel when the parent ends. Fails if the parent has already ended.
pub(crate) fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() == Pid::from_raw(parent) {
        Ok(())
    } else {
        Err(io::Error::other(format!("the parent process {parent} is gone")))
    }
}
