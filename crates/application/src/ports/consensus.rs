//! The central port: getting a command accepted by the replicated state.

use async_trait::async_trait;
use domain::{Command, Outcome, Stamped};

/// Why no answer of the replicated state is at hand.
#[derive(Debug, thiserror::Error)]
pub enum ConsensusError {
    /// There is no leader to be reached from here. Nothing was proposed; try again later.
    #[error("no leader is reachable")]
    NoLeader,
    /// This node has not applied the revision that was asked for, in the time there was.
    #[error("this node is at revision {at}, behind the requested {wanted}")]
    Behind {
        /// The revision of this node.
        at: u64,
        /// The revision that was asked for.
        wanted: u64,
    },
    /// More proposals are waiting than the bound allows. Nothing was proposed; try again later.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// A member of the cluster is low on disk space, and the command needs some. Nothing was proposed; what
    /// does not grow goes on.
    #[error("a member of the cluster is low on disk space")]
    DiskFull,
    /// The command was proposed, but whether it was accepted is not known and may never be.
    #[error("the leader was lost before it answered: the outcome is unknown")]
    OutcomeUnknown,
    /// The node is broken or stopping.
    #[error("the replicated state is unavailable")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Commits commands.
#[async_trait]
pub trait Consensus: Send + Sync {
    /// Proposes a command and waits until it was applied, on this node or on the leader.
    ///
    /// The outcome is durable on a majority. Every error but [`ConsensusError::OutcomeUnknown`]
    /// (and a `Failed` after shutdown began) means that the command was not and will not be accepted.
    async fn propose(&self, command: Stamped<Command>) -> Result<Outcome, ConsensusError>;
}
