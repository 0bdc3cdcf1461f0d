//! Warnings about an ignored `X-Forwarded-For` (no proxy is trusted): in the log, and as a note in the data
//! folder for `guardian check-config`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The text of the warning.
pub(crate) const IGNORED: &str = "is 0, but requests come with X-Forwarded-For: behind a proxy all clients count as one address, and the failed \
     sign-ins of one slow down new sign-ins of all; set it to the number of proxies, or let the proxy drop the header";
/// The file name of the note.
const NOTE: &str = "forwarded-for-ignored";
/// Interval between two warnings in the log.
const EVERY: Duration = Duration::from_hours(1);

/// Whether a node with this data folder ignored the header.
pub(crate) fn was_ignored(data_dir: &Path) -> bool {
    data_dir.join(NOTE).exists()
}

/// Warns at most once an hour.
#[derive(Debug)]
pub(crate) struct ForwardedFor {
    note: PathBuf,
    said: Mutex<Option<Instant>>,
}

impl ForwardedFor {
    /// For a node with this data folder. Removes the note if proxies are trusted now.
    pub(crate) fn new(data_dir: &Path, trusted_proxies: usize) -> Self {
        let note = data_dir.join(NOTE);
        if trusted_proxies > 0 {
            // Usually it does not exist.
            let _ = std::fs::remove_file(&note);
        }
        Self { note, said: Mutex::default() }
    }

    /// Records a request with the ignored header.
    pub(crate) fn ignored(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        let first = said.replace(Instant::now()).is_none();
        drop(said);
        tracing::warn!(setting = "http.trusted_proxies", "http.trusted_proxies {IGNORED}");
        if first && let Err(error) = std::fs::write(&self.note, IGNORED) {
            tracing::debug!(%error, "the note for check-config cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_note_is_left_until_proxies_are_trusted() {
        let dir = tempfile::tempdir().expect("a folder");
        let forwarded = ForwardedFor::new(dir.path(), 0);
        assert!(!was_ignored(dir.path()));
        forwarded.ignored();
        forwarded.ignored();
        assert!(was_ignored(dir.path()));
        ForwardedFor::new(dir.path(), 0);
        assert!(was_ignored(dir.path()), "a restart changes nothing");
        ForwardedFor::new(dir.path(), 1);
        assert!(!was_ignored(dir.path()));
    }
}
