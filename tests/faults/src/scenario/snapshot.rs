//! F19 and a part of F14: interrupted and damaged snapshots.

use crate::network::others;
use crate::node::Node;
use crate::stage::Stage;
use crate::wait;
use anyhow::Context as _;
use rand::Rng as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Log entries between two snapshots: few, so that there are many snapshots.
pub const EVERY: u64 = 60;
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);
/// The number of documents that make a snapshot large enough to be interrupted, and their size.
const DOCUMENTS: usize = 240;
const DOCUMENT_BYTES: usize = 100_000;
const WRITERS: usize = 4;
/// Maximum time until a started node is sent a snapshot.
const BEGUN_WITHIN: Duration = Duration::from_secs(8);
const KILLS_MIN: usize = 4;
/// How long a node is observed that is repeatedly sent a damaged snapshot.
const WATCHED: Duration = Duration::from_secs(4);
/// The log text of a node that installed a snapshot.
const INSTALLED: &str = "a snapshot of the leader replaced";

/// F19: a node that needs a snapshot is killed while it receives or installs it, or its sender is. In the end
/// it catches up, and no partial snapshot is left.
pub async fn broken_off(stage: &mut Stage) -> anyhow::Result<()> {
    let away = stage.follower().await?;
    stage.cluster.node(away).kill()?;
    fill(stage, others(away)[0]).await?;
    let (began, mut caught) = (Instant::now(), 0);
    for round in 0.. {
        if round >= KILLS_MIN && began.elapsed() >= stage.time {
            break;
        }
        stage.cluster.node(away).spawn()?;
        let incoming = stage.cluster.node(away).data().join("incoming");
        if wait::within(BEGUN_WITHIN, async || half(&incoming).then_some(())).await.is_some() {
            caught += 1;
        }
        stage.pause(0..400).await;
        if round % 4 == 3 {
            let leader = stage.cluster.leader().await?;
            if leader != away {
                stage.cluster.node(leader).kill()?;
                stage.injected += 1;
                stage.pause(0..500).await;
                stage.cluster.restart(leader).await.context("the sender")?;
            }
        }
        stage.cluster.node(away).kill()?;
        stage.injected += 1;
        stage.writes_go_on(EVERY / 2, WRITTEN_WITHIN).await.context("beside a broken-off snapshot")?;
    }
    stage.cluster.restart(away).await?;
    stage.calm().await.context("the node catches up")?;
    stage.load.hold(false);
    let installed = installs(stage.cluster.node(away));
    let left = half(&stage.cluster.node(away).data().join("incoming"));
    stage.demand(!left, || "half a snapshot is left in incoming".to_owned());
    stage.demand(caught > 0, || "no snapshot was on its way when the node was killed".to_owned());
    stage.note(format!("{caught} snapshots on their way at the kill; {installed} installed in the end"));
    Ok(())
}

/// Writes many large documents, in addition to those of the clients.
async fn fill(stage: &Stage, at: usize) -> anyhow::Result<()> {
    let write = async |writer: usize| {
        for n in (writer..DOCUMENTS).step_by(WRITERS) {
            let key = format!("large.{n}");
            wait::until("a large document is written", WRITTEN_WITHIN, async || {
                stage.write_beside(at, &key, DOCUMENT_BYTES).await.is_ok().then_some(())
            })
            .await?;
        }
        anyhow::Ok(())
    };
    futures::future::try_join_all((0..WRITERS).map(write)).await.map(drop)
}

fn half(incoming: &Path) -> bool {
    fs::read_dir(incoming).into_iter().flatten().flatten().any(|entry| entry.path().is_file())
}

/// The number of snapshots that a node has installed.
fn installs(node: &Node) -> usize {
    node.log_text().lines().filter(|line| line.contains(INSTALLED)).count()
}

fn current(node: &Node) -> PathBuf {
    node.data().join("snapshots").join("current.snap")
}

/// F14: one bit of a snapshot is flipped: of the leader's, just before a node needs it, or of a stopped
/// node's own. No node installs it, and the next snapshot replaces it.
///
/// The reference requires that the node with the damaged file ends. In Guardian the receiver verifies a
/// snapshot before it installs it and returns an error to the sender, so no node ends: the receiver stays
/// behind until the sender makes its next snapshot. A node does not read its own snapshot when it starts.
pub async fn flipped(stage: &mut Stage) -> anyhow::Result<()> {
    stage.writes_go_on(3 * EVERY, WRITTEN_WITHIN).await?;
    let began = Instant::now();
    for round in 0.. {
        if round >= 2 && began.elapsed() >= stage.time {
            break;
        }
        if round % 2 == 0 { sent(stage).await? } else { own(stage).await? }
    }
    Ok(())
}

async fn sent(stage: &mut Stage) -> anyhow::Result<()> {
    let away = stage.follower().await?;
    stage.cluster.node(away).kill()?;
    stage.writes_go_on(4 * EVERY, WRITTEN_WITHIN).await?;
    // Without writes the leader makes no new snapshot.
    stage.load.hold(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let leader = stage.cluster.leader().await?;
    let file = current(stage.cluster.node(leader));
    flip(stage, &file)?;
    let installed = installs(stage.cluster.node(away));
    stage.cluster.node(away).spawn()?;
    tokio::time::sleep(WATCHED).await;
    let node = stage.cluster.node(away);
    let (taken, said) =
        (installs(node) > installed, node.log_text() + &stage.cluster.node(leader).log_text());
    let ready = stage.cluster.is_ready(away).await;
    stage.demand(!taken, || "a damaged snapshot was installed".to_owned());
    let named = if said.contains("is damaged") { "named in a log" } else { "named in no log" };
    stage.note(format!("refused, {named}, the node behind says ready: {ready}"));
    stage.load.hold(false);
    stage.writes_go_on(4 * EVERY, WRITTEN_WITHIN).await.context("beside a damaged snapshot")?;
    stage.cluster.ready(away).await.context("after a damaged snapshot")
}

async fn own(stage: &mut Stage) -> anyhow::Result<()> {
    let at = stage.anyone();
    stage.cluster.node(at).kill()?;
    let file = current(stage.cluster.node(at));
    flip(stage, &file)?;
    stage.cluster.node(at).spawn()?;
    let started = stage.cluster.ready(at).await;
    if started.is_err() && stage.cluster.node(at).ended().is_some() {
        stage.cluster.node(at).exited(Duration::from_secs(1)).await?;
        let said = crate::cluster::last_line(stage.cluster.node(at));
        let named = said.contains("is damaged") && said.contains("current.snap");
        stage.demand(named, || format!("a node with a damaged snapshot says only: {said}"));
        stage.note("a node with a damaged snapshot of its own did not start");
        // Permitted by the manual while the node is stopped.
        fs::remove_file(&file)?;
        stage.cluster.restart(at).await?;
    }
    stage.writes_go_on(3 * EVERY, WRITTEN_WITHIN).await.map(drop)
}

fn flip(stage: &mut Stage, path: &Path) -> anyhow::Result<()> {
    let mut bytes = fs::read(path).with_context(|| format!("{} is not there", path.display()))?;
    let at = stage.random.random_range(0..bytes.len());
    bytes[at] ^= 1 << stage.random.random_range(0..8);
    stage.injected += 1;
    Ok(fs::write(path, bytes)?)
}
