//! F12 and P1: power cuts, with correct disks and with disks that ignore flushes.

use crate::network::NODES;
use crate::stage::Stage;
use crate::trace::{Fault, under};
use anyhow::Context as _;
use rand::seq::SliceRandom as _;
use rustix::process::Signal;
use std::time::{Duration, Instant};

const WRITTEN_WITHIN: Duration = Duration::from_secs(15);
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// Writes between two cuts.
const BETWEEN: u64 = 20;
/// Writes on disks that ignore flushes, all of which are lost.
const LIED: u64 = 100;

/// F12: `count` nodes lose power at once, under load; everything unflushed is lost.
pub async fn cut(stage: &mut Stage, count: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    for round in 0.. {
        if round >= 2 && began.elapsed() >= stage.time {
            break;
        }
        let mut victims: Vec<usize> = (0..NODES).collect();
        victims.shuffle(&mut stage.random);
        if round == 0 {
            let leader = stage.cluster.leader().await?;
            victims.sort_by_key(|at| *at != leader);
        }
        victims.truncate(count);
        power_off(stage, &victims).await?;
        stage.pause(0..300).await;
        for at in &victims {
            stage.cluster.node(*at).spawn()?;
        }
        for at in 0..NODES {
            stage.cluster.ready(at).await.context("after a power cut")?;
        }
        stage.writes_go_on(BETWEEN, WRITTEN_WITHIN).await.context("after a power cut")?;
    }
    Ok(())
}

async fn power_off(stage: &mut Stage, victims: &[usize]) -> anyhow::Result<()> {
    for at in victims {
        stage.cluster.node(*at).kill()?;
    }
    for at in victims {
        stage.cluster.disk(*at)?.cut_power().await?;
        stage.injected += 1;
    }
    Ok(())
}

/// P1: every flush of every node reports success without being performed, and then all nodes lose power. The
/// writes since then are lost, and the checker must report them: a control of the whole harness.
pub async fn lying(stage: &mut Stage) -> anyhow::Result<()> {
    for at in 0..NODES {
        stage.cluster.node(at).signal(Signal::TERM)?;
        let status = stage.cluster.node(at).exited(STOPPED_WITHIN).await?;
        anyhow::ensure!(status.success(), "a clean stop ends with 0, not {status}");
        stage.cluster.node(at).spawn_under(&under(Fault::Lie), &[])?;
        stage.cluster.ready(at).await.context("under strace")?;
    }
    stage.writes_go_on(LIED, WRITTEN_WITHIN * 2).await.context("on disks that lie")?;
    power_off(stage, &[0, 1, 2]).await?;
    for at in 0..NODES {
        stage.cluster.node(at).spawn()?;
    }
    for at in 0..NODES {
        stage.cluster.ready(at).await.context("after disks that lied")?;
    }
    Ok(())
}
