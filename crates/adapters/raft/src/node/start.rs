//! Starting a node: locks the folder, opens log and state, listens to peers, forms or joins the cluster.

use super::identity::{Identity, IdentityError, Phase};
use super::large::LargeCommands;
use super::log_bytes::bound_log;
use super::platform::{Machine, Platform};
use super::{
    Barrier, ELECTION_MS_MAX, ELECTION_MS_MIN, HEARTBEAT_MS, PROPOSALS_MAX, Raft, RaftNode, Shared,
    lifecycle, peer,
};
use crate::codec::command::COMMAND_VERSION_MAX;
use crate::disk;
use crate::log_store::{LogStoreConfig, OnFatal, OpenError};
use crate::network::{PeerListener, PeerService, PeerServiceConfig, PeerTls, Peers};
use crate::observe::Observer;
use crate::space::{Space, SpaceLimits};
use crate::state_machine::StateMachine;
use crate::store::Store;
use crate::type_config::{PeerInfo, TypeConfig};
use application::ports::Clock;
use domain::{ClusterId, NewApiKey};
use openraft::storage::{
    RaftLogReader as _, RaftLogStorage, RaftSnapshotBuilder as _, RaftStateMachine as _,
};
use openraft::{Config, SnapshotPolicy};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Number of log entries that are kept for followers. A follower that is further behind needs a snapshot.
const LOG_KEPT_ENTRIES: u64 = 10_000;
/// Time limit for sending and installing a snapshot, in milliseconds.
const SNAPSHOT_TIMEOUT_MS: u64 = 600_000;
/// The name of the log folder in the data folder.
const LOG_FOLDER: &str = "log";
/// Most entries in one message to a follower; the log reader limits their size.
const APPEND_ENTRIES_MAX: u64 = 1024;

/// A declared member of the cluster.
#[derive(Clone, Debug)]
pub struct NodeMember {
    /// The member id: random, never reused once the disk is lost.
    pub id: u64,
    /// The name for operators.
    pub name: String,
    /// `host:port` for peers.
    pub peer_addr: String,
    /// The address for clients.
    pub api_url: String,
}

/// The configuration of a node.
#[derive(Clone)]
pub struct NodeConfig {
    /// The cluster id.
    pub cluster_id: ClusterId,
    /// The id of this node; must be one of `members`.
    pub node_id: u64,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The listen address for peers.
    pub peer_listen: SocketAddr,
    /// The node's certificate and the cluster's CA.
    pub peer_tls: PeerTls,
    /// The initial members of the cluster; for a joining node, itself and some existing members.
    pub members: Vec<NodeMember>,
    /// Whether a new data folder waits to join an existing cluster, instead of forming one.
    pub join: bool,
    /// The first administrator key, without its secret.
    pub admin_key: NewApiKey,
    /// Number of log entries between two snapshots.
    pub snapshot_every_entries: u64,
    /// Size of commands between two snapshots, in bytes; whichever limit is reached first.
    pub snapshot_every_bytes: u64,
    /// Rate of large documents of one project through this node, in bytes per second; 0 means unlimited.
    pub large_bytes_per_second: u64,
    /// The limits of disk space.
    pub space: SpaceLimits,
    /// The clock for stamping commands while this node is the leader.
    pub clock: Arc<dyn Clock>,
    /// Receives metrics.
    pub observer: Arc<dyn Observer>,
    /// Called once if the node must stop; the process should exit.
    pub on_fatal: OnFatal,
}

impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

/// The reason why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// This node is not one of the declared members.
    #[error("node {0} is not among the declared members")]
    NotMember(u64),
    /// A file, the disk or the network cannot be used.
    #[error("{what}")]
    Io {
        /// What failed.
        what: &'static str,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// openraft failed.
    #[error("{what}")]
    Raft {
        /// What failed.
        what: &'static str,
        /// The cause.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl NodeError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }

    fn raft<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Raft { what, cause: Box::new(cause) }
    }
}

