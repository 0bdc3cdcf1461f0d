//! Proposing commands: on this node if it is the leader, otherwise forwarded once to the leader.
//!
//! A command that may have reached a log is never sent again; the caller gets an unknown outcome.

use super::{LEADER_WAIT, PROPOSE_TIMEOUT, RETRY_PAUSE, RaftNode, Shared};
use crate::codec::command::{decode_outcome, encode_command, taken};
use crate::network::ForwardError;
#[cfg(feature = "simulation")]
use crate::planted_faults::{Fault, is};
use crate::type_config::Payload;
use application::ports::{Consensus, ConsensusError};
use async_trait::async_trait;
use bytes::Bytes;
use domain::{Command, Outcome, Stamped};
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};
use std::sync::atomic::Ordering;
use tokio::time::{Instant, timeout_at};

/// The reason why a local proposal has no outcome.
pub(super) enum LocalError {
    /// It is in no log; safe to retry.
    NotProposed(String),
    /// It may be in a log.
    Unknown(String),
    /// It is in no log, because a member is low on disk space.
    DiskFull,
}

/// Proposes on this node, which must be the leader, with the time of its clock.
pub(super) async fn propose_here(
    shared: &Shared,
    payload: Bytes,
    deadline: Instant,
) -> Result<Bytes, LocalError> {
    if shared.space.refuses(&payload) {
        return Err(LocalError::DiskFull);
    }
    let payload = Payload(taken(&payload, shared.clock.now()));
    match timeout_at(deadline, shared.raft.client_write(payload)).await {
        Ok(Ok(written)) => Ok(written.data.0),
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => {
            Err(LocalError::NotProposed(format!("this node does not lead ({:?})", forward.reason)))
        }
        // The entry was written here and then overwritten by another leader, which may have it, too.
        Ok(Err(error)) => Err(LocalError::Unknown(error.to_string())),
        Err(_) => Err(LocalError::Unknown("no majority answered in time".to_owned())),
    }
}

#[async_trait]
impl Consensus for RaftNode {
    async fn propose(&self, command: Stamped<Command>) -> Result<Outcome, ConsensusError> {
        let shared = &*self.shared;
        #[cfg(feature = "simulation")]
        let command = if is(Fault::VersionInHandler) {
            crate::planted_faults::compared_here(&shared.store.published().state, command)
        } else {
            command
        };
        let turn = shared.large.turn(&command.command, Instant::now() + PROPOSE_TIMEOUT).await;
        let _turn = turn.ok_or(ConsensusError::Overloaded)?;
        let _slot = shared.proposals.try_acquire().map_err(|_| ConsensusError::Overloaded)?;
        let payload =
            Bytes::from(encode_command(&command).map_err(|error| ConsensusError::Failed(error.into()))?);
        let began = Instant::now();
        let deadline = began + PROPOSE_TIMEOUT;
        // A fail-over takes one election; a longer absence means that there is no majority.
        while let Some(leader) = shared.leader_by(began + LEADER_WAIT).await {
            if let Some(reply) = shared.propose_to(leader, &payload, deadline).await? {
                // It was applied, but this node cannot decode the outcome.
                return decode_outcome(&reply).map_err(|error| {
                    tracing::error!(%error, "the outcome of a proposal cannot be read");
                    ConsensusError::OutcomeUnknown
                });
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        Err(ConsensusError::NoLeader)
    }
}

impl Shared {
    /// The encoded outcome; `None` if the command was certainly not proposed and may be retried.
    async fn propose_to(
        &self,
        leader: u64,
        payload: &Bytes,
        deadline: Instant,
    ) -> Result<Option<Bytes>, ConsensusError> {
        if leader == self.node_id {
            return match propose_here(self, payload.clone(), deadline).await {
                Ok(reply) => Ok(Some(reply)),
                Err(LocalError::DiskFull) => Err(ConsensusError::DiskFull),
                Err(LocalError::NotProposed(why)) => {
                    tracing::debug!(%why, "not proposed");
                    Ok(None)
                }
                Err(LocalError::Unknown(why)) => {
                    tracing::warn!(%why, "the outcome of a proposal is unknown");
                    Err(ConsensusError::OutcomeUnknown)
                }
            };
        }
        match self.peers.forward(leader, payload.clone(), deadline).await {
            Ok(reply) => Ok(Some(reply)),
            Err(ForwardError::NotSent { why, .. }) => {
                tracing::debug!(leader, %why, "not forwarded");
                Ok(None)
            }
            #[cfg(feature = "simulation")]
            Err(ForwardError::Unknown { .. }) if is(Fault::ForwardTwice) => Ok(None),
            #[cfg(feature = "simulation")]
            Err(ForwardError::Unknown { .. }) if is(Fault::UnknownAsRefused) => Err(ConsensusError::NoLeader),
            Err(error @ ForwardError::Unknown { .. }) => {
                tracing::warn!(leader, %error, "the outcome of a forwarded proposal is unknown");
                Err(ConsensusError::OutcomeUnknown)
            }
            Err(ForwardError::DiskFull) => Err(ConsensusError::DiskFull),
            Err(error @ ForwardError::Refused { .. }) => Err(ConsensusError::Failed(error.into())),
        }
    }

    /// The leader; waits until one is known. `None` if there is none by `deadline`.
    pub(super) async fn leader_by(&self, deadline: Instant) -> Option<u64> {
        if !self.ready.load(Ordering::Acquire) || Instant::now() >= deadline {
            return None;
        }
        let mut metrics = self.raft.server_metrics();
        loop {
            let leader = metrics.borrow_watched().current_leader;
            if leader.is_some() {
                return leader;
            }
            match timeout_at(deadline, metrics.changed()).await {
                Ok(Ok(())) => {}
                _ => return None,
            }
        }
    }
}
