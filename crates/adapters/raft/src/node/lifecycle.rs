//! The lifecycle of a node: forming or joining the cluster, checkpoints, leadership transfer, shutdown.

use super::follow::follow_members;
use super::identity::{Identity, Phase};
use super::join::{Invitation, wait_to_join};
use super::start::{NodeConfig, NodeMember, declared};
use super::{ELECTION_MS_MAX, RaftNode, Shared};
use crate::codec::command::encode_command;
use crate::disk;
use crate::log_store::OnFatal;
use crate::space::MEASURE_INTERVAL;
use crate::type_config::Payload;
use domain::{Actor, Command, NewApiKey, RequestId, Stamped, Timestamp};
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The interval between checkpoints.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// A leader counts as heard by itself if a majority responded within this time.
const HEARD_WITHIN: Duration = Duration::from_millis(500);
/// The interval between checks of the other members while the cluster forms.
const FORMING_INTERVAL: Duration = Duration::from_millis(50);
/// Time limit for their answers.
const FORMING_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit of a leadership transfer.
const HAND_OVER_TIMEOUT: Duration = Duration::from_millis(2 * ELECTION_MS_MAX);
/// Time limit for stopping the tasks of the node.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The data folder is new although the cluster exists.
#[derive(Debug, thiserror::Error)]
#[error(
    "this node's data folder is new, but member {0} says that the cluster exists: a member whose disk \
     was lost must not come back under its old id; remove it and add the machine under a new id, with \
     cluster.join"
)]
pub(super) struct LostDisk(pub(super) u64);

pub(super) fn spawn(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    shared: &Arc<Shared>,
    identity: Identity,
    invited: mpsc::Receiver<Invitation>,
    config: NodeConfig,
) {
    let on_fatal = config.on_fatal.clone();
    tasks.spawn(follow_members(shared.clone(), stop.clone(), config.members.clone()));
    let joining = config.join.then_some(invited);
    let forming = form(shared.clone(), identity, config.members, joining, config.admin_key);
    let stopping = stop.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            formed = forming => if let Err(error) = formed { on_fatal(error) },
        }
    });
    let checkpoints = checkpoints(shared.clone(), stop.clone(), config.on_fatal.clone());
    tasks.spawn(checkpoints);
    tasks.spawn(watch_space(shared.clone(), stop.clone()));
    tasks.spawn(wake_followers(shared.clone(), stop.clone()));
    tasks.spawn(follow_leader(shared.clone(), stop.clone(), config.on_fatal));
}

/// Waits until all members are present or a leader asks this node to join. Initialises the cluster if this
/// node is the first of the members, and bootstraps its state.
async fn form(
    shared: Arc<Shared>,
    mut identity: Identity,
    members: Vec<NodeMember>,
    joining: Option<mpsc::Receiver<Invitation>>,
    admin_key: NewApiKey,
) -> io::Result<()> {
    let first = members.iter().map(|member| member.id).min() == Some(shared.node_id) && joining.is_none();
    if let (Phase::Fresh, Some(mut invitations)) = (identity.phase(), joining) {
        let declared: Vec<u64> = members.iter().map(|member| member.id).collect();
        wait_to_join(&shared, &mut identity, &declared, &mut invitations).await?;
    } else if identity.phase() == Phase::Fresh {
        loop {
            let seen = look(&shared, &members).await;
            if let Some((id, _)) =
                seen.iter().find(|(_, seen)| seen.is_some_and(|(_, initialized)| initialized))
            {
                return Err(io::Error::other(LostDisk(*id)));
            }
            if seen.iter().all(|(_, seen)| seen.is_some()) {
                break;
            }
            tokio::time::sleep(FORMING_INTERVAL).await;
        }
        identity.make_ready()?;
    }
    shared.ready.store(true, Ordering::Release);
    while first && !shared.is_initialized() {
        let seen = look(&shared, &members).await;
        if seen.iter().all(|(_, seen)| seen.is_some_and(|(takes_part, _)| takes_part)) {
            // Only fails if the cluster is already initialised.
            if let Err(error) = shared.raft.initialize(declared(&members)).await {
                tracing::info!(%error, "the cluster is already initialised");
            }
        }
        tokio::time::sleep(FORMING_INTERVAL).await;
    }
    name_cluster(&shared, admin_key).await
}

/// The other members, each with whether it participates and whether its log has begun; `None` without an
/// answer.
async fn look(shared: &Shared, members: &[NodeMember]) -> Vec<(u64, Option<(bool, bool)>)> {
    let deadline = Instant::now() + FORMING_TIMEOUT;
    let others = members.iter().filter(|member| member.id != shared.node_id);
    futures::future::join_all(others.map(|member| async move {
        let status = shared.peers.status(member.id, deadline).await.ok();
        (member.id, status.map(|status| (status.takes_part, status.initialized)))
    }))
    .await
}

/// Proposes the bootstrap command while this node is the leader and the state has no cluster id.
async fn name_cluster(shared: &Shared, admin_key: NewApiKey) -> io::Result<()> {
    let command = Stamped {
        command: Command::Bootstrap { cluster_id: shared.cluster_id.clone(), admin_key },
        actor: Actor::System,
        request_id: RequestId::parse("bootstrap").map_err(io::Error::other)?,
        // All members propose the same command. The time of the bootstrap is not stored anywhere else.
        at: Timestamp(0),
        idempotency: None,
        person: None,
        provenance: domain::Provenance::default(),
    };
    let payload = Payload(encode_command(&command)?.into());
    while shared.store.published().state.header().cluster_id.is_none() {
        if shared.raft.is_leader()
            && let Err(error) = shared.raft.client_write(payload.clone()).await
        {
            tracing::info!(%error, "the cluster is not named yet");
        }
        tokio::time::sleep(FORMING_INTERVAL).await;
    }
    Ok(())
}

