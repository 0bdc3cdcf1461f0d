//! Folders for files that live as long as one input: in memory where there is such a disk, because nothing
//! here is about what a disk forgets.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use tempfile::TempDir;

/// A disk in memory, on Linux.
const MEMORY: &str = "/dev/shm";

/// A new folder.
pub fn folder() -> TempDir {
    let builder = tempfile::Builder::new();
    builder.tempdir_in(MEMORY).or_else(|_| builder.tempdir()).expect("a folder can be made")
}

/// Gives a file this content.
pub fn write(path: &Path, bytes: &[u8]) {
    let length = bytes.len() as u64;
    // Written over in place: a file that is cut first is brought to the disk by some file systems.
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let write = |mut file: File| file.write_all(bytes).and_then(|()| file.set_len(length));
    open.and_then(write).expect("the disk has room");
}
