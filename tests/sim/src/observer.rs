//! Counters of the core's observations, for the coverage of a run.

use adapter_raft::observe::Observer;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters over all lives of a node.
#[derive(Debug, Default)]
pub struct Seen {
    pub snapshots_built: AtomicU64,
    pub snapshots_installed: AtomicU64,
    pub leaders: AtomicU64,
    /// The latest vote, as term and candidate, that was sent to a candidate.
    answered: Mutex<(u64, u64)>,
}

impl Seen {
    /// The latest vote, as term and candidate, that any life of the node granted.
    pub fn answered_vote(&self) -> (u64, u64) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Seen {
    fn applied(&self, _: usize, _: f64) {}

    fn log_flushed(&self, _: f64) {}

    fn snapshot_built(&self, _: u64) {
        self.snapshots_built.fetch_add(1, Ordering::Relaxed);
    }

    fn snapshot_installed(&self) {
        self.snapshots_installed.fetch_add(1, Ordering::Relaxed);
    }

    fn leader_changed(&self) {
        self.leaders.fetch_add(1, Ordering::Relaxed);
    }

    fn stands_by_vote(&self, term: u64, candidate: u64) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        *answered = (*answered).max((term, candidate));
    }
}
