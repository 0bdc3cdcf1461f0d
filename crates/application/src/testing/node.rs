//! A cluster with one node, in memory: the real replicated state without log, disk or peers.

use super::{Bell, MemoryArchive};
use crate::ports::{
    ChangeSignal, ClusterStatus, ClusterView, Consensus, ConsensusError, Consistency, Freshness, Member,
    MemberFault, MemberRefusal, MemberRole, MembersChanged, Membership, MembershipError, StateReader, View,
};
use async_trait::async_trait;
use domain::{ClusterId, Command, EnvironmentId, MemberId, NewMember, Outcome, Stamped, State};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A failure of the node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Proposals and linearizable reads fail with no leader; stale reads succeed.
    NoLeader,
    /// Proposals are refused; reads succeed.
    Overloaded,
    /// Proposals that increase disk use are refused.
    DiskFull,
    /// Proposals are applied, but the outcome is lost.
    OutcomeUnknownApplied,
    /// Proposals are lost without an outcome.
    OutcomeUnknownLost,
}

/// A cluster with one node. Applies proposals at once, in order.
#[derive(Debug, Default)]
pub struct SingleNode {
    inner: Mutex<Inner>,
    archive: Arc<MemoryArchive>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// The state for stale views, if it is not the newest.
    stale: Option<State>,
    fault: Option<Fault>,
    injected: VecDeque<Stamped<Command>>,
    proposals: u64,
    /// Further members, which exist only in the membership.
    others: Vec<NewMember>,
    refusal: Option<MemberFault>,
}

impl SingleNode {
    /// An empty cluster, not bootstrapped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses every membership change with this kind; `None` stops that.
    pub fn refuse_members(&self, fault: Option<MemberFault>) {
        self.inner().refusal = fault;
    }

    /// Applies a command regardless of faults, as if another node had proposed it.
    pub fn apply(&self, command: &Stamped<Command>) -> Outcome {
        self.apply_locked(&mut self.inner(), command)
    }

    /// Sets or clears a fault.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.inner().fault = fault;
    }

    /// Applies `command` directly before the next proposal. Several commands are applied one for each
    /// proposal.
    pub fn inject_before_next_proposal(&self, command: Stamped<Command>) {
        self.inner().injected.push_back(command);
    }

    /// Freezes the state of stale views until `thaw`.
    pub fn freeze_stale_views(&self) {
        let mut inner = self.inner();
        inner.stale = Some(inner.state.clone());
    }

    /// Lets stale views use the newest state again.
    pub fn thaw(&self) {
        self.inner().stale = None;
    }

    /// A copy of the current state.
    pub fn state(&self) -> State {
        self.inner().state.clone()
    }

    /// The archive.
    pub fn archive(&self) -> &Arc<MemoryArchive> {
        &self.archive
    }

    /// The source of the change signals.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The number of proposals so far.
    pub fn proposals(&self) -> u64 {
        self.inner().proposals
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply_locked(&self, inner: &mut Inner, command: &Stamped<Command>) -> Outcome {
        let applied = inner.state.apply(command);
        if let Some(entry) = applied.audit {
            self.archive.record_audit(entry);
        }
        if let Some(committed) = &applied.committed {
            self.archive.record(committed);
            self.bell.ring(committed.revision);
        }
        applied.outcome
    }
}

#[async_trait]
impl Consensus for SingleNode {
    async fn propose(&self, command: Stamped<Command>) -> Result<Outcome, ConsensusError> {
        let mut inner = self.inner();
        inner.proposals += 1;
        if let Some(earlier) = inner.injected.pop_front() {
            self.apply_locked(&mut inner, &earlier);
        }
        match inner.fault {
            Some(Fault::NoLeader) => Err(ConsensusError::NoLeader),
            Some(Fault::Overloaded) => Err(ConsensusError::Overloaded),
            Some(Fault::DiskFull) if command.command.grows() => Err(ConsensusError::DiskFull),
            Some(Fault::OutcomeUnknownLost) => Err(ConsensusError::OutcomeUnknown),
            Some(Fault::OutcomeUnknownApplied) => {
                self.apply_locked(&mut inner, &command);
                Err(ConsensusError::OutcomeUnknown)
            }
            None | Some(Fault::DiskFull) => Ok(self.apply_locked(&mut inner, &command)),
        }
    }
}

