//! Fault injection in the flush system calls of a node, with strace.

use crate::wait;
use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

const CALLS: &str = "fdatasync,fsync,sync_file_range,msync";
const ATTACHED_WITHIN: Duration = Duration::from_secs(5);

/// The fault of every flush.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Fails with EIO.
    Error,
    /// Takes this much longer.
    Slow(Duration),
    /// Reports success without being performed.
    Lie,
}

impl Fault {
    fn arguments(self) -> Vec<String> {
        let what = match self {
            Self::Error => "error=EIO".to_owned(),
            Self::Slow(time) => format!("delay_enter={}", time.as_micros()),
            Self::Lie => "retval=0".to_owned(),
        };
        let fixed = ["-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned);
        let more = [format!("trace={CALLS}"), "-e".to_owned(), format!("inject={CALLS}:{what}")];
        fixed.into_iter().chain(more).collect()
    }
}

/// The command prefix that starts a command with a fault, with the same process id and parent.
pub fn under(fault: Fault) -> Vec<String> {
    let own = ["strace", "-D", "--seccomp-bpf"].map(str::to_owned);
    own.into_iter().chain(fault.arguments()).chain(["--".to_owned()]).collect()
}

/// A fault in a running process.
#[derive(Debug)]
pub struct Trace(Child);

impl Trace {
    /// Attaches to a process; returns once every thread is traced.
    pub async fn attach(fault: Fault, pid: u32) -> anyhow::Result<Self> {
        let mut command = Command::new("strace");
        command.args(fault.arguments()).arg("-p").arg(pid.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut trace = Self(command.spawn().context("strace cannot be started")?);
        let attached = wait::within(ATTACHED_WITHIN, async || {
            if all_traced(pid) {
                return Some(true);
            }
            matches!(trace.0.try_wait(), Ok(Some(_))).then_some(false)
        });
        match attached.await {
            Some(true) => Ok(trace),
            Some(false) => bail!("strace ended at once"),
            None => bail!("strace did not attach"),
        }
    }

    /// Detaches.
    pub async fn detach(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.0.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // It may have ended with the process.
            let _ = kill_process(pid, Signal::INT);
        }
        self.0.wait().await.context("strace cannot be waited for").map(drop)
    }
}

/// Whether every thread is traced or has ended.
fn all_traced(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n") || status.contains("State:\tZ")
    })
}
