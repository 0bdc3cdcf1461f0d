//! The kept inputs of a target: files of `corpus/<target>/`, in order of their names.

use std::fs;
use std::path::{Path, PathBuf};

/// Reads every file of these folders.
pub(crate) fn read(folders: &[PathBuf]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<PathBuf> = folders.iter().flat_map(|folder| files(folder)).collect();
    all.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, bytes)
    };
    all.into_iter().map(read).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
    paths.filter(|path| path.is_file()).collect()
}
