//! The processes of a development cluster: start, supervision, stop.

use super::folder::{Folder, LOG_FILE};
use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::fs::File;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Maximum time for a node to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// The end of a node's process.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: String,
    pid: u32,
    status: Option<ExitStatus>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {}) has ended", self.name, self.pid)?;
        self.status.map_or(Ok(()), |status| write!(f, ": {status}"))
    }
}

/// The process id of each node, at its start.
#[derive(Clone, Debug, Default)]
pub(super) struct Pids(Vec<(u64, u32)>);

impl Pids {
    /// The process id of a node.
    pub(super) fn of(&self, node_id: u64) -> Option<u32> {
        self.0.iter().find(|(id, _)| *id == node_id).map(|(_, pid)| *pid)
    }
}

/// The running processes. They are killed on drop.
#[derive(Debug)]
pub(super) struct Nodes {
    pids: Pids,
    tasks: JoinSet<Ended>,
    stop: CancellationToken,
}

impl Nodes {
    /// Starts one process per node.
    pub(super) fn start(folder: &Folder) -> anyhow::Result<Self> {
        let (mut pids, mut tasks, stop) = (Pids::default(), JoinSet::new(), CancellationToken::new());
        let threads = threads_each(folder.nodes.len());
        for node in &folder.nodes {
            let child = spawn(folder, &node.name, &threads)
                .with_context(|| format!("{} cannot be started", node.name))?;
            let pid = child.id().context("the process ended at once")?;
            pids.0.push((node.id, pid));
            tasks.spawn(watch(child, pid, node.name.clone(), stop.clone()));
        }
        Ok(Self { pids, tasks, stop })
    }

    /// The process ids.
    pub(super) fn pids(&self) -> &Pids {
        &self.pids
    }

    /// Waits until a process ends by itself.
    pub(super) async fn next_ended(&mut self) -> Ended {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => ended,
            // A task panicked or none is left: no end will be reported.
            _ => std::future::pending().await,
        }
    }

    /// Stops all processes; kills those that exceed [`STOP_TIMEOUT`].
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Worker threads per node if `nodes` of them share this machine: an equal share of the cores, at least one;
/// `TOKIO_WORKER_THREADS` overrides it.
fn threads_each(nodes: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = (cores / nodes.max(1)).max(1);
    std::env::var("TOKIO_WORKER_THREADS").unwrap_or_else(|_| each.to_string())
}

fn spawn(folder: &Folder, name: &str, threads: &str) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.of(name).join(LOG_FILE))?;
    let child = Command::new(&folder.program)
        .args(["server", "--config"])
        .arg(folder.settings_file(name))
        .args(["--die-with-parent", &std::process::id().to_string()])
        .env("TOKIO_WORKER_THREADS", threads)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C in the terminal goes to this process only, which then stops the nodes.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

async fn watch(mut child: Child, pid: u32, name: String, stop: CancellationToken) -> Ended {
    tokio::select! {
        status = child.wait() => return Ended { name, pid, status: status.ok() },
        () = stop.cancelled() => {}
    }
    // The process is not reaped yet, so its id cannot be reused.
    let signalled =
        i32::try_from(pid).ok().and_then(Pid::from_raw).map(|pid| kill_process(pid, Signal::TERM));
    let patience = if matches!(signalled, Some(Ok(()))) { STOP_TIMEOUT } else { Duration::ZERO };
    if tokio::time::timeout(patience, child.wait()).await.is_err() {
        // Fails only if it has ended meanwhile.
        let _ = child.start_kill();
    }
    let status = child.wait().await.ok();
    Ended { name, pid, status }
}
