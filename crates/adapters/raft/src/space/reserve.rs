//! Reserved disk space: a file that is deleted when the disk is full, and blocks allocated behind the end of
//! the log, so that votes and entries can still be written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the reserve file in the data folder. Its content is meaningless.
const FILE: &str = "reserve";
/// Largest reserve, in bytes.
const RESERVE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The reserve is the limit divided by this.
const PART_OF_LIMIT: u64 = 4;
/// Most bytes allocated behind the end of the log.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The size of the reserve for a limit, in bytes.
pub(super) fn size(limit: u64) -> u64 {
    (limit / PART_OF_LIMIT).min(RESERVE_BYTES_MAX)
}

/// The currently reserved space.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    log: PathBuf,
    held: u64,
    refused: bool,
}

impl Reserve {
    /// Finds the reserve of an earlier process.
    pub(super) fn open(folder: &Path, log: &Path) -> Self {
        let file = folder.join(FILE);
        let held = allocated(&file).unwrap_or(0);
        Self { file, log: log.to_owned(), held, refused: false }
    }

    /// The size of the reserve file, in bytes.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Creates the reserve if there is enough space, and allocates space for the log in any case. The reserve
    /// is only deleted when needed, because other programs that fill the disk would use it, too.
    pub(super) fn adjust(&mut self, free: u64, limit: u64) {
        let size = size(limit);
        let ample = free >= limit.saturating_add(size).saturating_add(limit / 4);
        if self.held == 0 && size > 0 && !self.refused && ample {
            self.set_aside(size);
        }
        let bytes = size.min(LOG_BYTES_MAX);
        let extended = extend_log(&self.log, bytes);
        if extended.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) && self.give_up() {
            // If the file system cannot allocate, or has no space left, the log is written as usual.
            let _ = extend_log(&self.log, bytes);
        }
    }

    /// Deletes the reserve file. Returns whether there was one.
    pub(super) fn give_up(&mut self) -> bool {
        let removed = self.held > 0 && std::fs::remove_file(&self.file).is_ok();
        if removed {
            tracing::warn!(bytes = self.held, "the disk is full: the node uses its reserve");
            self.held = 0;
        }
        removed
    }

    fn set_aside(&mut self, size: u64) {
        match File::create(&self.file).and_then(|file| allocate(&file, false, 0, size)) {
            Ok(()) => self.held = allocated(&self.file).unwrap_or(0),
            Err(error) => {
                self.refused = true;
                let _ = std::fs::remove_file(&self.file);
                tracing::info!(%error, "this file system sets nothing aside; the node has no reserve");
            }
        }
    }
}

/// Allocates `bytes` behind the end of the newest log file, without changing its length.
fn extend_log(folder: &Path, bytes: u64) -> io::Result<()> {
    let files = std::fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let newest = files.filter(|path| path.extension().is_some_and(|extension| extension == "wal")).max();
    let Some(newest) = newest else { return Ok(()) };
    let length = std::fs::metadata(&newest)?.len();
    if allocated(&newest)?.saturating_sub(length) >= bytes / 2 {
        return Ok(());
    }
    allocate(&File::options().write(true).open(&newest)?, true, length, bytes)
}

#[cfg(unix)]
fn allocated(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    /// The unit of `st_blocks`, whatever the block size of the file system is.
    const BLOCK_BYTES: u64 = 512;
    Ok(std::fs::metadata(path)?.blocks().saturating_mul(BLOCK_BYTES))
}

#[cfg(not(unix))]
fn allocated(path: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, keep_size: bool, offset: u64, bytes: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    let flags = if keep_size { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
    Ok(rustix::fs::fallocate(file, flags, offset, bytes)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _keep_size: bool, _offset: u64, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
