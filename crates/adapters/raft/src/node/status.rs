//! The status of the node, for operators, probes and metrics.

use super::{ELECTION_MS_MAX, RaftNode, Shared};
use crate::space::SpaceStats;
use crate::type_config::LogId;
use application::ports::{ClusterStatus, ClusterView, Member, MemberRole};
use async_trait::async_trait;
use futures::future::join_all;
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver as _;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Time after which a member without an answer counts as unreachable.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);
/// Time without messages after which a leader no longer counts as known, in milliseconds. Without an election
/// a disconnected node would remember its last leader forever.
const LEADER_SILENCE_MS_MAX: u64 = 3 * ELECTION_MS_MAX;
/// Most committed but unapplied log entries with which a node counts as ready.
pub const READY_LAG_ENTRIES_MAX: u64 = 1000;

/// The health of the node.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one check of a probe")]
pub struct NodeHealth {
    /// The replicated core runs; if false, the process must be restarted.
    pub running: bool,
    /// A leader is known and was heard from recently.
    pub leader_known: bool,
    /// This node has applied the bootstrap of the cluster.
    pub bootstrapped: bool,
    /// Number of committed log entries that this node has not applied, as far as it knows.
    pub lag: u64,
    /// This node is shutting down.
    pub leaving: bool,
    /// This node was permanently removed from the cluster.
    pub removed: bool,
    /// Disk space.
    pub space: SpaceStats,
}

/// Metrics of the node.
#[derive(Clone, Debug)]
pub struct NodeStats {
    /// 0 follower, 1 candidate, 2 leader, 3 learner.
    pub state: u8,
    /// The election term.
    pub term: u64,
    /// The index of the last applied log entry.
    pub applied_index: u64,
    /// The last log index known to be committed.
    pub committed_index: u64,
    /// The revision of the state.
    pub revision: u64,
    /// Live configs.
    pub configs: u64,
    /// Number of proposals that wait for their outcome.
    pub proposals_in_flight: u64,
    /// Disk space.
    pub space: SpaceStats,
}

impl NodeStats {
    /// Whether the node is the leader, as far as it knows.
    pub fn leads(&self) -> bool {
        self.state == 2
    }
}

/// What a node has applied. Equal on all nodes at the same index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Applied {
    /// The index of the last applied log entry; 0 before the first.
    pub index: u64,
    /// The term and the node id of the leader that proposed that entry.
    pub leader: (u64, u64),
    /// The revision of the state.
    pub revision: domain::Revision,
    /// The head of the audit chain.
    pub audit_head: domain::Digest,
}

impl RaftNode {
    /// What this node has applied.
    pub fn applied(&self) -> Applied {
        let published = self.shared.store.published();
        let leader = |log_id: LogId| (log_id.leader_id.term, log_id.leader_id.node_id);
        Applied {
            index: published.marker.applied.map_or(0, |log_id| log_id.index),
            leader: published.marker.applied.map_or((0, 0), leader),
            revision: published.state.revision(),
            audit_head: published.state.header().audit_head,
        }
    }

    /// The digest of all replicated tables, after everything applied so far. Blocks for the disk.
    pub fn state_hash(&self) -> std::io::Result<domain::Digest> {
        self.shared.store.state_hash()
    }

    /// Verifies this node's audit chain; see [`crate::store::Store::verify_audit`].
    pub fn verify_audit(&self) -> std::io::Result<u64> {
        self.shared.store.verify_audit()
    }

    /// All records of this node's audit chain, in order, in memory. Blocks for the disk.
    pub fn audit_records(&self) -> std::io::Result<Vec<String>> {
        self.shared.store.audit_records()
    }

    /// The health of the node.
    pub fn health(&self) -> NodeHealth {
        let metrics = self.shared.raft.metrics().borrow_watched().clone();
        let applied = metrics.last_applied.map_or(0, |log_id| log_id.index);
        let committed = metrics.local_committed.map_or(0, |log_id| log_id.index);
        let alone = metrics.membership_config.membership().voter_ids().count() <= 1;
        let heard = alone || self.shared.stale_for_ms().is_some_and(|ago| ago <= LEADER_SILENCE_MS_MAX);
        NodeHealth {
            running: metrics.running_state.is_ok(),
            leader_known: heard && metrics.current_leader.is_some(),
            bootstrapped: self.shared.store.published().state.header().cluster_id.is_some(),
            lag: committed.saturating_sub(applied),
            leaving: self.shared.leaving.load(Ordering::Acquire),
            removed: self.shared.removed.load(Ordering::Acquire),
            space: self.shared.space.stats(),
        }
    }