async fn checkpoints(shared: Arc<Shared>, stop: CancellationToken, on_fatal: OnFatal) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECKPOINT_INTERVAL) => {}
        }
        if let Err(error) = checkpoint(&shared).await {
            on_fatal(error);
            return;
        }
    }
}

async fn wake_followers(shared: Arc<Shared>, stop: CancellationToken) {
    let waking = async {
        loop {
            shared.store.wake_followers().await;
        }
    };
    stop.run_until_cancelled(waking).await;
}

/// Writes a checkpoint if there is disk space for it. It may be delayed, because the log contains everything.
async fn checkpoint(shared: &Arc<Shared>) -> io::Result<()> {
    let (store, space) = (shared.store.clone(), shared.space.clone());
    disk::blocking(move || {
        if space.has_room(store.checkpoint_bytes()) {
            return store.checkpoint();
        }
        tracing::warn!("there is no disk space for a checkpoint; it is made later");
        Ok(())
    })
    .await
}

/// Measures the disk at regular intervals.
async fn watch_space(shared: Arc<Shared>, stop: CancellationToken) {
    let measuring = async {
        loop {
            tokio::time::sleep(MEASURE_INTERVAL).await;
            let space = shared.space.clone();
            let measured = disk::blocking(move || {
                space.refresh();
                Ok(())
            });
            if let Err(error) = measured.await {
                tracing::warn!(%error, "the free disk space was not measured");
            }
        }
    };
    stop.run_until_cancelled(measuring).await;
}

/// Reports leader changes and, on the leader, that a majority responds. Stops the process if openraft has
/// stopped.
async fn follow_leader(shared: Arc<Shared>, stop: CancellationToken, on_fatal: OnFatal) {
    let mut metrics = shared.raft.metrics();
    let mut known = None;
    loop {
        let (running, leader, acked_ms) = {
            let now = metrics.borrow_watched();
            (now.running_state.clone(), now.current_leader, now.last_quorum_acked.map(|at| at.elapsed()))
        };
        if let Err(error) = running {
            if !stop.is_cancelled() {
                on_fatal(io::Error::other(error));
            }
            return;
        }
        if leader == Some(shared.node_id)
            && let Some(ago) = acked_ms.filter(|ago| *ago < HEARD_WITHIN)
        {
            shared.heard_before(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX));
        }
        if leader.is_some() && leader != known {
            known = leader;
            shared.observer.leader_changed();
            tracing::info!(?leader, "the cluster has a leader");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = metrics.changed() => if changed.is_err() { return },
        }
    }
}

/// The most advanced of `voters` except this node, as far as the leader knows.
pub(super) fn successor(shared: &Shared, voters: &[u64]) -> Option<u64> {
    let metrics = shared.raft.metrics();
    let now = metrics.borrow_watched();
    let matched = now.replication.iter().flatten();
    matched
        .filter(|(id, _)| voters.contains(id) && **id != shared.node_id)
        .max_by_key(|(_, matched)| matched.map(|log_id| log_id.index))
        .map(|(id, _)| *id)
}

/// Transfers leadership to `target` and waits for a new leader; `None` if there is none in time.
pub(super) async fn transfer_to(shared: &Shared, target: u64) -> Option<u64> {
    if shared.raft.trigger().transfer_leader(target).await.is_err() {
        return None;
    }
    let mut metrics = shared.raft.server_metrics();
    let moved = async {
        loop {
            let leader = metrics.borrow_watched().current_leader;
            if leader.is_some_and(|leader| leader != shared.node_id) {
                return leader;
            }
            if metrics.changed().await.is_err() {
                return None;
            }
        }
    };
    let leader = timeout(HAND_OVER_TIMEOUT, moved).await.ok().flatten();
    if let Some(leader) = leader {
        tracing::info!(leader, "the leadership was handed over");
    } else {
        tracing::warn!(target, "the leadership could not be handed over in time");
    }
    leader
}

impl RaftNode {
    /// Transfers leadership to the most advanced other voter, if this node is the leader. Best effort: if it
    /// fails, the others elect a leader once this node is gone.
    pub async fn hand_over(&self) {
        let shared = &self.shared;
        shared.leaving.store(true, Ordering::Release);
        if !shared.raft.is_leader() {
            return;
        }
        let voters: Vec<u64> = {
            let metrics = shared.raft.server_metrics();
            let now = metrics.borrow_watched();
            now.membership_config.membership().voter_ids().collect()
        };
        if let Some(target) = successor(shared, &voters) {
            transfer_to(shared, target).await;
        }
    }

    /// Stops the node: first Raft, then a last checkpoint, then everything else.
    pub async fn shutdown(&self) -> io::Result<()> {
        let shared = &self.shared;
        shared.leaving.store(true, Ordering::Release);
        self.stop.cancel();
        shared.store.stop_followers();
        if let Err(error) = shared.raft.shutdown().await {
            tracing::warn!(%error, "the Raft task did not end well");
        }
        let written = checkpoint(shared).await;
        self.tasks.close();
        if timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        written
    }
}
