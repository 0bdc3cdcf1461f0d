//! F9, F10 and F11: failing, slow and full disks.

use crate::stage::Stage;
use crate::trace::{Fault, Trace};
use crate::wait;
use anyhow::Context as _;
use rand::Rng as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The exit code after a fatal error.
const EXIT_FATAL: i32 = 70;
/// Maximum time until a node ends after its disk failed: about a second, and the overhead of strace.
const ENDED_WITHIN: Duration = Duration::from_secs(3);
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const SLOW: Duration = Duration::from_millis(200);
/// Maximum time until a node notices that its disk is full.
const FULL_NOTICED_WITHIN: Duration = Duration::from_secs(30);
/// The node with the small disk.
pub const SMALL: usize = 2;

/// The node with the bad disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Who {
    /// The leader.
    Leader,
    /// A follower.
    Follower,
}

async fn place(stage: &mut Stage, who: Who) -> anyhow::Result<usize> {
    match who {
        Who::Leader => stage.cluster.leader().await,
        Who::Follower => stage.follower().await,
    }
}

/// F9: from some moment every flush of the node fails with EIO. The node must end with code 70. Its power is
/// cut too, so that unflushed data is really lost, and it is restarted.
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

/// F10: every flush of the node takes 200 ms longer. Nothing may fail; the throughput is noted. strace
/// intercepts every system call, which alone reduces the throughput.
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

/// F11: the disk of one node fills up under load.
///
/// - The cluster refuses changes that increase disk use with 507 `disk_full`, and serves reads and deletions.
/// - The node keeps running, is ready, and starts with the full disk.
/// - When space is freed, everything recovers without intervention.
///
/// Whichever of log, snapshot and database next needs a block hits the end of the disk; some bytes are left
/// free at random.
pub async fn full(stage: &mut Stage) -> anyhow::Result<()> {
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || began.elapsed() < stage.time {
        rounds += 1;
        let key = format!("full-{rounds}");
        stage.write_beside(0, &key, 1000).await?;
        let free = stage.random.random_range(0..96) * 1024;
        stage.cluster.disk(SMALL)?.fill(free)?;
        stage.injected += 1;
        wait::until("changes are refused", FULL_NOTICED_WITHIN, async || {
            let (status, answer) = grow(stage, &key).await?;
            (status == 507 && answer["code"] == "disk_full").then_some(())
        })
        .await?;
        if rounds % 2 == 0 {
            stage.cluster.node(SMALL).kill()?;
            stage.cluster.restart(SMALL).await.context("on a full disk")?;
            wait::until("a node started on a full disk says so", FULL_NOTICED_WITHIN, async || {
                grow(stage, &key).await.filter(|(status, _)| *status == 507).map(drop)
            })
            .await?;
        }
        serves_all_the_same(stage, &key).await?;
        stage.cluster.disk(SMALL)?.relieve().await?;
        stage.writes_go_on(10, WRITTEN_WITHIN).await.context("when there is space again")?;
        stage.cluster.ready(SMALL).await.context("when there is space again")?;
    }
    let said = stage.cluster.node(SMALL).log_text().contains("disk_full");
    stage.demand(said, || "the node's log does not say that its disk is full".to_owned());
    stage.note(format!("{rounds} times full; the node never ended"));
    Ok(())
}

fn beside(key: &str) -> String {
    format!("/api/v1/projects/beside/environments/default/configs/{key}")
}

/// Attempts to write a document at a node with a healthy disk.
async fn grow(stage: &Stage, key: &str) -> Option<(u16, Value)> {
    let body = json!({ "content": { "text": "x".repeat(1000) } });
    let any = Some(("If-Match", "*"));
    stage.cluster.ask(0, Method::PUT, &beside(key), any, Some(&body)).await.ok()
}

/// Checks that a node with a full disk is up and ready, reports the problem, and serves reads and deletions.
async fn serves_all_the_same(stage: &mut Stage, key: &str) -> anyhow::Result<()> {
    let ended = stage.cluster.node(SMALL).ended();
    stage.demand(ended.is_none(), || format!("with a full disk the node ended: {ended:?}"));
    let (status, ready) = stage.cluster.ask(SMALL, Method::GET, "/readyz", None, None).await?;
    let checks = ready["checks"].as_array().cloned().unwrap_or_default();
    let alarm = checks.iter().any(|check| check["name"] == "disk" && check["ok"] == false);
    stage.demand(status == 200 && alarm, || format!("a node with a full disk says {status} {ready}"));
    let path = beside(key);
    let (status, _) = stage.cluster.ask(SMALL, Method::GET, &path, None, None).await?;
    stage.demand(status == 200, || format!("reading on a full disk: {status}"));
    let any = Some(("If-Match", "*"));
    let (status, answer) = stage.cluster.ask(SMALL, Method::DELETE, &path, any, None).await?;
    stage.demand(status == 200 || status == 204, || format!("deleting on a full disk: {status} {answer}"));
    Ok(())
}
