//! Counts what the core reports, to know what a run has been through.

use adapter_raft::observe::Observer;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts over all lives of one node.
#[derive(Debug, Default)]
pub struct Seen {
    pub snapshots_built: AtomicU64,
    pub snapshots_installed: AtomicU64,
    pub leaders: AtomicU64,
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
}
