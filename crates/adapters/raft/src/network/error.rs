//! Errors of calls to peers, distinguished by what the caller may do next.

use tonic::{Code, Status};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a forwarded proposal has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Not proposed; safe to retry here or elsewhere.
    #[error("not proposed: {why}")]
    NotSent {
        /// What failed.
        why: String,
        /// The cause.
        #[source]
        cause: Option<Cause>,
    },
    /// Sent, but the response was lost: the proposal may or may not be committed.
    #[error("the outcome is not known: {why}")]
    Unknown {
        /// What failed.
        why: String,
        /// The cause.
        #[source]
        cause: Option<Cause>,
    },
    /// Refused permanently.
    #[error("refused: {why}")]
    Refused {
        /// The reason that the leader gave.
        why: String,
    },
    /// Not proposed, because a member is low on disk space.
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

/// The reason why a query to a peer failed. Queries change nothing, so a retry is safe.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The address of the node is unknown.
    #[error("node {0} is not known")]
    UnknownNode(u64),
    /// The node did not respond in time.
    #[error("node {0} did not answer in time")]
    Timeout(u64),
    /// The connection failed.
    #[error("node {node} cannot be reached")]
    Unreachable {
        /// The peer.
        node: u64,
        /// The cause.
        #[source]
        cause: Box<Status>,
    },
    /// The peer is not the leader, or has lost its quorum.
    #[error("node {node} does not lead: {why}")]
    NotLeader {
        /// The peer.
        node: u64,
        /// The reason that it gave.
        why: String,
    },
    /// The peer responded with an error.
    #[error("node {node} refused the call")]
    Refused {
        /// The peer.
        node: u64,
        /// The response.
        #[source]
        cause: Box<Status>,
    },
    /// The response of the peer is malformed.
    #[error("node {node} answered nonsense")]
    Nonsense {
        /// The peer.
        node: u64,
        /// The cause.
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

/// Whether the connection failed, rather than the peer refusing the call.
pub(super) fn connection_failed(status: &Status) -> bool {
    // tonic reports connect errors as UNAVAILABLE and broken HTTP/2 streams as the others.
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded)
        || std::error::Error::source(status).is_some()
}
