//! One server's process: started, stopped and started again on the same data, and what it holds in memory.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::cpu;

/// How long a server may take to stop.
const STOP_WITHIN: Duration = Duration::from_mins(3);
/// `5` makes the kernel count the peak of the resident memory anew (`proc_pid_clear_refs(5)`).
const RESET_PEAK: &str = "5";

/// How a server is started, and its process.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
    child: Child,
    pid: u32,
}

/// The memory of a process, in KB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub resident: u64,
    /// Without pages of files.
    pub anonymous: u64,
    /// Most that was resident since the last [`Server::reset_peak`].
    pub peak: u64,
}

/// How a server is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Stop,
    Kill,
}

impl Server {
    /// Starts the program; what it says goes into the file `log`.
    pub fn start(program: &Path, arguments: Vec<OsString>, log: PathBuf) -> Result<Self> {
        let (child, pid) = spawn(program, &arguments, &log)?;
        Ok(Self { program: program.to_owned(), arguments, log, child, pid })
    }

    /// The process that runs now.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the process.
    pub async fn end(&mut self, end: End) -> Result<()> {
        match end {
            // SIGTERM has no safe call in the standard library.
            End::Stop => {
                let signalled = Command::new("kill").arg(self.pid.to_string()).status().await?;
                ensure!(signalled.success(), "the server could not be told to stop");
            }
            End::Kill => self.child.start_kill()?,
        }
        timeout(STOP_WITHIN, self.child.wait()).await.context("the server did not stop")??;
        Ok(())
    }

    /// Starts the program again after [`Self::end`].
    pub fn start_again(&mut self) -> Result<()> {
        (self.child, self.pid) = spawn(&self.program, &self.arguments, &self.log)?;
        Ok(())
    }

    /// What the process holds in memory now.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&path).with_context(|| path.clone())?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            Ok(line
                .with_context(|| format!("no {name} in {path}"))?
                .trim()
                .trim_end_matches(" kB")
                .parse()?)
        };
        Ok(Memory { resident: field("VmRSS:")?, anonymous: field("RssAnon:")?, peak: field("VmHWM:")? })
    }

    /// Counts the peak from now on.
    pub fn reset_peak(&self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.pid), RESET_PEAK).context("reset the memory's peak")
    }

    /// Waits until the server has used next to no processor time for a second.
    pub async fn settle(&self, within: Duration) -> Result<()> {
        let settling = async {
            loop {
                let before = cpu::total_seconds(&[self.pid])?;
                tokio::time::sleep(Duration::from_secs(1)).await;
                if cpu::total_seconds(&[self.pid])? - before < 0.05 {
                    return anyhow::Ok(());
                }
            }
        };
        timeout(within, settling).await.context("the server does not come to rest")?
    }
}

fn spawn(program: &Path, arguments: &[OsString], log: &Path) -> Result<(Child, u32)> {
    let log = File::options().create(true).append(true).open(log)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    let pid = child.id().context("the server ended at once")?;
    Ok((child, pid))
}

/// Bytes of the files below a folder.
pub fn disk_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        // A file may go while it is looked at.
        let Ok(metadata) = entry.metadata() else { continue };
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
