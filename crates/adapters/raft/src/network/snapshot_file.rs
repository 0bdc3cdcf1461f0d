//! A snapshot as a file: what the state machine builds, the network carries and the receiver
//! installs. What is inside, only the state machine knows.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A finished snapshot file; a temporary one is removed when this is dropped.
#[derive(Debug)]
pub struct SnapshotFile {
    /// Where it is.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
    owned: bool,
    /// Open since it was described, so that another file under the same name does not take its place.
    open: Option<File>,
}

impl SnapshotFile {
    /// A temporary file, removed on drop.
    pub fn temporary(path: PathBuf, bytes: u64) -> Self {
        Self { path, bytes, owned: true, open: None }
    }

    /// A file that somebody else keeps, and may replace.
    pub fn kept(path: PathBuf, bytes: u64, open: File) -> Self {
        Self { path, bytes, owned: false, open: Some(open) }
    }

    /// Opens it for reading from its start: the very file that was described.
    pub fn reader(&self) -> io::Result<File> {
        let Some(open) = &self.open else { return File::open(&self.path) };
        let mut file = open.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Keeps the file: it is no longer removed on drop. Call it after renaming it into place.
    pub fn keep(mut self) -> PathBuf {
        self.owned = false;
        std::mem::take(&mut self.path)
    }

    /// The file.
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
