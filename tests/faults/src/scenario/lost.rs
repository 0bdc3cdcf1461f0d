//! F15: a lost disk.

use crate::cluster::last_line;
use crate::network::NODES;
use crate::stage::Stage;
use crate::wait;
use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const MEMBERS: &str = "/api/v1/cluster/members";
const REPLACED_WITHIN: Duration = Duration::from_mins(1);

const REFUSED_WITHIN: Duration = Duration::from_secs(15);
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
const EXIT_FATAL: i32 = 70;
/// Number of starts with the empty disk.
const STARTS: usize = 3;

/// F15: a node starts under its old id with an empty disk. It must refuse each time, with code 70 and the
/// reason; the others continue.
///
/// Then the machine becomes a new member: the old id is removed and a new one is added, under load.
pub async fn empty(stage: &mut Stage) -> anyhow::Result<()> {
    let at = stage.anyone();
    let view = stage.cluster.view((at + 1) % NODES).await.context("the cluster is not shown")?;
    let url = stage.cluster.node(at).url();
    let members = view["members"].as_array().into_iter().flatten();
    let lost = members.clone().find(|one| one["api_url"] == url).context("the member is not shown")?.clone();
    stage.cluster.node(at).kill()?;
    let data = stage.cluster.node(at).data().to_owned();
    fs::remove_dir_all(&data)?;
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
    let took = replace(stage, at, &lost).await?;
    stage.note(format!("replaced in {:.1} s", took.as_secs_f64()));
    stage.writes_go_on(20, WRITTEN_WITHIN).await.context("with a new member")?;
    Ok(())
}

/// Removes the member and adds its machine under a new id; returns the duration.
async fn replace(stage: &Stage, at: usize, lost: &Value) -> anyhow::Result<Duration> {
    let (began, helper) = (Instant::now(), (at + 1) % NODES);
    let text = |field: &str| lost[field].as_str().unwrap_or_default().to_owned();
    let path = format!("{MEMBERS}/{}", text("id"));
    insist(stage, helper, Method::DELETE, &path, None, &[204, 404]).await?;
    let node = stage.cluster.node(at);
    let body = node.renew(&text("peer_addr"), &text("api_url")).await?;
    node.spawn()?;
    insist(stage, helper, Method::POST, MEMBERS, Some(&body), &[200, 201]).await?;
    stage.cluster.ready(at).await.context("as a new member")?;
    Ok(began.elapsed())
}

/// Retries until the response has one of these statuses.
async fn insist(
    stage: &Stage,
    at: usize,
    method: Method,
    path: &str,
    body: Option<&Value>,
    good: &[u16],
) -> anyhow::Result<()> {
    let mut last = String::new();
    let done = wait::within(REPLACED_WITHIN, async || {
        match stage.cluster.ask(at, method.clone(), path, None, body).await {
            Ok((status, _)) if good.contains(&status) => Some(()),
            answer => {
                last = format!("{answer:?}");
                None
            }
        }
    });
    done.await.with_context(|| format!("{method} {path}: {last}"))
}
