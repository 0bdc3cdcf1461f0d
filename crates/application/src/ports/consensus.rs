//! Committing commands to the replicated state.

use async_trait::async_trait;
use domain::{Command, Outcome, Stamped};

/// The reason why a command or a read has no result.
#[derive(Debug, thiserror::Error)]
pub enum ConsensusError {
    /// No leader is reachable. Nothing was proposed; retry later.
    #[error("no leader is reachable")]
    NoLeader,
    /// This node did not reach the requested revision in time.
    #[error("this node is at revision {at}, behind the requested {wanted}")]
    Behind {
        /// The revision of this node.
        at: u64,
        /// The requested revision.
        wanted: u64,
    },
    /// The queue of proposals is full. Nothing was proposed; retry later.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// A member is low on disk space, and the command increases disk use. Nothing was proposed; commands that
    /// do not increase it are still accepted.
    #[error("a member of the cluster is low on disk space")]
    DiskFull,
    /// The command was proposed, but its outcome is unknown and may stay so.
    #[error("the leader was lost before it answered: the outcome is unknown")]
    OutcomeUnknown,
    /// The node is broken or stopping.
    #[error("the replicated state is unavailable")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Commits commands.
#[async_trait]
pub trait Consensus: Send + Sync {
    /// Proposes a command and waits until it is applied, on this node or on the leader.
    ///
    /// - The outcome is durable on a majority of the members.
    /// - On errors the command was not accepted and never will be, except on
    ///   [`ConsensusError::OutcomeUnknown`] and on a `Failed` after shutdown began.
    async fn propose(&self, command: Stamped<Command>) -> Result<Outcome, ConsensusError>;
}
