//! What a node stands on: a log, a state file, a network. This machine's, or a simulation's.

use crate::log_store::{LogStore, LogStoreConfig, OpenError};
use crate::network::{Sockets, Tcp};
use crate::space::{Disk, FileSystems};
use crate::store::{Engine, RedbEngine};
use crate::type_config::TypeConfig;
use openraft::storage::RaftLogStorage;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Opens what a node keeps and connects it to others. What is kept in files beside that (the identity,
/// snapshots) is in the data folder on any platform.
pub trait Platform: Send + Sync {
    /// Its log.
    type Log: RaftLogStorage<TypeConfig>;

    /// Opens a log, or makes it.
    fn open_log(&self, config: LogStoreConfig) -> Result<Self::Log, OpenError>;

    /// Opens a state file, or makes it.
    fn open_engine(&self, path: &Path) -> io::Result<Arc<dyn Engine>>;

    /// The network between nodes.
    fn sockets(&self) -> Arc<dyn Sockets>;

    /// Measures the disk; `None` when it has no end.
    fn disk(&self) -> Option<Arc<dyn Disk>> {
        None
    }
}

/// This machine.
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
