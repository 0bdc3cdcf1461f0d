//! The checks after everything is healed.

use crate::cluster::last_line;
use crate::network::NODES;
use crate::stage::Stage;
use crate::wait;
use proof::{Rule, Truth};
use std::time::{Duration, Instant};

/// Maximum time until a healed cluster accepts writes and all nodes are ready.
const HEALED_WITHIN: Duration = Duration::from_secs(10);
const AGREED_WITHIN: Duration = Duration::from_secs(20);
const PANIC: &str = "panicked at";

/// The result of the checker.
#[derive(Debug, Default)]
pub struct Checked {
    /// The cluster's account; `None` if it could not be read.
    pub truth: Option<Truth>,
    /// The number of lost acknowledged writes.
    pub lost: usize,
}

/// Runs all checks; adds the violations to those of the stage.
pub async fn judge(stage: &mut Stage) -> Checked {
    recovered(stage).await;
    if let Err(error) = stage.load.stop().await {
        stage.violations.push(format!("{error:#}"));
    }
    let checked = history(stage).await;
    agreed(stage).await;
    processes(stage);
    checked
}

/// Writes succeed through every node in time, and every node is ready.
async fn recovered(stage: &mut Stage) {
    let began = Instant::now();
    for at in 0..NODES {
        let left = HEALED_WITHIN.saturating_sub(began.elapsed());
        let mut last = String::new();
        let mut tries = 0;
        let done = wait::within(left, async || {
            tries += 1;
            match stage.write_beside(at, &format!("healed.{at}.{tries}"), 1).await {
                Ok(()) => Some(()),
                Err(error) => {
                    last = format!("{error:#}");
                    None
                }
            }
        });
        let name = stage.cluster.node(at).name().to_owned();
        if done.await.is_none() {
            stage.violations.push(format!("no write through {name} within {HEALED_WITHIN:?}: {last}"));
        }
        let left = HEALED_WITHIN.saturating_sub(began.elapsed());
        let ready = wait::within(left, async || stage.cluster.is_ready(at).await.then_some(()));
        if ready.await.is_none() {
            stage.violations.push(format!("{name} is not ready within {HEALED_WITHIN:?}"));
        }
    }
    stage.notes.push(format!("healed in {:.1} s", began.elapsed().as_secs_f64()));
}

/// Every acknowledged write is present, and the history is possible.
async fn history(stage: &mut Stage) -> Checked {
    let events = stage.load.recorder().events();
    match proof::truth(stage.load.caller(0), stage.load.scene()).await {
        Ok(truth) => {
            let report = proof::check(&events, &truth);
            let lost = report.violations.iter().filter(|one| one.rule == Rule::Acknowledged).count();
            stage.violations.extend(report.violations.iter().map(ToString::to_string));
            Checked { truth: Some(truth), lost }
        }
        Err(error) => {
            stage.violations.push(format!("what was written cannot be read back: {error}"));
            Checked::default()
        }
    }
}

/// Every node has the same history.
async fn agreed(stage: &mut Stage) {
    match stage.cluster.heads(AGREED_WITHIN).await {
        Ok(heads) if heads.iter().all(|head| *head == heads[0]) => {}
        Ok(heads) => stage.violations.push(format!("the audit heads differ: {}", heads.join(", "))),
        Err(error) => stage.violations.push(format!("{error:#}")),
    }
}

/// No process has ended or panicked.
fn processes(stage: &mut Stage) {
    for node in stage.cluster.nodes() {
        if !node.is_up() {
            stage.violations.push(format!("{} does not run: {}", node.name(), last_line(node)));
        }
        let log = node.log_text();
        if let Some(line) = log.lines().find(|line| line.contains(PANIC)) {
            stage.violations.push(format!("{}: {line}", node.name()));
        }
    }
}
