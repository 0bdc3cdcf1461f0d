//! What a node knows of its cluster.

use async_trait::async_trait;
use domain::ClusterId;

/// What a member does in the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberRole {
    /// Takes proposals.
    Leader,
    /// Votes and replicates.
    Follower,
    /// Replicates without a vote.
    Learner,
}

/// One member, as this node sees it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What it does.
    pub role: MemberRole,
    /// Whether it has a vote.
    pub voter: bool,
    /// Whether it answered this node just now.
    pub reachable: bool,
    /// The log index it has applied, when known.
    pub applied_index: Option<u64>,
    /// How many log entries it is behind the most advanced member that answered, when known.
    pub lag: Option<u64>,
    /// Where clients reach it.
    pub api_url: String,
}

/// The cluster, as this node sees it.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The cluster's name.
    pub cluster_id: ClusterId,
    /// This node's id.
    pub node_id: u64,
    /// The leader, when one is known.
    pub leader_id: Option<u64>,
    /// The election term.
    pub term: u64,
    /// The members, by id.
    pub members: Vec<Member>,
}

/// Knows the members.
#[async_trait]
pub trait ClusterView: Send + Sync {
    /// Asks every member for its state, within a second.
    async fn status(&self) -> ClusterStatus;
}
