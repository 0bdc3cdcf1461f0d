//! The status of the cluster, and changes of its membership.

use super::ConsensusError;
use async_trait::async_trait;
use domain::{ClusterId, Command, MemberId, Rejection, Revision, Stamped};

/// The role of a member in consensus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberRole {
    /// Accepts proposals.
    Leader,
    /// Votes and replicates.
    Follower,
    /// Replicates without a vote.
    Learner,
}

/// A member as this node sees it.
#[derive(Clone, Debug)]
pub struct Member {
    /// The member id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The role.
    pub role: MemberRole,
    /// Whether it has a vote.
    pub voter: bool,
    /// Whether it answered this node's status request.
    pub reachable: bool,
    /// The index of its last applied log entry; `None` if unknown.
    pub applied_index: Option<u64>,
    /// Number of log entries by which it is behind the most advanced member that answered; `None` if unknown.
    pub lag: Option<u64>,
    /// The address for the other members.
    pub peer_addr: String,
    /// The address for clients.
    pub api_url: String,
}

/// The cluster as this node sees it.
#[derive(Clone, Debug)]
pub struct ClusterStatus {
    /// The cluster id.
    pub cluster_id: ClusterId,
    /// This node's id.
    pub node_id: u64,
    /// The member id of the leader; `None` if no leader is known.
    pub leader_id: Option<u64>,
    /// The election term.
    pub term: u64,
    /// The members, by id.
    pub members: Vec<Member>,
}

/// Reads the status of the cluster.
#[async_trait]
pub trait ClusterView: Send + Sync {
    /// Requests the status of every member, with a deadline of one second.
    async fn status(&self) -> ClusterStatus;
}

/// The kind of a refused membership change. Nothing was changed, except as stated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberFault {
    /// Another member has the id, the name or an address.
    Exists,
    /// There is no such member.
    NotFound,
    /// The cluster has the largest allowed number of members.
    TooMany,
    /// The leader cannot reach the node at its address.
    Unreachable,
    /// The node answers but is not waiting to join: it was not started for joining, or its disk is empty
    /// although the cluster knows the node.
    NotJoining,
    /// The node joined as a learner but did not catch up in time. A retry continues.
    Behind,
    /// No voter would remain.
    LastVoter,
    /// The reachable members that would remain are no majority.
    QuorumAtRisk,
    /// No other member can currently become leader.
    NoSuccessor,
    /// Another membership change is in progress.
    Busy,
}

/// A refused membership change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct MemberRefusal {
    /// The kind.
    pub fault: MemberFault,
    /// The affected members and limits, as a message.
    pub detail: String,
}

/// The reason why a membership change failed or may not have completed.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The command failed. After [`ConsensusError::OutcomeUnknown`], a retry completes the change.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The replicated state rejected the command; nothing changed.
    #[error("{0}")]
    Rejected(Rejection),
    /// The members or the node do not allow the change.
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
}

/// A completed membership change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MembersChanged {
    /// The revision at which it was accepted.
    pub revision: Revision,
    /// Whether anything changed.
    pub changed: bool,
}

/// Changes the membership. The cluster makes only one change at a time.
#[async_trait]
pub trait Membership: Send + Sync {
    /// Executes [`Command::AdmitMember`], [`Command::UpdateMember`] or [`Command::RetireMember`]: commits the
    /// command, then changes the membership.
    ///
    /// - When it returns, this node knows the new membership.
    /// - Admitting an existing member changes nothing; an interrupted admission is completed.
    /// - Other commands fail.
    async fn change(&self, command: Stamped<Command>) -> Result<MembersChanged, MembershipError>;

    /// Transfers leadership to the member `to`, or to the most advanced one. Returns the new leader.
    async fn transfer(&self, to: Option<MemberId>) -> Result<MemberId, MembershipError>;
}
