//! Disk space of this node and the other members, and the commands that are refused when it is low.
//!
//! A write that fails for lack of space ends the process, because it is unknown what reached the disk. So
//! each node measures its space continuously, and reports it to the leader with every append response. The
//! leader refuses commands that increase disk use while any responding member is low, because followers write
//! what it proposes. A reserve file, and blocks allocated for the log, bridge the time until then, and a disk
//! that is filled by others. The level recovers by itself when there is space again.

mod level;
mod members;
mod reserve;
#[cfg(test)]
mod tests;

pub use level::{Level, SpaceLimits};

use crate::codec::command::decode_command;
use members::Members;
use reserve::Reserve;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The interval between measurements.
pub const MEASURE_INTERVAL: Duration = Duration::from_millis(100);

/// The space of a disk, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Measured {
    /// The space that this process may still use.
    pub free: u64,
    /// The size of the file system.
    pub total: u64,
}

/// Measures the disk that holds a folder.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Measures the disk now.
    fn measure(&self, folder: &Path) -> io::Result<Measured>;
}

/// The file systems of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystems;

impl Disk for FileSystems {
    fn measure(&self, folder: &Path) -> io::Result<Measured> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Measured { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }
}

/// Numbers for probes and metrics; all 0 if nothing is measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SpaceStats {
    /// Free bytes, including the reserve.
    pub free: u64,
    /// The number of free bytes below which commands that increase disk use are refused.
    pub limit: u64,
    /// The level of this node.
    pub level: Level,
    /// The lowest level of this node and the members that respond to it.
    pub cluster: Level,
}

/// The disk space of this node and of its followers.
#[derive(Debug, Default)]
pub struct Space {
    watched: Option<Watched>,
    members: Members,
}

#[derive(Debug)]
struct Watched {
    folder: PathBuf,
    limits: SpaceLimits,
    disk: Arc<dyn Disk>,
    reserve: Mutex<Reserve>,
    free: AtomicU64,
    limit: AtomicU64,
    level: AtomicU8,
    unmeasured: AtomicBool,
}

impl Space {
    /// Watches the disk of a data folder, with the log in `log`.
    pub fn watch(folder: &Path, log: &Path, limits: SpaceLimits, disk: Arc<dyn Disk>) -> Self {
        let watched = Watched {
            folder: folder.to_owned(),
            limits,
            disk,
            reserve: Mutex::new(Reserve::open(folder, log)),
            free: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            level: AtomicU8::new(Level::Ample as u8),
            unmeasured: AtomicBool::new(false),
        };
        Self { watched: Some(watched), members: Members::default() }
    }

    /// Measures the disk and updates the level and the reserve. Blocks for the disk.
    pub fn refresh(&self) {
        if let Some(watched) = &self.watched {
            watched.refresh();
        }
    }

    /// The level of this node's own disk.
    pub fn level(&self) -> Level {
        self.watched.as_ref().map_or(Level::Ample, Watched::level)
    }

    /// The numbers of the last measurement.
    pub fn stats(&self) -> SpaceStats {
        let Some(watched) = &self.watched else { return SpaceStats::default() };
        let (free, limit) = (watched.free.load(Ordering::Relaxed), watched.limit.load(Ordering::Relaxed));
        SpaceStats { free, limit, level: watched.level(), cluster: self.cluster_level() }
    }

    /// Records the level that a member reported.
    pub fn heard(&self, member: u64, level: Level) {
        self.members.heard(member, level);
    }

    fn cluster_level(&self) -> Level {
        self.level().max(self.members.lowest())
    }

    /// Whether an encoded command is refused for lack of space.
    pub fn refuses(&self, command: &[u8]) -> bool {
        let level = self.cluster_level();
        // A malformed command is refused elsewhere.
        level != Level::Ample
            && decode_command(command).is_ok_and(|stamped| match level {
                Level::Ample => false,
                Level::Low => stamped.command.grows(),
                Level::Full => !stamped.command.is_upkeep(),
            })
    }

    /// Whether `bytes` can be written, if necessary by using the reserve. Blocks for the disk.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.watched.as_ref().is_none_or(|watched| watched.has_room(bytes))
    }

    /// Whether `bytes` can be written with as much as the reserve left free. Blocks for the disk.
    pub fn has_room_to_spare(&self, bytes: u64) -> bool {
        self.watched.as_ref().is_none_or(|watched| {
            let free = watched.disk.measure(&watched.folder).map(|measured| measured.free);
            let limit = watched.limit.load(Ordering::Relaxed);
            free.is_ok_and(|free| free >= bytes.saturating_add(reserve::size(limit)))
        })
    }
}

impl Watched {
    fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Relaxed).into())
    }

    fn reserve(&self) -> std::sync::MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self) {
        let measured = match self.disk.measure(&self.folder) {
            Ok(measured) => measured,
            Err(error) => {
                if !self.unmeasured.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the free disk space cannot be measured; it is not watched");
                }
                return;
            }
        };
        self.unmeasured.store(false, Ordering::Relaxed);
        let limit = self.limits.limit(measured.total);
        let mut reserve = self.reserve();
        let free = measured.free.saturating_add(reserve.held());
        let before = self.level();
        let now = level::next(before, free, limit, reserve::size(limit));
        self.free.store(free, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        self.level.store(now as u8, Ordering::Relaxed);
        reserve.adjust(measured.free, limit);
        drop(reserve);
        match (before, now) {
            (before, now) if before == now => {}
            (_, Level::Ample) => tracing::info!(
                free_bytes = free,
                limit_bytes = limit,
                "there is disk space again: changes are accepted"
            ),
            (_, Level::Low) => tracing::warn!(
                alarm = "disk_full",
                free_bytes = free,
                limit_bytes = limit,
                "the disk is nearly full: the cluster refuses changes that grow until there is space"
            ),
            (_, Level::Full) => tracing::error!(
                alarm = "disk_full",
                free_bytes = free,
                limit_bytes = limit,
                "the disk is full: the cluster refuses all changes of clients until there is space"
            ),
        }
    }

    fn has_room(&self, bytes: u64) -> bool {
        let room = || self.disk.measure(&self.folder).is_ok_and(|measured| measured.free >= bytes);
        room() || (self.reserve().give_up() && room())
    }
}
