//! The types that Guardian gives to openraft: an opaque command, an opaque reply, numbered nodes.
//! What the bytes mean is known to the state machine alone.

use std::fmt;

use bytes::Bytes;
use openraft::type_config::alias::{
    LeaderIdOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf,
};
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// openraft's view of Guardian.
    pub TypeConfig:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = PeerInfo,
        AsyncRuntime = openraft::TokioRuntime,
);

/// Identifies a log entry by leader and index.
pub type LogId = LogIdOf<TypeConfig>;
/// A vote for, or the leadership of, a node in a term.
pub type Vote = VoteOf<TypeConfig>;
/// A leader: term and node.
pub type LeaderId = LeaderIdOf<TypeConfig>;
/// One entry of the log.
pub type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
/// The voters and learners of the cluster.
pub type Membership = openraft::Membership<u64, PeerInfo>;
/// A membership and the entry that set it.
pub type StoredMembership = StoredMembershipOf<TypeConfig>;
/// What a snapshot covers.
pub type SnapshotMeta = SnapshotMetaOf<TypeConfig>;
/// A snapshot whose content is a file.
pub type Snapshot = SnapshotOf<TypeConfig, crate::network::SnapshotFile>;

/// A command as proposed: versioned bytes, cheap to clone.
// openraft's `serde` feature asks for serde on every type here; nothing uses it.
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

/// Where a member of the cluster is found.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeerInfo {
    /// The name an operator knows it by.
    pub name: String,
    /// `host:port` of its peer plane.
    pub peer_addr: String,
    /// Base URL of its public API.
    pub api_url: String,
}

impl fmt::Display for PeerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.peer_addr)
    }
}
