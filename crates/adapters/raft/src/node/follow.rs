//! Follows the membership: updates the addresses of members, completes interrupted changes, and detects the
//! removal of this node.

use super::start::NodeMember;
use super::{ELECTION_MS_MAX, Shared};
use crate::type_config::StoredMembership;
use domain::MemberId;
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// The interval between checks.
const INTERVAL: Duration = Duration::from_millis(500);
/// Time without a leader after which a node asks the others whether it is still a member, in milliseconds.
const SILENCE_MS: u64 = 3 * ELECTION_MS_MAX;
/// Time limit for their answers.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit for completing an interrupted change.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until the node stops or was removed. `members` are those in the settings.
pub(super) async fn follow_members(shared: Arc<Shared>, stop: CancellationToken, members: Vec<NodeMember>) {
    let mut metrics = shared.raft.server_metrics();
    let mut learned = None;
    let declared: BTreeSet<u64> = members.iter().map(|member| member.id).collect();
    let mut compared = false;
    loop {
        let stored = metrics.borrow_watched().membership_config.clone();
        if learned != *stored.log_id() {
            learned.clone_from(stored.log_id());
            learn(&shared, &stored, &declared);
            if !std::mem::replace(&mut compared, true) {
                for difference in differences(&stored, &members) {
                    tracing::warn!("{difference}");
                }
            }
        }
        settle(&shared, &stored).await;
        if let Some(who) = removed_by(&shared, &stored).await {
            leave(&shared, who);
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
            changed = metrics.changed() => if changed.is_err() { return },
        }
    }
}

/// The settings of members that differ from the membership.
pub(super) fn differences(stored: &StoredMembership, members: &[NodeMember]) -> Vec<String> {
    let differing = |member: &NodeMember| {
        let known = stored.membership().get_node(&member.id)?.clone();
        let fields = [
            ("name", &member.name, known.name),
            ("peer_addr", &member.peer_addr, known.peer_addr),
            ("api_url", &member.api_url, known.api_url),
        ];
        let differing = fields.into_iter().filter(|(_, declared, known)| *declared != known);
        let told = differing.map(|(field, declared, known)| {
            format!(
                "cluster.members: {field} {declared:?} of member {} has no effect: the cluster exists and knows \
                 {known:?}. The settings count only when a cluster forms; to move a member see \
                 docs/operations.md",
                member.id
            )
        });
        Some(told.collect::<Vec<_>>())
    };
    members.iter().filter_map(differing).flatten().collect()
}

/// Uses the addresses in the log, which are newer than those in the settings.
fn learn(shared: &Shared, stored: &StoredMembership, declared: &BTreeSet<u64>) {
    let mut known = declared.clone();
    for (id, info) in stored.membership().nodes().filter(|(id, _)| **id != shared.node_id) {
        shared.peers.learn(*id, info);
        known.insert(*id);
    }
    shared.peers.retain(&known);
}

/// If a leader fails between the two entries of a change, both configurations stay in force until the change
/// is completed.
async fn settle(shared: &Shared, stored: &StoredMembership) {
    let applied = shared.store.published().marker.applied;
    let committed = *stored.log_id() <= applied;
    if !committed || stored.membership().get_joint_config().len() < 2 || !shared.raft.is_leader() {
        return;
    }
    let Ok(_turn) = shared.changing.try_lock() else { return };
    let change = ChangeMembers::AddVoterIds(BTreeSet::new());
    match timeout(SETTLE_TIMEOUT, shared.raft.change_membership(change, false)).await {
        Ok(Ok(_)) => tracing::info!("a change of the members that was left half-way is done"),
        Ok(Err(error)) => tracing::info!(%error, "a change of the members is still half-way"),
        Err(_) => tracing::info!("a change of the members is still half-way"),
    }
}

/// The node that reports the removal of this node: itself, or a peer that it asked because there was no
/// leader. `None` if this node is still a member.
async fn removed_by(shared: &Shared, stored: &StoredMembership) -> Option<u64> {
    if !shared.ready.load(Ordering::Acquire) {
        return None;
    }
    let own = MemberId::new(shared.node_id).ok()?;
    let member = stored.membership().get_node(&shared.node_id).is_some();
    if !member && shared.store.published().state.is_retired_member(own) && !shared.raft.is_leader() {
        return Some(shared.node_id);
    }
    let silence_ms = shared.stale_for_ms().unwrap_or_else(|| shared.elapsed_ms());
    if silence_ms < SILENCE_MS || shared.raft.is_leader() {
        return None;
    }
    let deadline = Instant::now() + ASK_TIMEOUT;
    let others = shared.peers.ids().into_iter().filter(|id| *id != shared.node_id);
    let answers = futures::future::join_all(others.map(|id| async move {
        shared.peers.status(id, deadline).await.is_ok_and(|status| status.asker_was_removed).then_some(id)
    }));
    answers.await.into_iter().flatten().next()
}

/// Stops requesting votes and answering peers.
fn leave(shared: &Shared, who: u64) {
    shared.removed.store(true, Ordering::Release);
    shared.ready.store(false, Ordering::Release);
    shared.raft.runtime_config().elect(false);
    tracing::error!(
        said_by = who,
        "this node was removed from the cluster and takes part no more; its id {} is never used again: stop \
         it, and give the machine an empty data folder and a new id to add it again",
        shared.node_id
    );
}
