//! The platform of a simulated node: disks, network, clock.

use crate::disk::{Crash, Disk};
use crate::log::{LogDisk, SimLog};
use crate::network::SimNetwork;
use adapter_raft::Platform;
use adapter_raft::log_store::{LogStoreConfig, OpenError};
use adapter_raft::network::Sockets;
use adapter_raft::store::{Engine, RedbEngine};
use application::ports::Clock;
use domain::Timestamp;
use rand::rngs::StdRng;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The start time of a simulation, in milliseconds after 1970.
pub const BEGIN_MS: i64 = 1_767_225_600_000;

/// The state of a node that survives crashes.
#[derive(Clone, Debug, Default)]
pub struct Disks {
    pub log: LogDisk,
    pub state: Disk,
    /// Counts the lives of the node.
    lives: Arc<AtomicU64>,
}

impl Disks {
    /// The number of processes started on the machine so far.
    pub fn lives(&self) -> u64 {
        self.lives.load(Ordering::Relaxed)
    }

    /// Ends the life of the process. Returns the number of lost writes.
    pub fn crash(&self, crash: Crash, random: &mut StdRng) -> usize {
        self.log.crash(crash, random) + self.state.crash(crash, random)
    }

    /// Erases all disks.
    pub fn wipe(&self) {
        self.log.wipe();
        self.state.wipe();
    }

    /// Sets whether flushes fail.
    pub fn set_broken(&self, broken: bool) {
        self.log.set_broken(broken);
        self.state.set_broken(broken);
    }
}

impl Platform for Disks {
    type Log = SimLog;

    fn open_log(&self, config: LogStoreConfig) -> Result<SimLog, OpenError> {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        Ok(self.log.open(config.node_id << 32 | life, config.on_fatal))
    }

    fn open_engine(&self, _: &Path) -> io::Result<Arc<dyn Engine>> {
        Ok(Arc::new(RedbEngine::open_on(self.state.open())?))
    }

    fn sockets(&self) -> Arc<dyn Sockets> {
        Arc::new(SimNetwork)
    }
}

/// A clock with an adjustable error.
#[derive(Clone, Debug, Default)]
pub struct SkewedClock {
    pub wrong_by_ms: Arc<AtomicI64>,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        Timestamp(BEGIN_MS + elapsed + self.wrong_by_ms.load(Ordering::Relaxed))
    }
}
