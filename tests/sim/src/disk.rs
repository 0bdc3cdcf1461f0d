//! A simulated disk with one file. A power cut loses, tears or reorders unsynced writes.

use rand::Rng as _;
use rand::rngs::StdRng;
use redb::StorageBackend;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sector size in bytes; a write may be torn between two sectors.
const SECTOR_BYTES: usize = 512;

/// The end of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Crash {
    /// The process is killed; the operating system keeps what was written.
    Kill,
    /// The power fails; only synced data is certain to be kept.
    PowerCut,
}

/// A file and its faults. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The content that a reader sees.
    content: Vec<u8>,
    /// The content that certainly survives.
    synced: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<Change>,
    /// Counts crashes; a file opened before a crash has no access after it.
    epoch: u64,
    /// Whether syncs fail.
    broken: bool,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn make(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let range = range(*offset, data.len());
                if content.len() < range.end {
                    content.resize(range.end, 0);
                }
                content[range].copy_from_slice(data);
            }
            Self::SetLen(len) => content.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }
}

fn range(offset: u64, len: usize) -> Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    start..start.saturating_add(len)
}

impl Disk {
    /// Opens the file for one life of the process.
    pub fn open(&self) -> OpenDisk {
        OpenDisk { epoch: self.inner().epoch, disk: self.clone() }
    }

    /// Erases the disk.
    pub fn wipe(&self) {
        let mut inner = self.inner();
        *inner = Inner { epoch: inner.epoch + 1, ..Inner::default() };
    }

    /// Sets whether syncs fail.
    pub fn set_broken(&self, broken: bool) {
        self.inner().broken = broken;
    }

    /// Revokes access of the open file. Returns the number of lost or torn writes.
    pub fn crash(&self, crash: Crash, random: &mut StdRng) -> usize {
        let mut inner = self.inner();
        inner.epoch += 1;
        let pending = std::mem::take(&mut inner.pending);
        let mut lost = 0;
        if crash == Crash::Kill {
            let Inner { synced, content, .. } = &mut *inner;
            synced.clone_from(content);
            return 0;
        }
        for change in pending {
            // A disk may persist any subset of unsynced writes, in any order.
            match change {
                change if random.random_bool(0.5) => change.make(&mut inner.synced),
                Change::Write(offset, mut data) if random.random_bool(0.5) => {
                    data.truncate(random.random_range(0..=data.len() / SECTOR_BYTES) * SECTOR_BYTES);
                    Change::Write(offset, data).make(&mut inner.synced);
                    lost += 1;
                }
                _ => lost += 1,
            }
        }
        let Inner { synced, content, .. } = &mut *inner;
        content.clone_from(synced);
        lost
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file as opened by one process.
#[derive(Debug)]
pub struct OpenDisk {
    disk: Disk,
    epoch: u64,
}

impl OpenDisk {
    fn inner(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = self.disk.inner();
        if inner.epoch == self.epoch { Ok(inner) } else { Err(io::Error::other("the process has ended")) }
    }
}

impl StorageBackend for OpenDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.inner()?.content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let inner = self.inner()?;
        let found = inner.content.get(range(offset, out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.inner()?;
        let change = Change::SetLen(len);
        change.make(&mut inner.content);
        inner.pending.push(change);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner()?;
        if inner.broken {
            return Err(io::Error::other("the disk does not sync"));
        }
        for change in std::mem::take(&mut inner.pending) {
            change.make(&mut inner.synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.inner()?;
        let change = Change::Write(offset, data.to_vec());
        change.make(&mut inner.content);
        inner.pending.push(change);
        Ok(())
    }
}
