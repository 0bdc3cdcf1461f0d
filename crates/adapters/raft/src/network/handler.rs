//! Requests of peers other than Raft messages; implemented by the node.

use async_trait::async_trait;
use bytes::Bytes;

use super::{ChangeError, MembersDone};
use crate::codec::proto;
use crate::space::Level;
use crate::type_config::Snapshot;
use std::io;

/// The reason why a forwarded proposal has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// Not proposed, for example because this node is not the leader; safe to retry.
    #[error("not proposed: {0}")]
    NotProposed(String),
    /// Proposed, but leadership was lost: it may or may not be committed.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// Refused permanently.
    #[error("refused: {0}")]
    Refused(String),
    /// Not proposed, because a member is low on disk space.
    #[error("a member is low on disk space")]
    DiskFull,
}

/// The status of a node.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one answer to one question")]
pub struct NodeStatus {
    /// The id of the node.
    pub node_id: u64,
    /// The index of its last applied log entry.
    pub applied_index: u64,
    /// The revision of its state.
    pub revision: u64,
    /// The head of its audit chain.
    pub audit_head: Bytes,
    /// The base URL of its public API.
    pub api_url: String,
    /// Whether it participates in the cluster.
    pub takes_part: bool,
    /// Whether its log has entries or votes, that is, the cluster exists.
    pub initialized: bool,
    /// Whether the requesting node is a member, as far as it knows.
    pub asker_is_member: bool,
    /// Whether the requesting node was permanently removed, as far as it knows.
    pub asker_was_removed: bool,
    /// Whether it is new and waits to join.
    pub joining: bool,
}

/// Handles requests of peers other than Raft messages.
#[async_trait]
pub trait PeerHandler: Send + Sync + 'static {
    /// Proposes a command, if this node is the leader, and returns its encoded outcome. Must not forward it.
    async fn propose(&self, payload: Bytes) -> Result<Bytes, ProposeError>;

    /// The status of this node, and what it knows of the requesting node `asker`.
    async fn status(&self, asker: u64) -> NodeStatus;

    /// Starts to participate, if this node waits to join; otherwise returns the reason.
    async fn join(&self) -> Result<(), String>;

    /// Admits, updates or retires a member, if this node is the leader.
    async fn change_members(&self, command: Bytes) -> Result<MembersDone, ChangeError>;

    /// Transfers leadership from this node to `to`, or to the most advanced member.
    async fn hand_over(&self, to: Option<u64>) -> Result<MembersDone, ChangeError>;

    /// Whether `node` was permanently removed and is no longer a member.
    fn was_removed(&self, node: u64) -> bool;

    /// Whether this node participates in the cluster. Until then it only answers status requests.
    fn takes_part(&self) -> bool;

    /// Checks that a received snapshot is complete and covers the log up to what its sender declared.
    async fn check_snapshot(&self, snapshot: &Snapshot) -> io::Result<()>;

    /// Called when a message of the leader was accepted.
    fn heard_from_leader(&self);

    /// The level of free disk space of this node.
    fn space(&self) -> Level;
}

impl From<NodeStatus> for proto::StatusReply {
    fn from(status: NodeStatus) -> Self {
        Self {
            node_id: status.node_id,
            applied_index: status.applied_index,
            revision: status.revision,
            audit_head: status.audit_head,
            api_url: status.api_url,
            takes_part: status.takes_part,
            initialized: status.initialized,
            asker_is_member: status.asker_is_member,
            asker_was_removed: status.asker_was_removed,
            joining: status.joining,
        }
    }
}

impl From<proto::StatusReply> for NodeStatus {
    fn from(reply: proto::StatusReply) -> Self {
        Self {
            node_id: reply.node_id,
            applied_index: reply.applied_index,
            revision: reply.revision,
            audit_head: reply.audit_head,
            api_url: reply.api_url,
            takes_part: reply.takes_part,
            initialized: reply.initialized,
            asker_is_member: reply.asker_is_member,
            asker_was_removed: reply.asker_was_removed,
            joining: reply.joining,
        }
    }
}
