//! Metrics of the replicated core.

use std::fmt;

/// Receives events. Called often and from hot paths, so it must only count.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Applied a batch of `entries` in `seconds`.
    fn applied(&self, entries: usize, seconds: f64);

    /// Flushed appended log entries to disk, `seconds` after the request.
    fn log_flushed(&self, seconds: f64);

    /// Wrote a snapshot of `bytes`.
    fn snapshot_built(&self, bytes: u64);

    /// Installed a snapshot of the leader in place of this node's state.
    fn snapshot_installed(&self);

    /// Learned of a new leader.
    fn leader_changed(&self);

    /// Confirmed to a candidate its vote for this candidate in this term. It must never confirm an earlier
    /// vote again, whatever happens to its process or its power.
    fn stands_by_vote(&self, term: u64, candidate: u64);

    /// A connection to the peer port failed its handshake.
    fn handshake_failed(&self) {}
}

/// Ignores all events.
#[derive(Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn applied(&self, _: usize, _: f64) {}
    fn log_flushed(&self, _: f64) {}
    fn snapshot_built(&self, _: u64) {}
    fn snapshot_installed(&self) {}
    fn leader_changed(&self) {}
    fn stands_by_vote(&self, _: u64, _: u64) {}
}