    /// The metrics of the node.
    pub fn stats(&self) -> NodeStats {
        let metrics = self.shared.raft.metrics().borrow_watched().clone();
        let published = self.shared.store.published();
        let free = self.shared.proposals.available_permits();
        NodeStats {
            state: match metrics.state {
                ServerState::Candidate => 1,
                ServerState::Leader => 2,
                ServerState::Learner => 3,
                ServerState::Follower | ServerState::Shutdown => 0,
            },
            term: metrics.current_term,
            applied_index: metrics.last_applied.map_or(0, |log_id| log_id.index),
            committed_index: metrics.local_committed.map_or(0, |log_id| log_id.index),
            revision: published.state.revision().0,
            configs: published.state.config_count(),
            proposals_in_flight: (super::PROPOSALS_MAX.saturating_sub(free)) as u64,
            space: self.shared.space.stats(),
        }
    }
}

impl Shared {
    /// Whether this node's log has begun.
    pub(super) fn is_initialized(&self) -> bool {
        let metrics = self.raft.metrics().borrow_watched().clone();
        // The metrics of a core that has just started are empty.
        self.began
            || metrics.last_log_index.is_some()
            || metrics.last_applied.is_some()
            || metrics.current_term > 0
    }

    /// Whether a node is a member, with or without a vote, by this node's log.
    pub(super) fn is_member(&self, node: u64) -> bool {
        let metrics = self.raft.server_metrics();
        let now = metrics.borrow_watched();
        now.membership_config.membership().get_node(&node).is_some()
    }

    /// Records that a leader was heard from now.
    pub(super) fn heard(&self) {
        self.heard_before(0);
    }

    /// Records that a leader was heard from `ago_ms` milliseconds ago.
    pub(super) fn heard_before(&self, ago_ms: u64) {
        // 0 means never.
        self.heard_ms.store(self.elapsed_ms().saturating_sub(ago_ms).max(1), Ordering::Relaxed);
    }

    /// Time since a leader was heard from, in milliseconds; `None` if never in this process. A leader hears
    /// itself when a majority responds.
    pub(super) fn stale_for_ms(&self) -> Option<u64> {
        match self.heard_ms.load(Ordering::Relaxed) {
            0 => None,
            heard => Some(self.elapsed_ms().saturating_sub(heard)),
        }
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl ClusterView for RaftNode {
    async fn status(&self) -> ClusterStatus {
        let shared = &self.shared;
        let metrics = shared.raft.metrics().borrow_watched().clone();
        let membership = metrics.membership_config.membership().clone();
        let voters: Vec<u64> = membership.voter_ids().collect();
        let deadline = Instant::now() + STATUS_TIMEOUT;
        let own_index = shared.store.published().marker.applied.map_or(0, |log_id| log_id.index);
        let asked = membership.nodes().map(|(id, info)| async {
            let applied = if *id == shared.node_id {
                Some(own_index)
            } else {
                shared.peers.status(*id, deadline).await.ok().map(|status| status.applied_index)
            };
            (*id, info.clone(), applied)
        });
        let answers = join_all(asked).await;
        let most = answers.iter().filter_map(|(_, _, applied)| *applied).max();
        let members = answers
            .into_iter()
            .map(|(id, info, applied_index)| Member {
                id,
                name: info.name,
                role: if metrics.current_leader == Some(id) {
                    MemberRole::Leader
                } else if voters.contains(&id) {
                    MemberRole::Follower
                } else {
                    MemberRole::Learner
                },
                voter: voters.contains(&id),
                reachable: applied_index.is_some(),
                applied_index,
                lag: applied_index.and_then(|applied| most.map(|most| most.saturating_sub(applied))),
                peer_addr: info.peer_addr,
                api_url: info.api_url,
            })
            .collect();
        ClusterStatus {
            cluster_id: shared.cluster_id.clone(),
            node_id: shared.node_id,
            leader_id: metrics.current_leader,
            term: metrics.current_term,
            members,
        }
    }
}
