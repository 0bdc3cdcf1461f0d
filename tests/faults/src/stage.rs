//! The state of a scenario: a running cluster under load, a random source, and the results.

use crate::cluster::Cluster;
use crate::load::Load;
use crate::network;
use crate::wait;
use anyhow::Context as _;
use rand::Rng as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A cluster under load, for fault injection.
#[derive(Debug)]
pub struct Stage {
    /// The clients.
    pub load: Load,
    /// The cluster.
    pub cluster: Cluster,
    /// The random source, from the seed.
    pub random: StdRng,
    /// The duration of fault injection.
    pub time: Duration,
    /// The number of injections.
    pub injected: u64,
    /// The measurements.
    pub notes: Vec<String>,
    /// The violations.
    pub violations: Vec<String>,
    /// The folder for files.
    pub folder: PathBuf,
}

impl Stage {
    /// Records a measurement.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Records a violation unless `good`.
    pub fn demand(&mut self, good: bool, what: impl FnOnce() -> String) {
        if !good {
            self.violations.push(what());
        }
    }

    /// Waits for a random time within the range, in milliseconds.
    pub async fn pause(&mut self, ms: Range<u64>) {
        let ms = self.random.random_range(ms);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// A random node.
    pub fn anyone(&mut self) -> usize {
        self.random.random_range(0..network::NODES)
    }

    /// A node that is not the leader.
    pub async fn follower(&mut self) -> anyhow::Result<usize> {
        let leader = self.cluster.leader().await?;
        let others = network::others(leader);
        Ok(others[self.random.random_range(0..others.len())])
    }

    /// Waits for this many more acknowledged changes; returns the duration.
    pub async fn writes_go_on(&self, more: u64, within: Duration) -> anyhow::Result<Duration> {
        let (began, goal) = (Instant::now(), self.load.acknowledged() + more);
        let what = format!("{more} more acknowledged writes");
        wait::until(&what, within, async || (self.load.acknowledged() >= goal).then_some(())).await?;
        Ok(began.elapsed())
    }

    /// Acknowledged writes per second, measured over this time.
    pub async fn rate(&self, time: Duration) -> f64 {
        let (began, before) = (Instant::now(), self.load.acknowledged());
        tokio::time::sleep(time).await;
        let done = self.load.acknowledged().saturating_sub(before);
        f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64()
    }

    /// Pauses the clients and waits until all nodes have applied everything.
    pub async fn calm(&mut self) -> anyhow::Result<()> {
        self.load.hold(true);
        let heads = self.cluster.heads(Duration::from_secs(20)).await;
        heads.context("the cluster does not come to rest").map(drop)
    }

    /// Writes a document of this size outside the clients' project; fails unless it is acknowledged.
    pub async fn write_beside(&self, at: usize, key: &str, bytes: usize) -> anyhow::Result<()> {
        let path = format!("{BESIDE}/environments/default/configs/{key}");
        let body = json!({ "content": { "text": "x".repeat(bytes) } });
        let header = Some(("If-None-Match", "*"));
        let (status, answer) = self.cluster.ask(at, Method::PUT, &path, header, Some(&body)).await?;
        anyhow::ensure!(status == 201, "{path}: {status} {answer}");
        Ok(())
    }

    /// Creates the project for documents that are not the clients'.
    pub async fn prepare_beside(&self) -> anyhow::Result<()> {
        let body = json!({ "name": BESIDE_NAME });
        let (status, answer) =
            self.cluster.ask(0, Method::POST, "/api/v1/projects", None, Some(&body)).await?;
        anyhow::ensure!(status == 201, "{status} {answer}");
        Ok(())
    }
}

const BESIDE_NAME: &str = "beside";
const BESIDE: &str = "/api/v1/projects/beside";
