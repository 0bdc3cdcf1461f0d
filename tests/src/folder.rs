//! Where clusters keep their files: below `target`, on a real disk, gone when the test passed.

use crate::binary::target_dir;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of its own. It stays for a look when the test fails, until a later run finds it.
#[derive(Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes an empty one.
    pub fn new() -> Self {
        static SWEPT: Once = Once::new();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let root = target_dir().join("tmp").join("e2e");
        fs::create_dir_all(&root).expect("the target folder can be written");
        SWEPT.call_once(|| sweep(&root));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a new folder can be made");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for RunFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // What cannot be removed now is swept by a later run.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes the folders of programs that have ended.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().map(str::to_owned).unwrap_or_default();
        if !Path::new("/proc").join(&owner).exists() {
            // Another test program may sweep at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
