//! Periodic work of the leader: pruning the history.

use adapter_raft::RaftNode;
use application::Housekeeping;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Interval of the checks.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// Maximum time between two prunes without a change, because retention can depend on age.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Prunes the history at this interval while this node leads. Never returns.
pub async fn run(node: Arc<RaftNode>, own: Housekeeping, interval: Duration) {
    let (mut seen, mut looked) = (None, Instant::now());
    loop {
        sleep(interval).await;
        let stats = node.stats();
        let due = seen != Some(stats.revision) || looked.elapsed() >= IDLE_MAX;
        if !stats.leads() || !due {
            continue;
        }
        (seen, looked) = (Some(stats.revision), Instant::now());
        match own.prune().await {
            Ok(0) => {}
            Ok(versions) => tracing::info!(versions, "old versions were taken out of the history"),
            Err(error) => {
                tracing::warn!(%error, "the history could not be pruned; trying again soon");
                seen = None;
            }
        }
    }
}
