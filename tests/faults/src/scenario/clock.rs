//! F17: wrong and jumping clocks.

use crate::network::NODES;
use crate::stage::Stage;
use crate::tool::FAKETIME;
use anyhow::Context as _;
use rand::Rng as _;
use reqwest::Method;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
/// Certificates are valid from one hour before their creation; a node with a clock further behind would
/// rightly refuse them.
const OFFSETS: std::ops::RangeInclusive<i64> = -3300..=3600;
/// Interval of the jumps of a running node's clock, in milliseconds.
const STROBE_MS: std::ops::Range<u64> = 200..900;
const STROBE_SECONDS: i64 = 288;

/// F17: each node starts with a clock that is up to an hour wrong; then all clocks jump under load. Only the
/// wall clock: libfaketime does not change the monotonic clock here.
pub async fn wrong(stage: &mut Stage) -> anyhow::Result<()> {
    let began = Instant::now();
    let (mut round, mut newest) = (0, String::new());
    while round < NODES || began.elapsed() < stage.time {
        let at = round % NODES;
        stage.cluster.node(at).kill()?;
        let offset = stage.random.random_range(OFFSETS);
        set(stage, at, offset)?;
        start(stage, at).await.with_context(|| format!("with a clock {offset} s off"))?;
        stage.injected += 1;
        if round < NODES {
            proves(stage, at, offset).await?;
        }
        for _ in 0..4 {
            let at = stage.anyone();
            let jump = if stage.random.random_bool(0.5) { STROBE_SECONDS } else { -STROBE_SECONDS };
            set(stage, at, jump)?;
            stage.injected += 1;
            stage.pause(STROBE_MS).await;
        }
        stage.writes_go_on(10, WRITTEN_WITHIN).await.context("with wrong clocks")?;
        // RFC 3339 in UTC, so that texts sort like times.
        let stamped = stamp(stage, at, round).await?;
        stage.demand(stamped >= newest, || format!("a change is of {stamped}, one before it of {newest}"));
        newest = stamped.max(newest);
        round += 1;
    }
    // Correct the clocks before the checks.
    for at in 0..NODES {
        stage.cluster.node(at).kill()?;
        stage.cluster.restart(at).await?;
    }
    Ok(())
}

fn file(stage: &Stage, at: usize) -> PathBuf {
    stage.folder.join(format!("clock-{at}"))
}

fn set(stage: &Stage, at: usize, offset: i64) -> anyhow::Result<()> {
    let (file, fresh) = (file(stage, at), stage.folder.join("clock.new"));
    fs::write(&fresh, format!("{offset:+}s\n"))?;
    Ok(fs::rename(fresh, file)?)
}

async fn start(stage: &Stage, at: usize) -> anyhow::Result<()> {
    let env = [
        ("LD_PRELOAD", FAKETIME.to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", file(stage, at).to_string_lossy().into_owned()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    stage.cluster.node(at).spawn_under(&[], &env)?;
    stage.cluster.ready(at).await
}

/// Verifies the injection: the `Date` header of the node's responses is as wrong as its clock. The timestamps
/// of changes prove nothing, because the leader sets them.
async fn proves(stage: &mut Stage, at: usize, offset: i64) -> anyhow::Result<()> {
    let url = format!("{}/livez", stage.cluster.node(at).url());
    let answer = stage.cluster.http().get(url).send().await?;
    let told = answer.headers().get("date").context("an answer without a date")?.to_str()?.to_owned();
    let shown = seconds(&told).await?;
    let now = seconds("now").await?;
    anyhow::ensure!((shown - now - offset).abs() < 30, "the clock is not {offset} s off: {told}");
    Ok(())
}

/// The timestamp of a change through this node, set by its leader.
async fn stamp(stage: &Stage, at: usize, round: usize) -> anyhow::Result<String> {
    let path = format!("/api/v1/projects/beside/environments/default/configs/clock.{round}");
    let (body, header) = (json!({ "content": { "round": round } }), Some(("If-None-Match", "*")));
    let (status, answer) = stage.cluster.ask(at, Method::PUT, &path, header, Some(&body)).await?;
    anyhow::ensure!(status == 201, "{status} {answer}");
    Ok(answer["updated_at"].as_str().context("a change without a time")?.to_owned())
}

async fn seconds(date: &str) -> anyhow::Result<i64> {
    Ok(crate::shell::run("date", &["-d", date, "+%s"]).await?.trim().parse()?)
}