impl RaftNode {
    /// Starts the node. Returns once it listens to peers; forming or joining the cluster continues in the
    /// background.
    pub async fn start(config: NodeConfig) -> Result<Arc<Self>, NodeError> {
        Self::start_on(&Machine, config).await
    }

    /// As [`Self::start`], on a given platform.
    pub async fn start_on<P: Platform>(platform: &P, config: NodeConfig) -> Result<Arc<Self>, NodeError> {
        let own = config.members.iter().find(|member| member.id == config.node_id).cloned();
        let own = own.ok_or(NodeError::NotMember(config.node_id))?;
        let identity = Identity::claim(&config.data_dir, &config.cluster_id, config.node_id)?;
        let space =
            open_space(platform, &config).await.map_err(NodeError::io("the disk cannot be measured"))?;
        let sockets = platform.sockets();
        let listener = PeerListener::bind(&*sockets, config.peer_listen, config.peer_tls.clone())
            .await
            .map_err(NodeError::io("the peer address cannot be bound"))?;
        let mut log = platform.open_log(LogStoreConfig {
            dir: config.data_dir.join(LOG_FOLDER),
            cluster_id: config.cluster_id.to_string(),
            node_id: config.node_id,
            on_fatal: config.on_fatal.clone(),
            observer: config.observer.clone(),
        })?;
        let began = log_began(&mut log).await.map_err(NodeError::io("the log cannot be read"))?;
        let store = open_store(platform, &config)?;
        let mut machine = StateMachine::new(
            store.clone(),
            config.data_dir.join("snapshots"),
            config.observer.clone(),
            config.on_fatal.clone(),
        )
        .map_err(NodeError::io("the snapshot folder cannot be used"))?
        .with_space(space.clone());
        cover_lost_tail(&mut log, &mut machine)
            .await
            .map_err(NodeError::io("a snapshot of the state cannot be written"))?;
        let peers = Peers::telling(sockets, config.peer_tls.clone(), space.clone());
        for member in config.members.iter().filter(|member| member.id != config.node_id) {
            peers.learn(member.id, &peer_info(member));
        }
        let applied_bytes = machine.applied_bytes();
        let raft_config =
            Arc::new(raft_config(&config).map_err(NodeError::raft("the Raft settings are not valid"))?);
        let raft = Raft::new(config.node_id, raft_config, peers.clone(), log, machine)
            .await
            .map_err(NodeError::raft("the replicated state cannot be started"))?;
        // Only one leader sends a request at a time.
        let (invitations, invited) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            cluster_id: config.cluster_id.clone(),
            node_id: config.node_id,
            api_url: own.api_url,
            raft,
            store,
            peers,
            space: space.clone(),
            clock: config.clock.clone(),
            observer: config.observer.clone(),
            ready: AtomicBool::new(identity.phase() == Phase::Ready),
            joining: AtomicBool::new(config.join && identity.phase() == Phase::Fresh),
            invitations,
            removed: AtomicBool::new(false),
            changing: tokio::sync::Mutex::new(()),
            leaving: AtomicBool::new(false),
            large: LargeCommands::new(config.large_bytes_per_second),
            proposals: tokio::sync::Semaphore::new(PROPOSALS_MAX),
            heard_ms: AtomicU64::new(0),
            began,
            _claim: identity.claim_file(),
            started: Instant::now(),
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let service = PeerService::new(
            shared.raft.clone(),
            Arc::new(peer::Handler(shared.clone())),
            PeerServiceConfig {
                incoming_dir: config.data_dir.join("incoming"),
                command_max: COMMAND_VERSION_MAX,
                observer: config.observer.clone(),
                space,
                shutdown: stop.clone(),
            },
        )
        .map_err(NodeError::io("the folder for incoming snapshots cannot be used"))?;
        let on_fatal = config.on_fatal.clone();
        tasks.spawn(async move {
            if let Err(cause) = service.serve(listener).await {
                on_fatal(io::Error::other(cause));
            }
        });
        let snapshot_every_bytes = config.snapshot_every_bytes;
        lifecycle::spawn(&tasks, &stop, &shared, identity, invited, config);
        tasks.spawn(bound_log(shared.clone(), stop.clone(), applied_bytes, snapshot_every_bytes));
        let barrier = Barrier::spawn(&tasks, stop.clone(), shared.clone());
        Ok(Arc::new(Self { shared, barrier, tasks, stop }))
    }
}