#[async_trait]
impl StateReader for SingleNode {
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError> {
        let inner = self.inner();
        let may_lag = freshness.consistency == Consistency::Stale;
        if !may_lag && inner.fault == Some(Fault::NoLeader) {
            return Err(ConsensusError::NoLeader);
        }
        let state = inner.stale.as_ref().filter(|_| may_lag).unwrap_or(&inner.state);
        let (at, wanted) = (state.revision().0, freshness.min_revision.unwrap_or_default().0);
        if at < wanted {
            return Err(ConsensusError::Behind { at, wanted });
        }
        Ok(View {
            state: Arc::new(state.clone()),
            archive: self.archive.clone(),
            stale_for_ms: may_lag.then_some(0),
        })
    }

    fn follow(&self, _: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.bell.follow()
    }
}

#[async_trait]
impl ClusterView for SingleNode {
    async fn status(&self) -> ClusterStatus {
        let inner = self.inner();
        let unnamed = || ClusterId::parse("unnamed").expect("the constant is an id");
        let led = inner.fault != Some(Fault::NoLeader);
        let member = Member {
            id: 1,
            name: "node-1".to_owned(),
            role: if led { MemberRole::Leader } else { MemberRole::Follower },
            voter: true,
            reachable: true,
            applied_index: Some(inner.state.revision().0),
            lag: Some(0),
            peer_addr: "127.0.0.1:9080".to_owned(),
            api_url: "http://127.0.0.1:8080".to_owned(),
        };
        let others = inner.others.iter().map(|other| Member {
            id: other.id.get(),
            name: other.name.to_string(),
            role: MemberRole::Follower,
            peer_addr: other.peer_addr.to_string(),
            api_url: other.api_url.to_string(),
            ..member.clone()
        });
        let members = std::iter::once(member.clone()).chain(others).collect();
        ClusterStatus {
            cluster_id: inner.state.header().cluster_id.clone().unwrap_or_else(unnamed),
            node_id: 1,
            leader_id: led.then_some(1),
            term: 1,
            members,
        }
    }
}

#[async_trait]
impl Membership for SingleNode {
    async fn change(&self, command: Stamped<Command>) -> Result<MembersChanged, MembershipError> {
        if let Some(fault) = self.inner().refusal {
            return Err(refusal(fault));
        }
        let changed = match &command.command {
            Command::AdmitMember { member } => {
                let inner = self.inner();
                match inner.others.iter().find(|other| other.id == member.id) {
                    Some(other) if other != member => return Err(refusal(MemberFault::Exists)),
                    other => other.is_none(),
                }
            }
            Command::UpdateMember { member } => {
                if !self.inner().others.iter().any(|other| other.id == member.id) {
                    return Err(refusal(MemberFault::NotFound));
                }
                true
            }
            Command::RetireMember { id } if id.get() == 1 => return Err(refusal(MemberFault::LastVoter)),
            Command::RetireMember { id } => {
                if !self.inner().others.iter().any(|other| other.id == *id) {
                    return Err(refusal(MemberFault::NotFound));
                }
                true
            }
            _ => return Err(refusal(MemberFault::NotFound)),
        };
        let asked = command.command.clone();
        match self.propose(command).await? {
            Outcome::Rejected { rejection, .. } => Err(MembershipError::Rejected(rejection)),
            Outcome::Accepted { revision, .. } | Outcome::Replayed { revision, .. } => {
                let mut inner = self.inner();
                match asked {
                    Command::AdmitMember { member } if changed => inner.others.push(member),
                    Command::UpdateMember { member } => {
                        inner.others.retain(|other| other.id != member.id);
                        inner.others.push(member);
                    }
                    Command::RetireMember { id } => inner.others.retain(|other| other.id != id),
                    _ => {}
                }
                Ok(MembersChanged { revision, changed })
            }
        }
    }

    async fn transfer(&self, to: Option<MemberId>) -> Result<MemberId, MembershipError> {
        if self.inner().fault == Some(Fault::NoLeader) {
            return Err(ConsensusError::NoLeader.into());
        }
        match to {
            Some(id) if id.get() == 1 => Ok(id),
            _ => Err(refusal(MemberFault::NoSuccessor)),
        }
    }
}

fn refusal(fault: MemberFault) -> MembershipError {
    MemberRefusal { fault, detail: format!("{fault:?}") }.into()
}
