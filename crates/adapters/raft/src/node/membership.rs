//! Membership changes through any node: forwards the change to the leader, and then waits until this node has
//! applied the new membership.

use super::members::{change_here, hand_over_here};
use super::{RaftNode, Shared};
use crate::codec::command::{decode_outcome, encode_command};
use crate::network::{ChangeError, MembersDone};
use application::ports::{ConsensusError, MembersChanged, Membership, MembershipError};
use async_trait::async_trait;
use bytes::Bytes;
use domain::{Command, MemberId, Outcome, Revision, Stamped};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Time limit of a whole change; shorter than the default limit of a request.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(9);
/// Longest wait until this node has applied the change. A removed node never does.
const HEAR_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between attempts to find the leader.
const LEADER_PAUSE: Duration = Duration::from_millis(50);

/// A request to the leader.
enum Question {
    /// An encoded command that changes the membership.
    Change(Bytes),
    /// A leadership transfer.
    HandOver(Option<u64>),
}

#[async_trait]
impl Membership for RaftNode {
    async fn change(&self, command: Stamped<Command>) -> Result<MembersChanged, MembershipError> {
        let payload = encode_command(&command).map_err(|error| ConsensusError::Failed(error.into()))?;
        let done = self.shared.ask_leader(&Question::Change(payload.into())).await?;
        self.shared.hear(done.index).await;
        Ok(MembersChanged { revision: Revision(done.revision), changed: done.changed })
    }

    async fn transfer(&self, to: Option<MemberId>) -> Result<MemberId, MembershipError> {
        let done = self.shared.ask_leader(&Question::HandOver(to.map(MemberId::get))).await?;
        let leader = MemberId::new(done.leader);
        Ok(leader.map_err(|error| ConsensusError::Failed(error.into()))?)
    }
}

fn rejected(outcome: &[u8]) -> MembershipError {
    match decode_outcome(outcome) {
        Ok(Outcome::Rejected { rejection, .. }) => MembershipError::Rejected(rejection),
        Ok(Outcome::Accepted { .. } | Outcome::Replayed { .. }) => {
            ConsensusError::Failed(io::Error::other("a refusal that accepts").into()).into()
        }
        Err(error) => ConsensusError::Failed(error.into()).into(),
    }
}

impl Shared {
    /// Sends the request to the leader. Retries if nothing was done because there was no leader.
    async fn ask_leader(self: &Arc<Self>, question: &Question) -> Result<MembersDone, MembershipError> {
        let deadline = Instant::now() + CHANGE_TIMEOUT;
        while let Some(leader) = self.leader_by(deadline).await {
            match self.ask(leader, question, deadline).await {
                Ok(done) => return Ok(done),
                Err(ChangeError::NotDone(why)) => tracing::debug!(leader, %why, "the members did not change"),
                Err(ChangeError::Unknown(why)) => {
                    tracing::warn!(leader, %why, "the outcome of a change of the members is unknown");
                    return Err(ConsensusError::OutcomeUnknown.into());
                }
                Err(ChangeError::Refused(refusal)) => return Err(refusal.into()),
                Err(ChangeError::Rejected(outcome)) => return Err(rejected(&outcome)),
            }
            tokio::time::sleep(LEADER_PAUSE).await;
        }
        Err(ConsensusError::NoLeader.into())
    }

    async fn ask(
        self: &Arc<Self>,
        leader: u64,
        question: &Question,
        deadline: Instant,
    ) -> Result<MembersDone, ChangeError> {
        match question {
            Question::Change(command) if leader == self.node_id => {
                change_here(self.clone(), command.clone()).await
            }
            Question::Change(command) => self.peers.change_members(leader, command.clone(), deadline).await,
            Question::HandOver(to) if leader == self.node_id => hand_over_here(self, *to).await,
            Question::HandOver(to) => self.peers.hand_over(leader, *to, deadline).await,
        }
    }

    /// Waits briefly until this node has applied an entry.
    async fn hear(&self, index: u64) {
        let mut progress = self.store.progress();
        let heard =
            timeout_at(Instant::now() + HEAR_TIMEOUT, progress.wait_for(|now| now.applied_index >= index));
        if !matches!(heard.await, Ok(Ok(_))) {
            tracing::info!("this node has not heard of the new members yet");
        }
    }
}
