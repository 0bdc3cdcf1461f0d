//! Membership changes on the leader: one at a time, each in repeatable steps.
//!
//! First the replicated state decides who may join or must leave, then openraft changes the membership. An
//! interrupted change is completed by a retry.

use super::lifecycle::{successor, transfer_to};
use super::propose::{LocalError, propose_here};
use super::{READ_TIMEOUT, READY_LAG_ENTRIES_MAX, Shared};
use crate::codec::command::{decode_command, decode_outcome};
use crate::network::{ChangeError, MembersDone};
use crate::type_config::{Membership, PeerInfo, StoredMembership};
use application::ports::{MemberFault, MemberRefusal};
use bytes::Bytes;
use domain::limits::MEMBERS_MAX;
use domain::{Command, MemberId, NewMember, Outcome};
use futures::future::join_all;
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Time limit for one change on the leader; shorter than that of a client request.
const LEADER_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for another change to finish.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit for an answer of a member to the leader.
const MEET_TIMEOUT: Duration = Duration::from_secs(1);

fn refused(fault: MemberFault, detail: impl Into<String>) -> ChangeError {
    MemberRefusal { fault, detail: detail.into() }.into()
}

/// Admits, updates or retires a member; this node must be the leader. Runs to completion even if the caller
/// stops waiting.
pub(super) async fn change_here(shared: Arc<Shared>, payload: Bytes) -> Result<MembersDone, ChangeError> {
    let deadline = Instant::now() + LEADER_TIMEOUT;
    let working = tokio::spawn(async move { Change { shared: &shared, payload, deadline }.run().await });
    working.await.unwrap_or_else(|error| Err(ChangeError::Unknown(error.to_string())))
}

/// Transfers leadership; this node must be the leader.
pub(super) async fn hand_over_here(shared: &Shared, to: Option<u64>) -> Result<MembersDone, ChangeError> {
    let deadline = Instant::now() + LEADER_TIMEOUT;
    let change = Change { shared, payload: Bytes::new(), deadline };
    let _turn = change.turn().await?;
    change.confirm().await?;
    let done = |leader, changed| Ok(MembersDone { changed, leader, ..MembersDone::default() });
    if to == Some(shared.node_id) {
        return done(shared.node_id, false);
    }
    let stored = change.membership().await?;
    let voters: Vec<u64> = stored.membership().voter_ids().collect();
    if let Some(to) = to.filter(|to| !voters.contains(to)) {
        return Err(refused(MemberFault::NotFound, format!("no member with a vote has the id {to}")));
    }
    let none = || refused(MemberFault::NoSuccessor, "there is no other member with a vote");
    let target = to.or_else(|| successor(shared, &voters)).ok_or_else(none)?;
    let soon = deadline.min(Instant::now() + MEET_TIMEOUT);
    if let Err(error) = shared.peers.status(target, soon).await {
        return Err(refused(MemberFault::NoSuccessor, format!("member {target} cannot lead: {error}")));
    }
    change.caught_up(target, MemberFault::NoSuccessor).await?;
    match transfer_to(shared, target).await {
        Some(leader) => done(leader, true),
        None => Err(refused(
            MemberFault::NoSuccessor,
            format!("member {target} does not lead yet; an election decides who does"),
        )),
    }
}

/// A change in progress.
struct Change<'a> {
    shared: &'a Shared,
    payload: Bytes,
    deadline: Instant,
}

