//! Space that is set aside while there is enough: a file that is removed when the disk fills up, and blocks
//! behind the end of the log, so that votes and entries find room whoever filled the disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The reserve file in the data folder. It has no content that matters.
const FILE: &str = "reserve";
/// The largest reserve, in bytes.
const RESERVE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The reserve is this part of the limit.
const PART_OF_LIMIT: u64 = 4;
/// Most bytes that are set aside behind the end of the log.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How large the reserve is for a limit, in bytes.
pub(super) fn size(limit: u64) -> u64 {
    (limit / PART_OF_LIMIT).min(RESERVE_BYTES_MAX)
}

/// What is set aside at the moment.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    log: PathBuf,
    held: u64,
    refused: bool,
}

impl Reserve {
    /// Finds what an earlier process set aside.
    pub(super) fn open(folder: &Path, log: &Path) -> Self {
        let file = folder.join(FILE);
        let held = allocated(&file).unwrap_or(0);
        Self { file, log: log.to_owned(), held, refused: false }
    }

    /// The bytes of the reserve file.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Sets the reserve aside when there is enough, and keeps room for the log in any case. The reserve is only
    /// given up at need: whoever fills the disk would take it too.
    pub(super) fn adjust(&mut self, free: u64, limit: u64) {
        let size = size(limit);
        let ample = free >= limit.saturating_add(size).saturating_add(limit / 4);
        if self.held == 0 && size > 0 && !self.refused && ample {
            self.set_aside(size);
        }
        let bytes = size.min(LOG_BYTES_MAX);
        let extended = extend_log(&self.log, bytes);
        if extended.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) && self.give_up() {
            // A file system that cannot do it, or has no space left, writes the log as it always did.
            let _ = extend_log(&self.log, bytes);
        }
    }

    /// Removes the file; whether there was one.
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

/// Keeps so many bytes behind the end of the newest file of the log, without making it longer.
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
    /// What `st_blocks` counts in, whatever the file system's blocks are.
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
