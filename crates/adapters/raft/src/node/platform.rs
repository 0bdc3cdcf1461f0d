//! The platform of a node: log, state file and network; of this machine or of a simulation.

use crate::log_store::{LogStore, LogStoreConfig, OpenError};
use crate::network::{Sockets, Tcp};
use crate::space::{Disk, FileSystems};
use crate::store::{Engine, RedbEngine};
use crate::type_config::TypeConfig;
use openraft::storage::RaftLogStorage;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Opens the storage of a node and connects it to others. Other files (identity, snapshots) are in the data
/// folder on any platform.
pub trait Platform: Send + Sync {
    /// The type of the log.
    type Log: RaftLogStorage<TypeConfig>;

    /// Opens or creates a log.
    fn open_log(&self, config: LogStoreConfig) -> Result<Self::Log, OpenError>;

    /// Opens or creates a state file.
    fn open_engine(&self, path: &Path) -> io::Result<Arc<dyn Engine>>;

    /// The network between nodes.
    fn sockets(&self) -> Arc<dyn Sockets>;

    /// The disk to measure; `None` if its size is unlimited.
    fn disk(&self) -> Option<Arc<dyn Disk>> {
        None
    }
}

/// The platform of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Platform for Machine {
    type Log = LogStore;

    fn open_log(&self, config: LogStoreConfig) -> Result<LogStore, OpenError> {
        LogStore::open(config)
    }

    fn open_engine(&self, path: &Path) -> io::Result<Arc<dyn Engine>> {
        Ok(Arc::new(RedbEngine::open(path)?))
    }

    fn sockets(&self) -> Arc<dyn Sockets> {
        Arc::new(Tcp)
    }

    fn disk(&self) -> Option<Arc<dyn Disk>> {
        Some(Arc::new(FileSystems))
    }
}
