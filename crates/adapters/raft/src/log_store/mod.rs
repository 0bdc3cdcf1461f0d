//! openraft's log on disk: one write-ahead log of the `raft-log` crate for entries, votes and
//! markers, so that nothing is reordered. Appends are committed in groups: while one `fdatasync`
//! runs, whatever is appended waits for the next. Any failure to write is fatal for the process.

mod flush;
mod open;
mod reader;
#[cfg(test)]
mod tests;
mod wal;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use raft_log::api::raft_log_writer::RaftLogWriter as _;
use tokio::sync::oneshot;

use self::flush::{FlushQueue, Gate, Waiter};
use self::wal::{Wal, WalEntry, WalLogId};
use crate::observe::Observer;
use crate::type_config::{Entry, LogId, TypeConfig, Vote};

/// Most payload bytes handed out by one read for replication or for applying.
pub const APPEND_BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most bytes appended but not yet on disk; above it `append` waits.
pub const LOG_UNFLUSHED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Size at which a file of the log is closed and the next one begun.
pub const LOG_FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Payload bytes of recent entries kept in memory, beyond those of the newest file.
pub const LOG_CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Number of recent entries kept in memory, beyond those of the newest file.
pub const LOG_CACHE_ENTRIES_MAX: usize = 65_536;

/// Called once, from any thread, when the log can no longer be trusted to reach the disk.
pub type OnFatal = Arc<dyn Fn(io::Error) + Send + Sync>;

/// Where the log is and whose it is.
#[derive(Clone)]
pub struct LogStoreConfig {
    /// Directory of the log; created when missing.
    pub dir: PathBuf,
    /// Cluster the log belongs to.
    pub cluster_id: String,
    /// Node the log belongs to.
    pub node_id: u64,
    /// What to do when a write fails; the process should end.
    pub on_fatal: OnFatal,
    /// Hears how long flushes take.
    pub observer: Arc<dyn Observer>,
}

impl std::fmt::Debug for LogStoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStoreConfig")
            .field("dir", &self.dir)
            .field("cluster_id", &self.cluster_id)
            .field("node_id", &self.node_id)
            .finish_non_exhaustive()
    }
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A record before the end of the log is damaged. The member must be replaced, never repaired:
    /// it may have acknowledged entries that it no longer has.
    #[error("the raft log is damaged: {file} at byte {offset}; replace this member")]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file the first bad record begins.
        offset: u64,
        /// What was wrong with it.
        #[source]
        cause: io::Error,
    },
    /// The directory holds another node's log.
    #[error(
        "{dir} holds the log of node {found_node} of cluster {found_cluster}, \
         not of node {node} of cluster {cluster}"
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// Cluster named in the log.
        found_cluster: String,
        /// Node named in the log.
        found_node: u64,
        /// Cluster that was asked for.
        cluster: String,
        /// Node that was asked for.
        node: u64,
    },
    /// The log cannot be read or written.
    #[error("the raft log in {dir} cannot be opened")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// What is shared between the store, its readers and the flush thread.
struct Shared {
    inner: RwLock<Inner>,
    gate: Arc<Gate>,
}

/// The log and what waits for its next flush.
struct Inner {
    log: raft_log::RaftLog<Wal>,
    queue: FlushQueue,
}

impl Shared {
    // A panic while the lock is held cannot leave the log half-changed: every change is one record.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log on disk; clones share one log.
#[derive(Clone)]
pub struct LogStore {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for LogStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStore").finish_non_exhaustive()
    }
}

impl LogStore {
    /// Bytes that the log occupies on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.shared.read().log.on_disk_size()
    }

    /// Writes records under the lock and arranges for them to be flushed.
    fn change<F>(&self, waiter: Option<Waiter>, write: F) -> io::Result<()>
    where
        F: FnOnce(&mut raft_log::RaftLog<Wal>) -> io::Result<usize>,
    {
        self.shared.gate.check()?;
        let mut inner = self.shared.write();
        let written = write(&mut inner.log).and_then(|bytes| {
            self.shared.gate.add(bytes);
            FlushQueue::request(&mut inner, &self.shared, waiter, bytes)
        });
        drop(inner);
        written.inspect_err(|cause| self.shared.gate.fail(cause))
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let inner = self.shared.read();
        let state = inner.log.log_state();
        Ok(LogState {
            last_purged_log_id: state.purged().map(Into::into),
            last_log_id: state.last().map(Into::into),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.change(Some(Waiter::Saved(done)), |log| {
            log.save_vote(vote.into())?;
            Ok(0)
        })?;
        flushed.await.unwrap_or_else(|_| Err(io::Error::other("the log closed before the vote was saved")))
    }

    // Not flushed by itself: it travels with the next append. After a crash it may be older than
    // it was, which only means that fewer entries are applied before a leader is heard.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed.as_ref().map(WalLogId::from) else {
            return Ok(());
        };
        self.shared.gate.check()?;
        let mut inner = self.shared.write();
        let state = inner.log.log_state();
        // raft-log refuses a mark that goes back or lies beyond the log.
        let useful = Some(&committed) > state.committed() && Some(&committed) <= state.last();
        let written = if useful { inner.log.commit(committed).map(drop) } else { Ok(()) };
        drop(inner);
        written.inspect_err(|cause| self.shared.gate.fail(cause))
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        let inner = self.shared.read();
        Ok(inner.log.log_state().committed().map(Into::into))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        // Encoded before the lock is taken.
        let mut bytes = 0;
        let records: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let id = WalLogId::from(&entry.log_id);
                let record = WalEntry::encode(entry);
                bytes += record.len();
                (id, record)
            })
            .collect();
        self.shared.gate.room().await;
        self.change(Some(Waiter::Append(callback)), |log| {
            log.append(records)?;
            Ok(bytes)
        })
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        self.change(Some(Waiter::Saved(done)), |log| {
            let state = log.log_state();
            let keep = last_log_id.as_ref().map(|id| id.index + 1);
            // Nothing before the purged entries is there to be kept.
            let first = state.purged().map_or(0, |id| id.index + 1);
            let from = keep.unwrap_or(0).max(first);
            if state.last().is_some_and(|last| from <= last.index) {
                log.truncate(from)?;
            }
            Ok(0)
        })?;
        flushed.await.unwrap_or_else(|_| Err(io::Error::other("the log closed before it was cut")))
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        self.change(None, |log| {
            log.purge((&log_id).into())?;
            Ok(0)
        })
    }
}
