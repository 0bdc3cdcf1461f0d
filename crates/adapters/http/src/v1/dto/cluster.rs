//! The cluster. Ids are random 63-bit numbers, so they are strings: JavaScript would round them.

use application::ports::{ClusterStatus, Member, MemberRole, View};
use serde::Serialize;
use utoipa::ToSchema;

/// The cluster, as the answering node sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterBody {
    /// The cluster's name.
    cluster_id: String,
    /// The answering node. A decimal number as a string, because it may exceed 2^53.
    #[schema(example = "1")]
    node_id: String,
    /// The leader, or `null` when none is known. A decimal number as a string.
    #[schema(required = true, example = "1")]
    leader_id: Option<String>,
    /// The election term.
    term: u64,
    /// The revision that the answering node has applied.
    revision: u64,
    /// Which rules of the replicated state are in force.
    active_version: u32,
    /// The members, by id.
    members: Vec<MemberBody>,
    /// The head of the audit chain at `revision`, in hexadecimal.
    audit_head: String,
}

/// One member.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberBody {
    /// Its id. A decimal number as a string, because it may exceed 2^53.
    #[schema(example = "1")]
    id: String,
    /// Its name.
    name: String,
    /// What it does.
    role: RoleBody,
    /// Whether it has a vote.
    voter: bool,
    /// Whether it answered just now.
    reachable: bool,
    /// The log index it has applied; `null` when not known.
    #[schema(required = true)]
    applied_index: Option<u64>,
    /// How many log entries it is behind; `null` when not known.
    #[schema(required = true)]
    lag: Option<u64>,
    /// Where clients reach it.
    api_url: String,
}

/// What a member does.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RoleBody {
    /// Takes proposals.
    Leader,
    /// Votes and replicates.
    Follower,
    /// Replicates without a vote.
    Learner,
}

impl ClusterBody {
    pub(crate) fn new(status: &ClusterStatus, view: &View) -> Self {
        let header = view.state.header();
        Self {
            cluster_id: status.cluster_id.to_string(),
            node_id: status.node_id.to_string(),
            leader_id: status.leader_id.map(|id| id.to_string()),
            term: status.term,
            revision: header.revision.0,
            active_version: header.active_version,
            members: status.members.iter().map(Into::into).collect(),
            audit_head: header.audit_head.to_string(),
        }
    }
}

impl From<&Member> for MemberBody {
    fn from(member: &Member) -> Self {
        Self {
            id: member.id.to_string(),
            name: member.name.clone(),
            role: match member.role {
                MemberRole::Leader => RoleBody::Leader,
                MemberRole::Follower => RoleBody::Follower,
                MemberRole::Learner => RoleBody::Learner,
            },
            voter: member.voter,
            reachable: member.reachable,
            applied_index: member.applied_index,
            lag: member.lag,
            api_url: member.api_url.clone(),
        }
    }
}
