//! The Raft log on disk: one write-ahead log (crate `raft-log`) for entries, votes and markers, so that
//! nothing is reordered. Group commit: while one `fdatasync` runs, appended records wait for the next. Any
//! write failure is fatal for the process.

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

/// Largest size of the payloads that one read returns, in bytes.
pub const APPEND_BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest size of appended but unflushed records, in bytes; `append` waits above it.
pub const LOG_UNFLUSHED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Size at which a log file is closed and the next one created, in bytes.
pub const LOG_FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Size of the payloads of recent entries in memory, in bytes, in addition to those of the newest file.
pub const LOG_CACHE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Number of recent entries in memory, in addition to those of the newest file.
pub const LOG_CACHE_ENTRIES_MAX: usize = 65_536;

/// Called once, from any thread, when the log can no longer be written reliably.
pub type OnFatal = Arc<dyn Fn(io::Error) + Send + Sync>;

/// The location and the owner of a log.
#[derive(Clone)]
pub struct LogStoreConfig {
    /// The directory; created if missing.
    pub dir: PathBuf,
    /// The cluster that owns the log.
    pub cluster_id: String,
    /// The node that owns the log.
    pub node_id: u64,
    /// Called when a write fails; the process should exit.
    pub on_fatal: OnFatal,
    /// Receives the duration of flushes.
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

/// The reason why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A record before the end of the log is damaged. The member must be replaced, not repaired: it may have
    /// acknowledged entries that are lost now.
    #[error("the raft log is damaged: {file} at byte {offset}; replace this member")]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// The offset of the first damaged record.
        offset: u64,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// The directory contains the log of another node.
    #[error(
        "{dir} holds the log of node {found_node} of cluster {found_cluster}, \
         not of node {node} of cluster {cluster}"
    )]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// The cluster in the log.
        found_cluster: String,
        /// The node in the log.
        found_node: u64,
        /// The expected cluster.
        cluster: String,
        /// The expected node.
        node: u64,
    },
    /// The log cannot be read or written.
    #[error("the raft log in {dir} cannot be opened")]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
}

/// The state shared between the store, its readers and the flush thread.
struct Shared {
    inner: RwLock<Inner>,
    gate: Arc<Gate>,
}

/// The log and the requests for its next flush.
struct Inner {
    log: raft_log::RaftLog<Wal>,
    queue: FlushQueue,
}

impl Shared {
    // A panic while the lock is held cannot leave a partial change, because every change is one record.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log on disk. Clones share one log.
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
    /// The size of the log on disk, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.shared.read().log.on_disk_size()
    }

    /// Writes records under the lock and requests a flush.
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

    // Not flushed by itself, but with the next append. After a crash the value may be older, which only
    // delays applying until a leader is heard.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed.as_ref().map(WalLogId::from) else {
            return Ok(());
        };
        self.shared.gate.check()?;
        let mut inner = self.shared.write();
        let state = inner.log.log_state();
        // raft-log rejects a value that decreases or is beyond the log.
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
        // Encodes before taking the lock.
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
            // Purged entries need not be kept.
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
