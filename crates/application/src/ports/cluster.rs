//! What a node knows of its cluster, and how its members change.

use super::ConsensusError;
use async_trait::async_trait;
use domain::{ClusterId, Command, MemberId, Rejection, Revision, Stamped};

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
    /// Where the other members reach it.
    pub peer_addr: String,
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

/// What kind of "no" a change of the members met. Nothing was changed, unless the kind says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemberFault {
    /// The id, the name or an address is another member's.
    Exists,
    /// There is no such member.
    NotFound,
    /// There are as many members as there may be.
    TooMany,
    /// The machine does not answer the leader at its address.
    Unreachable,
    /// The machine answers, but is not there to join: its disk is new though the cluster knows it, or it was
    /// not told to join.
    NotJoining,
    /// The machine takes part without a vote, and did not catch up in time. Asking again goes on.
    Behind,
    /// Nobody would be left to vote.
    LastVoter,
    /// The members that would be left and answer are no majority.
    QuorumAtRisk,
    /// No other member can lead at the moment.
    NoSuccessor,
    /// Another change of the members is under way.
    Busy,
}

/// A "no" to a change of the members.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct MemberRefusal {
    /// What kind.
    pub fault: MemberFault,
    /// Which members and limits it is about, for people.
    pub detail: String,
}

/// Why the members did not change as asked, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// As with any command; [`ConsensusError::OutcomeUnknown`] leaves a change that asking again completes.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// The replicated state said no; nothing changed.
    #[error("{0}")]
    Rejected(Rejection),
    /// The members or the machine are not fit for it.
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
}

/// A change of the members that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MembersChanged {
    /// The revision at which it was allowed.
    pub revision: Revision,
    /// Whether there was anything to do.
    pub changed: bool,
}

/// Changes the members. Only one change at a time is made in the whole cluster.
#[async_trait]
pub trait Membership: Send + Sync {
    /// Carries out [`Command::AdmitMember`], [`Command::UpdateMember`] or [`Command::RetireMember`]: has the replicated state accept it,
    /// then makes it true. When this returns, this node knows the new members.
    ///
    /// Admitting a member that is there already changes nothing; of a member that was not finished it does
    /// what is left. Other commands fail.
    async fn change(&self, command: Stamped<Command>) -> Result<MembersChanged, MembershipError>;

    /// Has another member lead: `to`, or the one that is furthest. Gives who leads.
    async fn transfer(&self, to: Option<MemberId>) -> Result<MemberId, MembershipError>;
}
