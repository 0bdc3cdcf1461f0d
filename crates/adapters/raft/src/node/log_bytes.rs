//! Limits the size of the log in bytes. openraft only counts entries, and few entries with large documents
//! can fill a disk.

use super::Shared;
use openraft::async_runtime::WatchReceiver as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The interval between checks.
const INTERVAL: Duration = Duration::from_millis(500);

/// Requests a snapshot after every `limit` bytes of applied commands, and purges the log up to the previous
/// one. So a follower that is behind by less than `limit` bytes catches up from the log.
pub(super) async fn bound_log(
    shared: Arc<Shared>,
    stop: CancellationToken,
    applied_bytes: Arc<AtomicU64>,
    limit: u64,
) {
    let bounding = async {
        let (mut counted, mut purge_to) = (0, None);
        loop {
            tokio::time::sleep(INTERVAL).await;
            let applied = applied_bytes.load(Ordering::Relaxed);
            if applied - counted < limit {
                continue;
            }
            let (covered, built) = {
                let metrics = shared.raft.metrics();
                let now = metrics.borrow_watched();
                (now.last_applied.as_ref().map(|id| id.index), now.snapshot.as_ref().map(|id| id.index))
            };
            // The previous snapshot is not written yet, perhaps for lack of disk space.
            if purge_to > built {
                ask(&shared, None).await;
                continue;
            }
            ask(&shared, purge_to).await;
            (counted, purge_to) = (applied, covered);
        }
    };
    stop.run_until_cancelled(bounding).await;
}

/// Purges the log up to `purge_to`, and starts a snapshot unless one is being built.
async fn ask(shared: &Shared, purge_to: Option<u64>) {
    let trigger = shared.raft.trigger();
    let purged = match purge_to {
        Some(index) => trigger.purge_log(index).await,
        None => Ok(()),
    };
    let asked = match purged {
        Ok(()) => trigger.snapshot().await,
        Err(error) => Err(error),
    };
    // openraft has stopped; `follow_leader` reports that.
    if let Err(error) = asked {
        tracing::debug!(%error, "no snapshot was asked for");
    }
}
