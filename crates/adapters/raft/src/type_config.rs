//! The types for openraft: an opaque command, an opaque reply, numbered nodes. Only the state machine knows
//! the content of the bytes.

use std::fmt;

use bytes::Bytes;
use openraft::type_config::alias::{
    LeaderIdOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf,
};
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// The type configuration of openraft.
    pub TypeConfig:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = PeerInfo,
        AsyncRuntime = openraft::TokioRuntime,
);

/// Identifies a log entry by leader and index.
pub type LogId = LogIdOf<TypeConfig>;
/// A vote for a node in a term, or its leadership.
pub type Vote = VoteOf<TypeConfig>;
/// A leader, by term and node.
pub type LeaderId = LeaderIdOf<TypeConfig>;
/// An entry of the log.
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// The voters and learners of the cluster.
pub type Membership = openraft::Membership<u64, PeerInfo>;
/// A membership, with the log id of its entry.
pub type StoredMembership = StoredMembershipOf<TypeConfig>;
/// What a snapshot covers.
pub type SnapshotMeta = SnapshotMetaOf<TypeConfig>;
/// A snapshot whose content is a file.
pub type Snapshot = SnapshotOf<TypeConfig, crate::network::SnapshotFile>;

/// An encoded command; cheap to clone.
// openraft's `serde` feature requires these traits; nothing uses them.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Payload(pub Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

/// The encoded outcome of applying a command; empty for entries that are not commands.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply(pub Bytes);

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} bytes)", self.0.len())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The addresses of a member.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeerInfo {
    /// The name for operators.
    pub name: String,
    /// `host:port` for peers.
    pub peer_addr: String,
    /// The base URL of its public API.
    pub api_url: String,
}

impl fmt::Display for PeerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.peer_addr)
    }
}
