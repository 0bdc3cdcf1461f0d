//! A snapshot file: built by the state machine, sent over the network, installed by the receiver. Only the
//! state machine knows the content.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A complete snapshot file. A temporary one is deleted on drop.
#[derive(Debug)]
pub struct SnapshotFile {
    /// The path.
    pub path: PathBuf,
    /// The length, in bytes.
    pub bytes: u64,
    owned: bool,
    /// Kept open, so that a replaced file under the same name is not sent by mistake.
    open: Option<File>,
}

impl SnapshotFile {
    /// A temporary file, deleted on drop.
    pub fn temporary(path: PathBuf, bytes: u64) -> Self {
        Self { path, bytes, owned: true, open: None }
    }

    /// A file with another owner, who may replace it.
    pub fn kept(path: PathBuf, bytes: u64, open: File) -> Self {
        Self { path, bytes, owned: false, open: Some(open) }
    }

    /// Opens the described file for reading from its start.
    pub fn reader(&self) -> io::Result<File> {
        let Some(open) = &self.open else { return File::open(&self.path) };
        let mut file = open.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Keeps the file on drop. Call it after renaming the file into place.
    pub fn keep(mut self) -> PathBuf {
        self.owned = false;
        std::mem::take(&mut self.path)
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        if let Err(cause) = std::fs::remove_file(&self.path)
            && cause.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %cause, "a snapshot file was not removed");
        }
    }
}
