//! `guardian dev`: a local cluster of real processes, for experiments.

mod banner;
mod client;
mod folder;
mod nodes;
mod ports;
mod record;

use crate::cli::DevArgs;
use crate::lifecycle::StopSignals;
use crate::out;
use anyhow::Context as _;
use client::Client;
use folder::Folder;
use nodes::{Nodes, Pids};
use std::time::Duration;

/// The first project.
pub const PROJECT: &str = "demo";
/// The default environment of every project.
pub const ENVIRONMENT: &str = "default";
/// Timeout of the start of the cluster.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Runs until a signal. The runtime is single-threaded: the nodes get a signal when the thread that started
/// them ends, so this must be the main thread.
pub fn run(args: &DevArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread")?;
    runtime.block_on(run_cluster(args))
}

async fn run_cluster(args: &DevArgs) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen().context("signals cannot be received")?;
    let folder = Folder::open(args)?;
    let mut nodes = Nodes::start(&folder)?;
    let pids = nodes.pids().clone();
    let started = tokio::select! {
        started = tokio::time::timeout(READY_TIMEOUT, make_ready(&folder, &pids)) => {
            started.unwrap_or_else(|_| Err(anyhow::anyhow!("the cluster was not ready in {READY_TIMEOUT:?}")))
        }
        ended = nodes.next_ended() => Err(anyhow::anyhow!("{ended}\n{}", folder.last_lines(&ended.name))),
        () = signals.next() => {
            nodes.stop().await;
            return Ok(());
        }
    };
    match started {
        Ok(text) => out::say(text),
        Err(error) => {
            nodes.stop().await;
            return Err(error.context(format!("the logs are in {}/node*/log.txt", folder.dir.display())));
        }
    }
    loop {
        tokio::select! {
            ended = nodes.next_ended() => {
                out::say(format_args!(
                    "{ended}. The last lines of its log:\n{}\nIt is not restarted, so that you can watch; bring it \
                     back in another terminal:\n  {}",
                    folder.last_lines(&ended.name),
                    folder.command(&ended.name)
                ));
            }
            () = signals.next() => break,
        }
    }
    out::say("Stopping the nodes…");
    nodes.stop().await;
    record::remove(&folder.dir)?;
    out::say(format_args!(
        "Stopped. The data is kept in {dir}; `guardian dev --data-dir {dir}` goes on with it.",
        dir = folder.dir.display()
    ));
    Ok(())
}

/// Waits for every node, creates the first project, writes the record and composes the banner.
async fn make_ready(folder: &Folder, pids: &Pids) -> anyhow::Result<String> {
    let client = Client::new(&folder.admin_key)?;
    for node in &folder.nodes {
        client.wait_until_ready(&node.url).await;
    }
    let url = &folder.nodes[0].url;
    client.ensure_project(url, PROJECT).await?;
    if let Some(admin) = &folder.admin {
        client.ensure_admin(url, admin).await?;
    }
    let leader = client.leader_id(url).await?;
    let demo = client.demo_state(url).await?;
    record::write(folder, pids)?;
    banner::text(folder, pids, &leader, demo)
}
