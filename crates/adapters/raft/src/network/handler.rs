//! What peers may ask of a node beyond Raft itself; the node implements it.

use async_trait::async_trait;
use bytes::Bytes;

use super::{ChangeError, MembersDone};
use crate::codec::proto;
use crate::space::Level;
use crate::type_config::Snapshot;
use std::io;

/// Why a proposal that a peer forwarded has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// Not proposed, for example because this node does not lead: it may be sent again.
    #[error("not proposed: {0}")]
    NotProposed(String),
    /// Proposed, and then leadership was lost: it may or may not be committed.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// Turned away for good.
    #[error("refused: {0}")]
    Refused(String),
    /// Not proposed, because a member is low on disk space.
    #[error("a member is low on disk space")]
    DiskFull,
}

/// How a node is, in short.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one answer to one question")]
pub struct NodeStatus {
    /// The node.
    pub node_id: u64,
    /// Index of the last log entry it applied.
    pub applied_index: u64,
    /// Revision of its state.
    pub revision: u64,
    /// Head of its audit chain.
    pub audit_head: Bytes,
    /// Base URL of its public API.
    pub api_url: String,
    /// Whether it takes part in the cluster.
    pub takes_part: bool,
    /// Whether its log has begun, that is, the cluster exists.
    pub initialized: bool,
    /// Whether it knows the node that asks as a member.
    pub asker_is_member: bool,
    /// Whether it knows that the node that asks had to leave for good.
    pub asker_was_removed: bool,
    /// Whether it is new and waits to be asked to join.
    pub joining: bool,
}

/// What peers may ask of a node beyond Raft itself.
#[async_trait]
pub trait PeerHandler: Send + Sync + 'static {
    /// Proposes a command here, if this node leads, and gives its encoded outcome. Must not
    /// forward it.
    async fn propose(&self, payload: Bytes) -> Result<Bytes, ProposeError>;

    /// How this node is, and what it knows of `asker`.
    async fn status(&self, asker: u64) -> NodeStatus;

    /// Takes part from now on, if this node waits to join; otherwise says why not.
    async fn join(&self) -> Result<(), String>;

    /// Admits or retires a member, if this node leads.
    async fn change_members(&self, command: Bytes) -> Result<MembersDone, ChangeError>;

    /// Has another node lead, if this node does: `to`, or whichever is furthest.
    async fn hand_over(&self, to: Option<u64>) -> Result<MembersDone, ChangeError>;

    /// Whether `node` had to leave for good and is no member any more.
    fn was_removed(&self, node: u64) -> bool;

    /// Whether this node takes part in the cluster yet. Until then it answers nothing but its status.
    fn takes_part(&self) -> bool;

    /// Says whether a received snapshot is whole and covers what its sender said.
    async fn check_snapshot(&self, snapshot: &Snapshot) -> io::Result<()>;

    /// A leader's message was accepted just now.
    fn heard_from_leader(&self);

    /// How much disk space this node has.
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
