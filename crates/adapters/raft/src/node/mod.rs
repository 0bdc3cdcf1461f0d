//! A node of the cluster: log, state, peers and openraft, and the tasks that keep them running.

mod barrier;
mod follow;
mod identity;
mod join;
mod large;
mod lifecycle;
mod log_bytes;
mod members;
mod membership;
mod peer;
mod platform;
mod propose;
mod read;
mod start;
mod status;

pub use identity::IdentityError;
#[cfg(test)]
mod tests;

pub use platform::{Machine, Platform};
pub use start::{NodeConfig, NodeError, NodeMember};
pub use status::{Applied, NodeHealth, NodeStats, READY_LAG_ENTRIES_MAX};

use crate::network::Peers;
use crate::observe::Observer;
use crate::space::Space;
use crate::state_machine::StateMachine;
use crate::store::Store;
use crate::type_config::TypeConfig;
use application::ports::Clock;
use barrier::Barrier;
use domain::ClusterId;
use join::Invitation;
use large::LargeCommands;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) type Raft = openraft::Raft<TypeConfig, StateMachine>;

/// Time for which a write or a linearizable read waits for a leader. A fail-over takes up to 2.3 s if the
/// leader's machine disappears silently.
pub const LEADER_WAIT: Duration = Duration::from_secs(3);
/// Time limit of a write, including the absence of a leader.
pub const PROPOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a read for its barrier or its revision.
pub const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a retry.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// The heartbeat interval, and the limits of the randomised election time-out, in milliseconds.
const HEARTBEAT_MS: u64 = 100;
const ELECTION_MS_MIN: u64 = 500;
const ELECTION_MS_MAX: u64 = 1000;
/// Most proposals of this node that wait for their outcome.
const PROPOSALS_MAX: usize = 4096;

/// A running node. Implements the application's ports of the replicated state.
pub struct RaftNode {
    shared: Arc<Shared>,
    barrier: Barrier,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The state shared by the tasks of a node.
pub(crate) struct Shared {
    cluster_id: ClusterId,
    node_id: u64,
    api_url: String,
    raft: Raft,
    store: Arc<Store>,
    peers: Peers,
    /// The disk space of this node and of its followers.
    space: Arc<Space>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// Whether this node participates in the cluster; see [`identity`].
    ready: AtomicBool,
    /// Whether this node is new and waits to join; see [`join`].
    joining: AtomicBool,
    /// The channel for the leader's join request.
    invitations: mpsc::Sender<Invitation>,
    /// Whether this node was removed from the cluster; see [`follow`].
    removed: AtomicBool,
    /// Held during a membership change on this node.
    changing: tokio::sync::Mutex<()>,
    /// Whether this node is shutting down.
    leaving: AtomicBool,
    proposals: tokio::sync::Semaphore,
    large: LargeCommands,
    /// The time at which this node last heard from a leader, in milliseconds after `started`; see
    /// [`lifecycle`].
    heard_ms: AtomicU64,
    /// Whether the log had entries or votes when the node started.
    began: bool,
    /// Locks the data folder against other processes.
    _claim: Arc<std::fs::File>,
    started: Instant,
}

impl fmt::Debug for RaftNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftNode").field("node_id", &self.shared.node_id).finish_non_exhaustive()
    }
}
