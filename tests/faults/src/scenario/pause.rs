//! F3: a paused leader.

use crate::network::others;
use crate::stage::Stage;
use proof::{Caller as _, Request};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Pauses in milliseconds: shorter than an election, similar, much longer.
const PAUSES_MS: [u64; 6] = [2500, 300, 10_000, 100, 1200, 4000];
const LITTLE_TIME: Duration = Duration::from_secs(10);
/// From this pause on, the others must have elected another leader.
const ELECTED_MS: u64 = 2500;
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);
/// Time between the request to the paused leader and its resumption.
const QUEUED: Duration = Duration::from_millis(50);

/// F3: SIGSTOP of the leader for 0.1 to 10 s, then SIGCONT.
///
/// If the pause is long enough for a new leader, a document is written through the new leader, and a read of
/// it is sent to the paused one before it resumes. The request is the first thing that it handles, while it
/// still considers itself the leader. It may refuse, but must not report the document as missing.
pub async fn stop_leader(stage: &mut Stage) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut refused = 0;
    // Each pause once, or only the first two if time is short.
    let least = if stage.time < LITTLE_TIME { 2 } else { PAUSES_MS.len() };
    for (round, ms) in PAUSES_MS.iter().copied().cycle().enumerate() {
        if round >= least && began.elapsed() + Duration::from_millis(ms) >= stage.time {
            break;
        }
        let leader = stage.cluster.leader().await?;
        stage.cluster.node(leader).signal(Signal::STOP)?;
        stage.injected += 1;
        let stopped = Instant::now();
        let mut asked = None;
        if ms >= ELECTED_MS {
            asked = Some(queue(stage, leader, round).await?);
        }
        tokio::time::sleep(Duration::from_millis(ms).saturating_sub(stopped.elapsed())).await;
        stage.cluster.node(leader).signal(Signal::CONT)?;
        if let Some(asked) = asked {
            match asked.await? {
                Ok(200) => {}
                Ok(404) => {
                    stage.violations.push(format!("round {round}: the old leader served an old state"));
                }
                _ => refused += 1,
            }
        }
        stage.writes_go_on(5, WRITTEN_WITHIN).await?;
    }
    stage.note(format!("{refused} reads refused by a leader that woke up"));
    Ok(())
}

type Asked = tokio::task::JoinHandle<Result<u16, proof::Lost>>;

/// Writes through another node, then sends the read to the paused one.
async fn queue(stage: &mut Stage, leader: usize, round: usize) -> anyhow::Result<Asked> {
    let (key, writer) = (format!("paused.{round}"), others(leader)[0]);
    let mut tries = 0;
    let written = crate::wait::until("a write beside the paused leader", WRITTEN_WITHIN, async || {
        tries += 1;
        let key = format!("{key}.{tries}");
        stage.write_beside(writer, &key, 1).await.is_ok().then_some(key)
    });
    let path = format!("/api/v1/projects/beside/environments/default/configs/{}", written.await?);
    let caller = stage.load.caller(leader).clone();
    let asked = tokio::spawn(async move {
        let request = Request { method: "GET", path, headers: Vec::new(), body: None };
        caller.call(request).await.map(|answer| answer.status)
    });
    tokio::time::sleep(QUEUED).await;
    Ok(asked)
}
