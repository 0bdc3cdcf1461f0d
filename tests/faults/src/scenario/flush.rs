//! F9, F10 and F11: disks that fail, are slow, or are full.

use crate::stage::Stage;
use crate::trace::{Fault, Trace};
use crate::wait;
use anyhow::Context as _;
use rand::Rng as _;
use std::time::{Duration, Instant};

/// What the process says when it must not go on.
const EXIT_FATAL: i32 = 70;
/// How long a node may go on after its disk failed: about a second, and what strace costs.
const ENDED_WITHIN: Duration = Duration::from_secs(3);
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const SLOW: Duration = Duration::from_millis(200);
/// How long a node may take to notice that its disk is full.
const FULL_NOTICED_WITHIN: Duration = Duration::from_secs(30);
/// The node whose disk is small.
pub const SMALL: usize = 2;

/// Who has the bad disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    /// The leader.
    Leader,
    /// One of the others.
    Follower,
}

async fn place(stage: &mut Stage, who: Who) -> anyhow::Result<usize> {
    match who {
        Who::Leader => stage.cluster.leader().await,
        Who::Follower => stage.follower().await,
    }
}

/// F9: from one moment on every flush of the node fails with EIO. It ends with code 70; then its power
/// is cut too, so that what it could not flush is really gone, and it is started again.
pub async fn failing(stage: &mut Stage, who: Who) -> anyhow::Result<()> {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        let at = place(stage, who).await?;
        let node = stage.cluster.node(at);
        let attached = Instant::now();
        let failing = Trace::attach(Fault::Error, node.pid()?).await?;
        let status = node.exited(ENDED_WITHIN).await.context("with a failing disk")?;
        drop(failing);
        longest = longest.max(attached.elapsed());
        stage.injected += 1;
        stage.demand(status.code() == Some(EXIT_FATAL), || {
            format!("the node ended with {status}, not {EXIT_FATAL}")
        });
        let said = stage.cluster.node(at).log_text().contains("Input/output error");
        stage.demand(said, || "the node's log does not name the error".to_owned());
        stage.writes_go_on(10, WRITTEN_WITHIN).await.context("beside a failed disk")?;
        stage.cluster.disk(at)?.cut_power().await?;
        stage.cluster.restart(at).await?;
        if began.elapsed() >= stage.time / 2 {
            break;
        }
    }
    stage.note(format!("ended {:.2} s after strace was started, at most", longest.as_secs_f64()));
    Ok(())
}

/// F10: every flush of the node takes 200 ms longer. Nothing must break; how much slower it gets is
/// noted. strace stops every call of the process, which alone takes a part of the throughput.
pub async fn slow(stage: &mut Stage, who: Who) -> anyhow::Result<()> {
    let usual = stage.rate(Duration::from_secs(3)).await;
    let before = stage.cluster.term().await;
    let at = place(stage, who).await?;
    let slow = Trace::attach(Fault::Slow(SLOW), stage.cluster.node(at).pid()?).await?;
    stage.injected += 1;
    let (count, sum) = stage.cluster.flushes(at).await?;
    let slowed = stage.rate(stage.time / 2).await;
    let (count_after, sum_after) = stage.cluster.flushes(at).await?;
    slow.detach().await?;
    let mean = (sum_after - sum) / (count_after - count).max(1.0);
    stage.demand(mean >= SLOW.as_secs_f64(), || format!("a flush took {mean:.3} s: the fault is not there"));
    let terms = stage.cluster.term().await.saturating_sub(before);
    stage.demand(slowed > 0.0, || "nothing was written".to_owned());
    let part = 100.0 * slowed / usual;
    stage.note(format!("{part:.0} % of the writes, {terms} terms, a flush took {mean:.2} s"));
    Ok(())
}

/// F11: the disk of one node fills up under load. The node ends with code 70 or says that it is not
/// ready, starts no better while the disk is full, and is well again when there is space.
///
/// The reference speaks of log, snapshot and database: whichever asks first for a block meets the end
/// of the disk, so chance decides, with some bytes left free.
pub async fn full(stage: &mut Stage) -> anyhow::Result<()> {
    let began = Instant::now();
    let (mut ended, mut rounds) = (0, 0);
    while rounds == 0 || began.elapsed() < stage.time {
        rounds += 1;
        let free = stage.random.random_range(0..96) * 1024;
        stage.cluster.disk(SMALL)?.fill(free)?;
        stage.injected += 1;
        let node = stage.cluster.node(SMALL);
        let noticed = wait::until("a full disk is noticed", FULL_NOTICED_WITHIN, async || {
            (node.ended().is_some() || !stage.cluster.is_ready(SMALL).await).then_some(())
        });
        noticed.await?;
        // It says that it is not ready also while it ends.
        let status = node.exited(Duration::from_secs(1)).await.ok();
        let has_ended = status.is_some();
        if let Some(status) = status {
            ended += 1;
            let good = status.code() == Some(EXIT_FATAL);
            stage.demand(good, || format!("with a full disk the node ended with {status}, not {EXIT_FATAL}"));
            let again = start_full(stage).await?;
            stage.demand(again, || "a node got ready on a full disk, or broke".to_owned());
        }
        stage.writes_go_on(10, WRITTEN_WITHIN).await.context("beside a full disk")?;
        stage.cluster.disk(SMALL)?.relieve().await?;
        if has_ended {
            stage.cluster.node(SMALL).spawn()?;
        }
        stage.cluster.ready(SMALL).await.context("when there is space again")?;
    }
    let said = stage.cluster.node(SMALL).log_text().contains("No space left");
    stage.demand(said || ended == 0, || "the node's log does not say that there is no space".to_owned());
    stage.note(format!("{ended} of {rounds} times the node ended"));
    Ok(())
}

/// Starting on a full disk: it ends again, without harm, or runs for a while. Down afterwards.
async fn start_full(stage: &Stage) -> anyhow::Result<bool> {
    let node = stage.cluster.node(SMALL);
    node.spawn()?;
    match node.exited(ENDED_WITHIN).await {
        Ok(status) => Ok(status.code().is_some_and(|code| code != 0 && code != 101)),
        Err(_) => node.kill().map(|()| true),
    }
}
