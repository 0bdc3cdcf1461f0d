//! What the replicated core reports while it runs, for whoever counts.

use std::fmt;

/// Hears what happens. Called often and from hot paths: it must only count.
pub trait Observer: Send + Sync + fmt::Debug {
    /// So many entries were applied together, in so many seconds.
    fn applied(&self, entries: usize, seconds: f64);

    /// Appended log entries were on disk so many seconds after the flush was asked for.
    fn log_flushed(&self, seconds: f64);

    /// A snapshot of so many bytes was written.
    fn snapshot_built(&self, bytes: u64);

    /// A snapshot from the leader replaced this node's state.
    fn snapshot_installed(&self);

    /// The node learned of another leader than before.
    fn leader_changed(&self);

    /// The node answers a candidate that it stands by the vote for this candidate in this term. It must
    /// never stand by an earlier one again, whatever happens to its process or its power.
    fn stands_by_vote(&self, term: u64, candidate: u64);

    /// Somebody who connected to the peer port did not become a peer.
    fn handshake_failed(&self) {}
}

/// Hears nothing.
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
