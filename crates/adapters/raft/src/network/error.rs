//! How calls to a peer fail, told apart by what the caller may do next.

use tonic::{Code, Status};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a forwarded proposal has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Never proposed: it may be sent again, here or elsewhere.
    #[error("not proposed: {why}")]
    NotSent {
        /// What happened.
        why: String,
        /// What caused it.
        #[source]
        cause: Option<Cause>,
    },
    /// Sent, and then the answer was lost: it may or may not be committed.
    #[error("the outcome is not known: {why}")]
    Unknown {
        /// What happened.
        why: String,
        /// What caused it.
        #[source]
        cause: Option<Cause>,
    },
    /// Turned away for good.
    #[error("refused: {why}")]
    Refused {
        /// What the leader said.
        why: String,
    },
    /// Never proposed, because a member is low on disk space.
    #[error("not proposed: a member is low on disk space")]
    DiskFull,
}

impl ForwardError {
    pub(super) fn not_sent(why: impl Into<String>, cause: Option<Cause>) -> Self {
        Self::NotSent { why: why.into(), cause }
    }

    pub(super) fn unknown(why: impl Into<String>, cause: Option<Cause>) -> Self {
        Self::Unknown { why: why.into(), cause }
    }
}

/// Why a question to a peer was not answered; asking changes nothing, so it may be asked again.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No address is known for the node.
    #[error("node {0} is not known")]
    UnknownNode(u64),
    /// Not answered in time.
    #[error("node {0} did not answer in time")]
    Timeout(u64),
    /// No connection, or it broke.
    #[error("node {node} cannot be reached")]
    Unreachable {
        /// The peer.
        node: u64,
        /// What happened.
        #[source]
        cause: Box<Status>,
    },
    /// The peer is not the leader, or has lost its quorum.
    #[error("node {node} does not lead: {why}")]
    NotLeader {
        /// The peer.
        node: u64,
        /// What it said.
        why: String,
    },
    /// The peer answered with an error.
    #[error("node {node} refused the call")]
    Refused {
        /// The peer.
        node: u64,
        /// What it said.
        #[source]
        cause: Box<Status>,
    },
    /// The peer's answer makes no sense.
    #[error("node {node} answered nonsense")]
    Nonsense {
        /// The peer.
        node: u64,
        /// What is wrong with it.
        #[source]
        cause: crate::codec::DecodeError,
    },
}

impl PeerError {
    pub(super) fn from_status(node: u64, status: Status) -> Self {
        let cause = Box::new(status);
        match cause.code() {
            Code::Aborted => Self::NotLeader { node, why: cause.message().to_owned() },
            _ if connection_failed(&cause) => Self::Unreachable { node, cause },
            _ => Self::Refused { node, cause },
        }
    }
}

/// Whether the connection failed, as opposed to the peer saying no.
pub(super) fn connection_failed(status: &Status) -> bool {
    // tonic turns connect errors into UNAVAILABLE and broken HTTP/2 streams into the others.
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded)
        || std::error::Error::source(status).is_some()
}
