//! The log on disk after damage: it is refused, or holds a beginning of what was written, never anything else.

use crate::scratch;
use crate::snapshot::damaged;
use adapter_raft::log_store::{LogStore, LogStoreConfig, OpenError};
use adapter_raft::observe::Unobserved;
use adapter_raft::type_config::{Entry, LeaderId, LogId, Payload, Vote};
use fuzz::{Source, Target};
use openraft::EntryPayload;
use openraft::storage::{RaftLogReader as _, RaftLogStorage as _, RaftLogStorageExt as _};
use openraft::vote::RaftLeaderId as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    entries: Vec<Entry>,
    purged: Option<LogId>,
    vote: Option<Vote>,
    committed: Option<LogId>,
}

/// A log that was written and closed, and what it held after each record.
struct Written {
    name: PathBuf,
    bytes: Vec<u8>,
    /// Oldest first; the last is what the whole file holds.
    states: Vec<Content>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn open(dir: &Path) -> Result<LogStore, OpenError> {
    LogStore::open(LogStoreConfig {
        dir: dir.to_owned(),
        cluster_id: "fuzz".to_owned(),
        node_id: 1,
        on_fatal: Arc::new(|cause| panic!("{cause}")),
        observer: Arc::new(Unobserved),
    })
}

fn id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderId::new(term, 1), index)
}

fn entry(term: u64, index: u64) -> Entry {
    let command =
        format!("command {index} of term {term} {}", "x".repeat(usize::try_from(index * 7).expect("small")));
    let payload = if index == 3 {
        EntryPayload::Blank
    } else {
        EntryPayload::Normal(Payload(command.into_bytes().into()))
    };
    Entry { log_id: id(term, index), payload }
}

async fn content(log: &mut LogStore) -> std::io::Result<Content> {
    Ok(Content {
        entries: log.try_get_log_entries(..).await?,
        purged: log.get_log_state().await?.last_purged_log_id,
        vote: log.read_vote().await?,
        committed: log.read_committed().await?,
    })
}

/// Everything that a log can hold, each record flushed before the next.
async fn write(dir: &Path) -> std::io::Result<Vec<Content>> {
    let mut log = open(dir).map_err(std::io::Error::other)?;
    let mut states = vec![content(&mut log).await?];
    let vote = |term, committed| Vote { leader_id: LeaderId::new(term, 1), committed };
    log.save_vote(&vote(1, false)).await?;
    states.push(content(&mut log).await?);
    log.save_vote(&vote(1, true)).await?;
    states.push(content(&mut log).await?);
    for index in 1..=6 {
        log.blocking_append([entry(1, index)]).await?;
        states.push(content(&mut log).await?);
        log.save_committed(Some(id(1, index.saturating_sub(2)))).await?;
        states.push(content(&mut log).await?);
    }
    log.truncate_after(Some(id(1, 5))).await?;
    states.push(content(&mut log).await?);
    log.save_vote(&vote(2, true)).await?;
    states.push(content(&mut log).await?);
    for index in 6..=9 {
        log.blocking_append([entry(2, index)]).await?;
        states.push(content(&mut log).await?);
    }
    log.purge(id(1, 2)).await?;
    states.push(content(&mut log).await?);
    log.blocking_append([entry(2, 10)]).await?;
    states.push(content(&mut log).await?);
    Ok(states)
}

impl Written {
    fn new(runtime: &Runtime) -> Self {
        let dir = scratch::folder();
        let states = runtime.block_on(write(dir.path())).expect("a log can be written");
        let files = fs::read_dir(dir.path()).expect("a folder").map(|file| file.expect("a file").path());
        let mut logs: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|e| e == "wal")).collect();
        let path = logs.pop().expect("a file of the log");
        assert!(logs.is_empty(), "so little fits into one file");
        let name = path.file_name().expect("a name").into();
        Self { name, bytes: fs::read(&path).expect("it is there"), states }
    }

    /// Opens the log with other bytes in its file; `None` when it is refused.
    fn with(&self, runtime: &Runtime, bytes: &[u8]) -> Option<Content> {
        let dir = scratch::folder();
        scratch::write(&dir.path().join(&self.name), bytes);
        match open(dir.path()) {
            Ok(mut log) => {
                let found = runtime.block_on(content(&mut log)).ok()?;
                drop(log);
                // What was taken once is taken again, and is the same.
                let mut log = open(dir.path()).expect("it was opened before");
                assert_eq!(runtime.block_on(content(&mut log)).expect("it was read before"), found);
                Some(found)
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(&*dir.path().to_string_lossy()), "{text} does not say where");
                None
            }
        }
    }

    /// Where in the row of states this one is; panics when it never was.
    #[track_caller]
    fn place(&self, found: &Content, what: &str) -> usize {
        let place = self.states.iter().rposition(|state| state == found);
        place.unwrap_or_else(|| panic!("{what}: the log never held {found:?}"))
    }
}

/// Each cut gives a beginning of what was written, and a longer file never less.
#[test]
fn every_cut_of_the_log_leaves_a_beginning() {
    let runtime = runtime();
    let written = Written::new(&runtime);
    let mut least = 0;
    for length in 1..=written.bytes.len() {
        let what = format!("cut to {length} of {} bytes", written.bytes.len());
        let found = written.with(&runtime, &written.bytes[..length]);
        let found = found.unwrap_or_else(|| panic!("{what}: a torn tail is refused"));
        let place = written.place(&found, &what);
        assert!(place >= least, "{what}: less than of a shorter file");
        least = place;
    }
    assert_eq!(least, written.states.len() - 1, "the whole file holds everything");
}

/// Each flipped bit is refused, or was in no record: then nothing is missing.
#[test]
fn no_flipped_bit_of_the_log_loses_anything() {
    let runtime = runtime();
    let written = Written::new(&runtime);
    for at in 0..written.bytes.len() {
        // Every bit in turn, one of each byte: all of them are checked beside the log itself.
        let bit = at % 8;
        let mut flipped = written.bytes.clone();
        flipped[at] ^= 1 << bit;
        if let Some(found) = written.with(&runtime, &flipped) {
            assert_eq!(
                Some(&found),
                written.states.last(),
                "bit {bit} of byte {at}: the log opened without it"
            );
        }
    }
}

#[test]
fn wal() {
    let runtime = runtime();
    let written = Written::new(&runtime);
    Target::new("wal").bytes_max(256).check(|bytes| {
        let mut source = Source::new(bytes);
        if source.once_in(4) {
            // No log at all: refused, or nothing in it.
            written.with(&runtime, source.rest());
            return;
        }
        if let Some(found) = written.with(&runtime, &damaged(&written.bytes, source.rest())) {
            written.place(&found, "damaged");
        }
    });
}
