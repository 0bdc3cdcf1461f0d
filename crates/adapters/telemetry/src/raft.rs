//! Metrics of the replicated log.

use crate::register::{Made, counter, gauge, gauges, histogram, set};
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry};

/// From a microsecond of apply to a second of a slow disk.
const BUCKETS_SECONDS: [f64; 14] =
    [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 0.5, 1.0];

/// The Raft state of a node; the number is the value of `guardian_raft_state`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RaftState {
    /// Follows a leader.
    #[default]
    Follower = 0,
    /// Asks for votes.
    Candidate = 1,
    /// Leads.
    Leader = 2,
    /// Replicates without a vote.
    Learner = 3,
}

/// Gauges of the consensus at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RaftGauges {
    /// The Raft state of this node.
    pub state: RaftState,
    /// The election term.
    pub term: u64,
    /// Index of the last applied log entry.
    pub applied_index: u64,
    /// Index of the last committed log entry, if known.
    pub committed_index: Option<u64>,
    /// Proposals without an outcome yet.
    pub proposals_in_flight: u64,
}

#[derive(Debug)]
pub(crate) struct Raft {
    state: IntGauge,
    term: IntGauge,
    leader_changes: IntCounter,
    applied_index: IntGauge,
    /// Without labels; a vector, because the series is absent until a value is known.
    committed_index: IntGaugeVec,
    commits: IntCounter,
    snapshots: IntCounter,
    apply: Histogram,
    flush: Histogram,
    proposals: IntGauge,
    handshakes_failed: IntCounter,
}

impl Raft {
    pub(crate) fn new(registry: &Registry) -> Made<Self> {
        let gauge = |name, help| gauge(registry, name, help);
        let counter = |name, help| counter(registry, name, help);
        let histogram = |name, help| histogram(registry, name, help, &BUCKETS_SECONDS);
        Ok(Self {
            state: gauge("guardian_raft_state", "0 follower, 1 candidate, 2 leader, 3 learner.")?,
            term: gauge("guardian_raft_term", "The election term.")?,
            leader_changes: counter(
                "guardian_raft_leader_changes_total",
                "How often this node saw another leader than before.",
            )?,
            applied_index: gauge("guardian_raft_applied_index", "The last log index applied here.")?,
            committed_index: gauges(
                registry,
                "guardian_raft_committed_index",
                "The last log index known to be committed.",
                &[],
            )?,
            commits: counter("guardian_raft_commits_total", "Log entries applied here.")?,
            snapshots: counter("guardian_raft_snapshots_total", "Snapshots made here.")?,
            apply: histogram("guardian_raft_apply_duration_seconds", "Time to apply one batch of entries.")?,
            flush: histogram(
                "guardian_raft_log_flush_duration_seconds",
                "Time until appended log entries were on disk.",
            )?,
            proposals: gauge("guardian_raft_proposals_in_flight", "Proposals waiting for their outcome.")?,
            handshakes_failed: counter(
                "guardian_peer_handshakes_failed_total",
                "Connections to the peer port that did not become a peer's.",
            )?,
        })
    }

    pub(crate) fn report(&self, gauges: RaftGauges) {
        self.state.set(gauges.state as i64);
        set(&self.term, gauges.term);
        set(&self.applied_index, gauges.applied_index);
        if let Some(index) = gauges.committed_index {
            set(&self.committed_index.with_label_values::<&str>(&[]), index);
        }
        set(&self.proposals, gauges.proposals_in_flight);
    }

    pub(crate) fn leader_changed(&self) {
        self.leader_changes.inc();
    }

    pub(crate) fn applied(&self, seconds: f64, entries: u64) {
        self.apply.observe(seconds);
        self.commits.inc_by(entries);
    }

    pub(crate) fn flushed(&self, seconds: f64) {
        self.flush.observe(seconds);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    pub(crate) fn snapshot(&self) {
        self.snapshots.inc();
    }
}
