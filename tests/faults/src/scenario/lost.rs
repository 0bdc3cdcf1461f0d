//! F15: a disk that is gone.

use crate::cluster::last_line;
use crate::stage::Stage;
use anyhow::Context as _;
use std::fs;
use std::time::Duration;

const REFUSED_WITHIN: Duration = Duration::from_secs(15);
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const EXIT_FATAL: i32 = 70;
/// How often the node is started on its empty disk.
const STARTS: usize = 3;

/// F15: a node comes back under its old id with an empty disk. It is refused, each time, with code 70
/// and the reason; the others go on.
///
/// The reference asks for the node to be replaced. Guardian cannot replace members yet, so the disk is
/// found again in the end.
pub async fn empty(stage: &mut Stage) -> anyhow::Result<()> {
    let at = stage.anyone();
    stage.cluster.node(at).kill()?;
    let data = stage.cluster.node(at).data().to_owned();
    let aside = data.with_extension("aside");
    fs::rename(&data, &aside)?;
    for _ in 0..STARTS {
        let node = stage.cluster.node(at);
        node.spawn()?;
        let status = node.exited(REFUSED_WITHIN).await.context("an empty disk was taken")?;
        let said = last_line(node);
        stage.injected += 1;
        let good = status.code() == Some(EXIT_FATAL) && said.contains("data folder is new");
        stage.demand(good, || format!("an empty disk: {status}, and only: {said}"));
        stage.writes_go_on(20, WRITTEN_WITHIN).await.context("beside a lost disk")?;
    }
    fs::remove_dir_all(&data)?;
    fs::rename(&aside, &data)?;
    stage.cluster.restart(at).await.context("with its own disk again")?;
    stage.note("replacing a member is not there yet");
    Ok(())
}