impl Change<'_> {
    async fn run(&self) -> Result<MembersDone, ChangeError> {
        let stamped =
            decode_command(&self.payload).map_err(|error| ChangeError::NotDone(error.to_string()))?;
        let _turn = self.turn().await?;
        self.confirm().await?;
        self.settle().await?;
        match stamped.command {
            Command::AdmitMember { member } => self.admit(&member).await,
            Command::RetireMember { id } => self.retire(id).await,
            Command::UpdateMember { member } => self.update(&member).await,
            _ => Err(refused(MemberFault::NotFound, "the command changes no member")),
        }
    }

    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, ChangeError> {
        let turn = timeout_at(Instant::now() + TURN_TIMEOUT, self.shared.changing.lock()).await;
        turn.map_err(|_| refused(MemberFault::Busy, "another change of the members is under way"))
    }

    /// Checks that this node is the leader and has applied all acknowledged writes.
    async fn confirm(&self) -> Result<(), ChangeError> {
        let shared = self.shared;
        let by = self.deadline.min(Instant::now() + READ_TIMEOUT);
        let not_leading = || ChangeError::NotDone("this node does not lead".to_owned());
        if !shared.raft.is_leader() {
            return Err(not_leading());
        }
        let index = shared.committed_index(shared.node_id, by).await.ok_or_else(not_leading)?;
        let mut progress = shared.store.progress();
        let applied = timeout_at(by, progress.wait_for(|now| now.applied_index >= index)).await;
        if matches!(applied, Ok(Ok(_))) { Ok(()) } else { Err(not_leading()) }
    }

    /// Completes a change that an earlier leader left in a joint configuration.
    async fn settle(&self) -> Result<(), ChangeError> {
        if self.membership().await?.membership().get_joint_config().len() > 1 {
            self.alter(ChangeMembers::AddVoterIds(BTreeSet::new())).await?;
        }
        Ok(())
    }

    async fn membership(&self) -> Result<StoredMembership, ChangeError> {
        let asked = self.shared.raft.with_raft_state(|raft| (**raft.membership_state.effective()).clone());
        asked.await.map_err(|error| ChangeError::NotDone(error.to_string()))
    }

    async fn admit(&self, new: &NewMember) -> Result<MembersDone, ChangeError> {
        let (shared, id) = (self.shared, new.id.get());
        let info = PeerInfo {
            name: new.name.to_string(),
            peer_addr: new.peer_addr.to_string(),
            api_url: new.api_url.to_string(),
        };
        let stored = self.membership().await?;
        let membership = stored.membership();
        check_free(membership, id, &info)?;
        let known = membership.get_node(&id).is_some();
        if membership.voter_ids().any(|voter| voter == id) {
            let state = shared.store.published().state.clone();
            if state.is_retired_member(new.id) {
                // An interrupted removal: the state records it first.
                self.decide().await?;
            }
            let index = stored.log_id().as_ref().map_or(0, |log_id| log_id.index);
            return Ok(MembersDone { revision: state.revision().0, index, ..MembersDone::default() });
        }
        if !known && membership.nodes().count() >= MEMBERS_MAX {
            return Err(refused(
                MemberFault::TooMany,
                format!("the limit members of {MEMBERS_MAX} is reached"),
            ));
        }
        let takes_part = self.meet(id, &info, known).await?;
        let revision = self.decide().await?;
        if !takes_part {
            // Before it becomes a member: a member that is unexpectedly new has lost its disk.
            let joined = shared.peers.join(id, self.deadline).await;
            joined.map_err(|error| refused(MemberFault::NotJoining, format!("member {id}: {error}")))?;
        }
        if !known {
            self.alter(ChangeMembers::AddNodes(BTreeMap::from([(id, info)]))).await?;
        }
        self.caught_up(id, MemberFault::Behind).await?;
        let index = self.alter(ChangeMembers::AddVoterIds(BTreeSet::from([id]))).await?;
        tracing::info!(member = id, name = %new.name, "a member was added");
        Ok(MembersDone { revision, changed: !known, index, leader: 0 })
    }

    /// Changes the addresses of a member, which must answer there. Members read addresses from the log.
    async fn update(&self, new: &NewMember) -> Result<MembersDone, ChangeError> {
        let (shared, id) = (self.shared, new.id.get());
        let info = PeerInfo {
            name: new.name.to_string(),
            peer_addr: new.peer_addr.to_string(),
            api_url: new.api_url.to_string(),
        };
        let stored = self.membership().await?;
        let Some(known) = stored.membership().get_node(&id).cloned() else {
            return Err(refused(MemberFault::NotFound, format!("no member has the id {id}")));
        };
        let others = stored.membership().nodes().filter(|(other, _)| **other != id);
        for (other, taken) in others {
            let same = [
                ("peer_addr", taken.peer_addr == info.peer_addr),
                ("api_url", taken.api_url == info.api_url),
            ];
            if let Some((field, _)) = same.into_iter().find(|(_, same)| *same) {
                return Err(refused(MemberFault::Exists, format!("member {other} has the same {field}")));
            }
        }
        let index = stored.log_id().as_ref().map_or(0, |log_id| log_id.index);
        if known == info {
            let revision = shared.store.published().state.revision().0;
            return Ok(MembersDone { revision, index, ..MembersDone::default() });
        }
        if id != shared.node_id && known.peer_addr != info.peer_addr {
            let by = self.deadline.min(Instant::now() + MEET_TIMEOUT);
            let status = shared.peers.status_at(id, &info.peer_addr, by).await.map_err(|error| {
                let detail = format!("member {id} does not answer at peer_addr {}: {error}", info.peer_addr);
                refused(MemberFault::Unreachable, detail)
            })?;
            if !status.takes_part {
                let detail = format!("member {id} answers at {}, but its disk is new", info.peer_addr);
                return Err(refused(MemberFault::NotJoining, detail));
            }
        }
        let revision = self.decide().await?;
        let index = self.alter(ChangeMembers::SetNodes(BTreeMap::from([(id, info)]))).await?;
        tracing::info!(member = id, peer_addr = %new.peer_addr, api_url = %new.api_url, "a member has other addresses");
        Ok(MembersDone { revision, changed: true, index, leader: 0 })
    }

    /// Checks whether the node can become a member. Returns whether it already participates.
    async fn meet(&self, id: u64, info: &PeerInfo, known: bool) -> Result<bool, ChangeError> {
        self.shared.peers.learn(id, info);
        let by = self.deadline.min(Instant::now() + MEET_TIMEOUT);
        let status = self.shared.peers.status(id, by).await.map_err(|error| {
            let detail = format!("member {id} does not answer at peer_addr {}: {error}", info.peer_addr);
            refused(MemberFault::Unreachable, detail)
        })?;
        let unfit = |why: &str| Err(refused(MemberFault::NotJoining, format!("member {id} {why}")));
        match (status.takes_part, known, status.joining) {
            (true, ..) => Ok(true),
            (false, true, _) => {
                unfit("is in the cluster, but its disk is new: remove it, and add the machine under a new id")
            }
            (false, false, true) => Ok(false),
            (false, false, false) => unfit("runs, but does not wait to join: set cluster.join on it"),
        }
    }

    async fn retire(&self, id: MemberId) -> Result<MembersDone, ChangeError> {
        let (shared, id) = (self.shared, id.get());
        let stored = self.membership().await?;
        let membership = stored.membership();
        if membership.get_node(&id).is_none() {
            return Err(refused(MemberFault::NotFound, format!("no member has the id {id}")));
        }
        let mut rest: Vec<u64> = membership.voter_ids().collect();
        let votes = rest.contains(&id);
        rest.retain(|voter| *voter != id);
        if votes {
            let answering = self.check_quorum(id, &rest).await?;
            if id == shared.node_id {
                let target = successor(shared, &answering);
                let target = target.ok_or_else(|| refused(MemberFault::LastVoter, "nobody else votes"))?;
                transfer_to(shared, target).await;
                return Err(ChangeError::NotDone("the leadership goes to another member first".to_owned()));
            }
        }
        let revision = self.decide().await?;
        let gone = BTreeSet::from([id]);
        let change = if votes { ChangeMembers::RemoveVoters(gone) } else { ChangeMembers::RemoveNodes(gone) };
        let index = self.alter(change).await?;
        tracing::info!(member = id, "a member was removed");
        Ok(MembersDone { revision, changed: true, index, leader: 0 })
    }

    /// Checks that the remaining voters keep a quorum. Returns those that answer.
    async fn check_quorum(&self, id: u64, rest: &[u64]) -> Result<Vec<u64>, ChangeError> {
        if rest.is_empty() {
            return Err(refused(
                MemberFault::LastVoter,
                format!("member {id} is the last one with a vote: add another first"),
            ));
        }
        let by = self.deadline.min(Instant::now() + MEET_TIMEOUT);
        let shared = self.shared;
        let answers = join_all(rest.iter().map(|voter| async move {
            let answers = *voter == shared.node_id
                || shared.peers.status(*voter, by).await.is_ok_and(|status| status.takes_part);
            answers.then_some(*voter)
        }));
        let answering: Vec<u64> = answers.await.into_iter().flatten().collect();
        let reachable = answering.len();
        let majority = rest.len() / 2 + 1;
        if reachable < majority {
            return Err(refused(
                MemberFault::QuorumAtRisk,
                format!(
                    "without member {id}, {} members have a vote, {majority} must take part, and {reachable} answer",
                    rest.len()
                ),
            ));
        }
        Ok(answering)
    }

    /// Commits the command to the replicated state.
    async fn decide(&self) -> Result<u64, ChangeError> {
        match propose_here(self.shared, self.payload.clone(), self.deadline).await {
            Ok(reply) => match decode_outcome(&reply) {
                Ok(Outcome::Accepted { revision, .. } | Outcome::Replayed { revision, .. }) => Ok(revision.0),
                Ok(Outcome::Rejected { .. }) => Err(ChangeError::Rejected(reply)),
                Err(error) => Err(ChangeError::Unknown(error.to_string())),
            },
            Err(LocalError::NotProposed(why)) => Err(ChangeError::NotDone(why)),
            Err(LocalError::Unknown(why)) => Err(ChangeError::Unknown(why)),
            Err(LocalError::DiskFull) => {
                Err(ChangeError::NotDone("a member is low on disk space".to_owned()))
            }
        }
    }

    /// Changes the membership, in two log entries if voters change. Returns the index of the last.
    async fn alter(&self, change: ChangeMembers<u64, PeerInfo>) -> Result<u64, ChangeError> {
        match timeout_at(self.deadline, self.shared.raft.change_membership(change, false)).await {
            Ok(Ok(written)) => Ok(written.log_id.index),
            Ok(Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error)))) => {
                Err(refused(MemberFault::Busy, error.to_string()))
            }
            Ok(Err(error)) => Err(ChangeError::Unknown(error.to_string())),
            Err(_) => Err(ChangeError::Unknown("no majority answered in time".to_owned())),
        }
    }

    /// Waits until a member has nearly caught up with this node.
    async fn caught_up(&self, id: u64, otherwise: MemberFault) -> Result<(), ChangeError> {
        let mut metrics = self.shared.raft.metrics();
        let mut behind = None;
        let waiting = async {
            loop {
                {
                    let now = metrics.borrow_watched();
                    let Some(replication) = &now.replication else {
                        return Err(ChangeError::Unknown("the leadership was lost".to_owned()));
                    };
                    if let Some(matched) = replication.get(&id) {
                        let has = matched.as_ref().map_or(0, |log_id| log_id.index);
                        let lag = now.last_log_index.unwrap_or(0).saturating_sub(has);
                        if matched.is_some() && lag <= READY_LAG_ENTRIES_MAX {
                            return Ok(());
                        }
                        behind = Some(lag);
                    }
                }
                if metrics.changed().await.is_err() {
                    return Err(ChangeError::Unknown("this node stops".to_owned()));
                }
            }
        };
        if let Ok(done) = timeout_at(self.deadline, waiting).await {
            return done;
        }
        let lag = behind.map_or("an unknown number of".to_owned(), |lag| lag.to_string());
        let detail = format!(
            "member {id} is {lag} log entries behind, at most {READY_LAG_ENTRIES_MAX} are allowed; ask again"
        );
        Err(refused(otherwise, detail))
    }
}

/// Fails if another member has the id, the name or an address, or if the member has other values.
fn check_free(membership: &Membership, id: u64, info: &PeerInfo) -> Result<(), ChangeError> {
    for (other, known) in membership.nodes() {
        let fields = [
            ("name", known.name == info.name),
            ("peer_addr", known.peer_addr == info.peer_addr),
            ("api_url", known.api_url == info.api_url),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, same)| *same != (*other == id)) {
            let detail = if *other == id {
                format!("member {id} is there with another {field}")
            } else {
                format!("member {other} has the same {field}")
            };
            return Err(refused(MemberFault::Exists, detail));
        }
    }
    Ok(())
}