/// Builds a snapshot if the state is ahead of the log. A power failure may lose the end of the log although
/// the state was already written: a follower applies what a majority has, which may exclude its own disk.
/// openraft then purges its log up to the state. Without a snapshot of that state, this node as leader could
/// not bring followers from its snapshot to its log.
async fn cover_lost_tail(
    log: &mut impl RaftLogStorage<TypeConfig>,
    machine: &mut StateMachine,
) -> io::Result<()> {
    let (applied, _) = machine.applied_state().await?;
    let last = log.get_log_state().await?.last_log_id;
    if applied <= last {
        return Ok(());
    }
    tracing::warn!(
        ?applied,
        ?last,
        "the log lost entries that the state has; writing a snapshot of the state"
    );
    machine.build_snapshot().await.map(drop)
}

/// Whether the log contains a vote or an entry.
async fn log_began(log: &mut impl RaftLogStorage<TypeConfig>) -> io::Result<bool> {
    Ok(log.get_log_reader().await.read_vote().await?.is_some()
        || log.get_log_state().await?.last_log_id.is_some())
}

/// Measures the disk before the start, so that a node on a full disk has its reserve.
async fn open_space(platform: &impl Platform, config: &NodeConfig) -> io::Result<Arc<Space>> {
    let Some(disk) = platform.disk() else { return Ok(Arc::default()) };
    let space =
        Arc::new(Space::watch(&config.data_dir, &config.data_dir.join(LOG_FOLDER), config.space, disk));
    let first = space.clone();
    disk::blocking(move || {
        first.refresh();
        Ok(())
    })
    .await?;
    Ok(space)
}

fn open_store(platform: &impl Platform, config: &NodeConfig) -> Result<Arc<Store>, NodeError> {
    let path = config.data_dir.join("state.redb");
    let engine = platform.open_engine(&path).map_err(NodeError::io("the state file cannot be opened"))?;
    let store = Store::open(engine).map_err(NodeError::io("the state file cannot be read"))?;
    Ok(Arc::new(store))
}

fn raft_config(config: &NodeConfig) -> Result<Config, openraft::ConfigError> {
    Config {
        cluster_name: config.cluster_id.to_string(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MS_MIN,
        election_timeout_max: ELECTION_MS_MAX,
        enable_pre_vote: Some(true),
        // A crashed leader must be elected again. If it resumed its term, it would confirm reads at a commit
        // index from before the crash, and could write a different entry at an index that its disk lost.
        #[cfg(not(feature = "simulation"))]
        enable_leader_restore: Some(false),
        #[cfg(feature = "simulation")]
        enable_leader_restore: Some(crate::planted_faults::is(crate::planted_faults::Fault::LeaderRestore)),
        max_payload_entries: APPEND_ENTRIES_MAX,
        install_snapshot_timeout: SNAPSHOT_TIMEOUT_MS,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_every_entries),
        max_in_snapshot_log_to_keep: LOG_KEPT_ENTRIES.min(config.snapshot_every_entries),
        replication_lag_threshold: LOG_KEPT_ENTRIES.min(config.snapshot_every_entries) * 2,
        // Replicates to followers while the leader's own disk writes.
        broadcast_submitted_on_append: Some(true),
        ..Config::default()
    }
    .validate()
}

pub(super) fn peer_info(member: &NodeMember) -> PeerInfo {
    PeerInfo {
        name: member.name.clone(),
        peer_addr: member.peer_addr.clone(),
        api_url: member.api_url.clone(),
    }
}

pub(super) fn declared(members: &[NodeMember]) -> BTreeMap<u64, PeerInfo> {
    members.iter().map(|member| (member.id, peer_info(member))).collect()
}
