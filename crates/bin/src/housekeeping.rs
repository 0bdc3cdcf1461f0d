//! What a node does for the cluster now and then while it leads: pruning the history.

use adapter_raft::RaftNode;
use application::Housekeeping;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time between two looks at what retention lets go.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// Time after which age may have let something go although nothing changed.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Prunes the history while this node leads, and looks whether there is something to do at this interval.
/// Never returns.
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
