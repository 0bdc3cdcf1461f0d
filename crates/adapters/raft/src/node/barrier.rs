//! The shared read barrier: one confirmation of leadership serves all readers that were waiting when it began
//! (etcd's `linearizableReadLoop`). Later readers wait for the next one. A confirmation is never reused,
//! because a reader may have started after a write that the confirmation does not cover.

use super::{LEADER_WAIT, READ_TIMEOUT, RETRY_PAUSE, Shared};
use application::ports::ConsensusError;
use openraft::ReadPolicy;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most readers that wait for a barrier.
const READERS_MAX: usize = 16_384;

type Reader = oneshot::Sender<bool>;

/// Queues readers for the next barrier.
pub(super) struct Barrier {
    readers: mpsc::Sender<Reader>,
}

impl Barrier {
    pub(super) fn spawn(tasks: &TaskTracker, stop: CancellationToken, shared: Arc<Shared>) -> Self {
        let (readers, waiting) = mpsc::channel(READERS_MAX);
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = run(waiting, shared) => {}
            }
        });
        Self { readers }
    }

    /// Waits until this node has applied every write that was acknowledged on any node before the call.
    pub(super) async fn pass(&self) -> Result<(), ConsensusError> {
        let (reader, passed) = oneshot::channel();
        self.readers.try_send(reader).map_err(|_| ConsensusError::Overloaded)?;
        match passed.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(ConsensusError::NoLeader),
        }
    }
}

async fn run(mut waiting: mpsc::Receiver<Reader>, shared: Arc<Shared>) {
    let mut readers = Vec::new();
    while waiting.recv_many(&mut readers, READERS_MAX).await > 0 {
        let confirmed = confirm(&shared).await;
        #[cfg(feature = "simulation")]
        if crate::planted_faults::is(crate::planted_faults::Fault::OldBarrier) {
            while let Ok(late) = waiting.try_recv() {
                readers.push(late);
            }
        }
        for reader in readers.drain(..) {
            // The reader may have stopped waiting.
            let _gone = reader.send(confirmed);
        }
    }
}

/// Requests the committed index from the leader, and waits until this node has applied it.
async fn confirm(shared: &Shared) -> bool {
    let began = Instant::now();
    let deadline = began + READ_TIMEOUT;
    let confirm_by = began + LEADER_WAIT;
    while let Some(leader) = shared.leader_by(confirm_by).await {
        if let Some(index) = shared.committed_index(leader, confirm_by).await {
            let mut progress = shared.store.progress();
            let applied = timeout_at(deadline, progress.wait_for(|now| now.applied_index >= index)).await;
            return matches!(applied, Ok(Ok(_)));
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    false
}

impl Shared {
    /// The committed index, as confirmed by a majority after the call began; `None` if it could not be
    /// confirmed.
    pub(super) async fn committed_index(&self, leader: u64, deadline: Instant) -> Option<u64> {
        if leader == self.node_id {
            let confirmed = timeout_at(deadline, self.raft.get_read_linearizer(ReadPolicy::ReadIndex));
            return match confirmed.await {
                Ok(Ok(linearizer)) => Some(linearizer.read_log_id().index()),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "no read barrier");
                    None
                }
                Err(_) => None,
            };
        }
        match self.peers.read_barrier(leader, deadline).await {
            Ok(log_id) => Some(log_id.index),
            Err(error) => {
                tracing::debug!(leader, %error, "no read barrier from the leader");
                None
            }
        }
    }
}
