//! Opening the log: checks its owner and finds damage. A torn record or zeros at the end are the result of a
//! crash and are truncated; any other damage is refused.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use raft_log::api::raft_log_writer::RaftLogWriter as _;
use raft_log::chunked_wal::ChunkedWal;
use raft_log::codeq::Span as _;
use raft_log::{RaftLog, RaftWalTypes};

use super::flush::{FlushQueue, Gate};
use super::wal::{Wal, WalIdentity};
use super::{
    Inner, LOG_CACHE_BYTES_MAX, LOG_CACHE_ENTRIES_MAX, LOG_FILE_BYTES_MAX, LogStore, LogStoreConfig,
    OpenError, Shared,
};

/// Size of the buffer for reading a log file at start, in bytes.
const READ_BUFFER_BYTES: usize = 1024 * 1024;

impl LogStore {
    /// Opens the log, or creates one in an empty directory. Reads the whole log, so call it where blocking is
    /// allowed.
    pub fn open(config: LogStoreConfig) -> Result<Self, OpenError> {
        Self::open_with(config, LOG_FILE_BYTES_MAX)
    }

    pub(super) fn open_with(config: LogStoreConfig, file_bytes_max: usize) -> Result<Self, OpenError> {
        let io_error = |cause| OpenError::Io { dir: config.dir.clone(), cause };
        std::fs::create_dir_all(&config.dir).map_err(io_error)?;
        let raft_log_config = raft_log_config(&config.dir, file_bytes_max).map_err(io_error)?;
        let mut log = match RaftLog::<Wal>::open(Arc::new(raft_log_config.clone())) {
            Ok(log) => log,
            Err(cause) => {
                return Err(match find_damage(&raft_log_config.wal) {
                    Some((file, offset)) => OpenError::Damaged { file, offset, cause },
                    None => io_error(cause),
                });
            }
        };
        claim(&mut log, &config)?;
        let gate = Arc::new(Gate::new(config.on_fatal, config.observer));
        let inner = RwLock::new(Inner { log, queue: FlushQueue::default() });
        Ok(Self { shared: Arc::new(Shared { inner, gate }) })
    }
}

fn raft_log_config(dir: &Path, file_bytes_max: usize) -> io::Result<raft_log::Config> {
    let dir = dir
        .to_str()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not valid UTF-8"))?;
    let mut config = raft_log::Config::new(dir);
    config.log_cache_max_items = Some(LOG_CACHE_ENTRIES_MAX);
    config.log_cache_capacity = Some(LOG_CACHE_BYTES_MAX);
    config.wal.read_buffer_size = Some(READ_BUFFER_BYTES);
    config.wal.chunk_max_size = Some(file_bytes_max);
    config.wal.truncate_incomplete_record = Some(true);
    config.wal.flush_batch_wait = Some(Duration::ZERO);
    // Limited by `Gate` instead: raft-log would block the appender while it holds the lock that the flush
    // thread needs.
    config.wal.flush_queue_max_bytes = Some(usize::MAX / 2);
    Ok(config)
}

/// Writes the identity into a new log; checks that of an existing one.
fn claim(log: &mut RaftLog<Wal>, config: &LogStoreConfig) -> Result<(), OpenError> {
    let ours = WalIdentity { cluster_id: config.cluster_id.clone(), node_id: config.node_id };
    match &log.log_state().user_data {
        Some(found) if *found == ours => Ok(()),
        Some(found) => Err(OpenError::Foreign {
            dir: config.dir.clone(),
            found_cluster: found.cluster_id.clone(),
            found_node: found.node_id,
            cluster: ours.cluster_id,
            node: ours.node_id,
        }),
        None => {
            // Flushed with the first vote or entry at the latest, which comes later in the same file.
            let saved = log.save_user_data(Some(ours));
            saved.map(drop).map_err(|cause| OpenError::Io { dir: config.dir.clone(), cause })
        }
    }
}

/// The file and the offset of the first unreadable record; `None` if all are readable.
fn find_damage(config: &raft_log::chunked_wal::Config) -> Option<(PathBuf, u64)> {
    let lock = ChunkedWal::<RaftWalTypes<Wal>>::acquire_lock(config).ok()?;
    let mut damage = None;
    // Offsets count over all files; a file is named after its start offset.
    let mut current = None;
    let mut next = 0;
    let walked = ChunkedWal::<RaftWalTypes<Wal>>::dump_records(config, &lock, |chunk, _, record| {
        if current != Some(chunk) {
            current = Some(chunk);
            next = 0;
        }
        match record {
            Ok((segment, _)) => {
                next = segment.end().0;
                Ok(())
            }
            Err(cause) => {
                damage = Some((PathBuf::from(config.chunk_path(chunk)), next));
                Err(cause)
            }
        }
    });
    walked.err().and(damage)
}
