//! F1 and F2: killed and stopped processes.

use crate::caller::NodeCaller;
use crate::network::NODES;
use crate::stage::Stage;
use anyhow::Context as _;
use proof::{Caller as _, Request};
use rand::Rng as _;
use rustix::process::Signal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Maximum time until the others have a leader and accept writes.
const FAIL_OVER_WITHIN: Duration = Duration::from_secs(10);
/// Maximum duration of a clean stop.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
/// Number of clients that retry failed requests.
const STUBBORN: usize = 2;
/// How long such a client retries one request.
const INSIST_WITHIN: Duration = Duration::from_secs(10);

/// F1: the leader, a random node and all nodes are killed in turn, under load.
///
/// The reference requires a new leader within 3 s at the 99th percentile. The value is noted; only more than
/// 10 s is a violation, because the machine is shared.
pub async fn kill_nine(stage: &mut Stage) -> anyhow::Result<()> {
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    for round in 0.. {
        if round >= 3 && began.elapsed() >= stage.time {
            break;
        }
        let victims: Vec<usize> = match round % 3 {
            0 => vec![stage.cluster.leader().await?],
            1 => vec![stage.anyone()],
            _ => (0..NODES).collect(),
        };
        for at in &victims {
            stage.cluster.node(*at).kill()?;
            stage.injected += 1;
        }
        if victims.len() < NODES {
            let took = stage.writes_go_on(1, FAIL_OVER_WITHIN).await.context("after a kill")?;
            longest = longest.max(took);
        }
        stage.pause(0..800).await;
        for at in &victims {
            stage.cluster.node(*at).spawn()?;
        }
        for at in 0..NODES {
            stage.cluster.ready(at).await?;
        }
        let more = stage.random.random_range(5..30);
        stage.writes_go_on(more, FAIL_OVER_WITHIN).await.context("after a restart")?;
    }
    stage.note(format!("longest pause after a kill {:.1} s", longest.as_secs_f64()));
    Ok(())
}

/// F2: every node in turn is stopped cleanly and restarted. A client that retries on another node always gets
/// a response.
///
/// Its requests need no idempotency key: `If-Match: *` with a whole document, and linearizable reads.
pub async fn rolling(stage: &mut Stage) -> anyhow::Result<()> {
    stage.write_beside(0, "rolling", 1).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<NodeCaller> = (0..NODES).map(|at| stage.load.caller(at).clone()).collect();
    let stubborn: Vec<_> =
        (0..STUBBORN).map(|number| tokio::spawn(insist(number, callers.clone(), stop.clone()))).collect();
    let began = Instant::now();
    let mut round = 0;
    while round < NODES || began.elapsed() < stage.time {
        // The leader first, so that leadership is transferred at least once.
        let at = if round == 0 { stage.cluster.leader().await? } else { round % NODES };
        stage.cluster.node(at).signal(Signal::TERM)?;
        let status = stage.cluster.node(at).exited(STOPPED_WITHIN).await?;
        stage.demand(status.success(), || format!("a clean stop ends with 0, not {status}"));
        stage.injected += 1;
        stage.cluster.restart(at).await?;
        round += 1;
    }
    stop.store(true, Ordering::SeqCst);
    let (mut done, mut longest) = (0, Duration::ZERO);
    for one in stubborn {
        let (count, slowest, failed) = one.await.context("a retrying client broke")?;
        done += count;
        longest = longest.max(slowest);
        stage.violations.extend(failed);
    }
    stage.note(format!("{done} requests of retrying clients, the slowest {:.1} s", longest.as_secs_f64()));
    Ok(())
}

/// Retries each request on the next node until it succeeds; returns the requests that did not succeed in
/// time.
async fn insist(
    number: usize,
    callers: Vec<NodeCaller>,
    stop: Arc<AtomicBool>,
) -> (usize, Duration, Vec<String>) {
    let (mut done, mut slowest, mut failed, mut at) = (0, Duration::ZERO, Vec::new(), number);
    let path = "/api/v1/projects/beside/environments/default/configs/rolling";
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        loop {
            let mut request =
                Request { method: "GET", path: path.to_owned(), headers: Vec::new(), body: None };
            if done % 2 == 0 {
                request.method = "PUT";
                request.headers.push(("If-Match", "*".to_owned()));
                request.body = Some(json!({ "content": { "number": done } }));
            }
            let came = callers[at % callers.len()].call(request).await;
            if came.as_ref().is_ok_and(|answer| answer.status == 200) {
                break;
            }
            if began.elapsed() > INSIST_WITHIN {
                failed.push(format!("request {done} of retrying client {number} failed: {came:?}"));
                break;
            }
            at += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        slowest = slowest.max(began.elapsed());
        done += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (done, slowest, failed)
}
