//! openraft's log test suite, and tests of crashes and disk failures.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use openraft::storage::{RaftLogReader as _, RaftLogStorageExt as _};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::vote::RaftLeaderId as _;
use openraft::{EntryPayload, StorageError};
use tempfile::TempDir;

use super::*;
use crate::testing::Counter;
use crate::type_config::{LeaderId, Payload};

fn config(dir: &Path) -> LogStoreConfig {
    LogStoreConfig {
        dir: dir.join("raft"),
        cluster_id: "test".into(),
        node_id: 1,
        on_fatal: Arc::new(|cause| panic!("{cause}")),
        observer: Arc::new(crate::observe::Unobserved),
    }
}

fn open(dir: &Path) -> LogStore {
    LogStore::open(config(dir)).expect("a sound log")
}

fn entry(index: u64, command: impl Into<Bytes>) -> Entry {
    Entry {
        log_id: LogId::new(LeaderId::new(1, 1), index),
        payload: EntryPayload::Normal(Payload(command.into())),
    }
}

async fn append(store: &mut LogStore, entries: Vec<Entry>) {
    store.blocking_append(entries).await.expect("appended");
}

async fn all(store: &mut LogStore) -> Vec<Entry> {
    store.try_get_log_entries(..).await.expect("readable")
}

fn newest_file(dir: &Path) -> PathBuf {
    let files = std::fs::read_dir(dir.join("raft")).expect("the log's directory");
    let paths = files.map(|file| file.expect("a file").path());
    let logs = paths.filter(|path| path.extension().is_some_and(|e| e == "wal"));
    logs.max().expect("a file of the log")
}

/// A log with three entries. Returns the length of its only file before the third.
async fn three_entries(dir: &Path) -> u64 {
    let mut store = open(dir);
    let first = (1..=2).map(|index| entry(index, "some command")).collect();
    append(&mut store, first).await;
    let length = std::fs::metadata(newest_file(dir)).expect("its file").len();
    append(&mut store, vec![entry(3, "the last one")]).await;
    length
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, Counter, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Counter), StorageError<TypeConfig>> {
        let dir = TempDir::new().expect("a temporary directory");
        let store = open(dir.path());
        Ok((dir, store, Counter::new()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openrafts_suite_passes() {
    Suite::test_all(Builder).await.expect("the whole suite");
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = TempDir::new().expect("a temporary directory");
    let vote = Vote { leader_id: LeaderId::new(4, 2), committed: true };
    let mut store = open(dir.path());
    append(&mut store, vec![entry(1, "a"), entry(2, "b")]).await;
    store.save_vote(&vote).await.expect("saved");
    let committed = Some(entry(1, "").log_id);
    store.save_committed(committed).await.expect("saved");
    drop(store);

    let mut store = open(dir.path());
    assert_eq!(all(&mut store).await, [entry(1, "a"), entry(2, "b")]);
    assert_eq!(store.read_vote().await.expect("readable"), Some(vote));
    assert_eq!(store.read_committed().await.expect("readable"), committed);
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_the_log_goes_on() {
    let dir = TempDir::new().expect("a temporary directory");
    let before_last = three_entries(dir.path()).await;
    let path = newest_file(dir.path());
    let length = std::fs::metadata(&path).expect("its file").len();
    for cut in [length - 1, length - 5, before_last + 1] {
        let file = OpenOptions::new().write(true).open(&path).expect("its file");
        file.set_len(cut).expect("cut");
        drop(file);
        let mut store = open(dir.path());
        assert_eq!(all(&mut store).await.len(), 2, "cut at {cut} of {length}");
        append(&mut store, vec![entry(3, "the last one")]).await;
        drop(store);
        let mut store = open(dir.path());
        assert_eq!(all(&mut store).await.len(), 3, "cut at {cut} of {length}");
        store.truncate_after(Some(entry(2, "").log_id)).await.expect("truncated");
        drop(store);
        std::fs::remove_dir_all(dir.path().join("raft")).expect("removed");
        assert_eq!(three_entries(dir.path()).await, before_last);
    }
}

#[tokio::test]
async fn a_tail_of_zeros_is_cut_off() {
    let dir = TempDir::new().expect("a temporary directory");
    three_entries(dir.path()).await;
    let path = newest_file(dir.path());
    let length = std::fs::metadata(&path).expect("its file").len();
    let file = OpenOptions::new().write(true).open(&path).expect("its file");
    file.set_len(length + 100_000).expect("grown");
    drop(file);
    assert_eq!(all(&mut open(dir.path())).await.len(), 3);
}

#[tokio::test]
async fn a_flipped_bit_before_the_last_record_refuses_to_start() {
    let dir = TempDir::new().expect("a temporary directory");
    let before_last = three_entries(dir.path()).await;
    let path = newest_file(dir.path());
    let sound = std::fs::read(&path).expect("its file");
    for at in 0..usize::try_from(before_last).expect("a short file") {
        for bit in 0..8 {
            let mut damaged = sound.clone();
            damaged[at] ^= 1 << bit;
            std::fs::write(&path, &damaged).expect("written");
            match LogStore::open(config(dir.path())) {
                Err(OpenError::Damaged { file, offset, .. }) => {
                    assert_eq!(file, path);
                    assert!(offset <= at as u64, "{offset} for byte {at}");
                }
                Err(other) => panic!("byte {at} bit {bit}: {other}"),
                Ok(_) => panic!("bit {bit} of byte {at} of {before_last} went unnoticed"),
            }
        }
    }
}

#[tokio::test]
async fn a_last_record_that_is_complete_but_damaged_refuses_to_start() {
    let dir = TempDir::new().expect("a temporary directory");
    let before_last = three_entries(dir.path()).await;
    let path = newest_file(dir.path());
    let mut bytes = std::fs::read(&path).expect("its file");
    let in_payload = bytes.len() - 12;
    bytes[in_payload] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    match LogStore::open(config(dir.path())) {
        Err(OpenError::Damaged { offset, .. }) => assert_eq!(offset, before_last),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_log_of_another_node_is_refused() {
    let dir = TempDir::new().expect("a temporary directory");
    three_entries(dir.path()).await;
    let mut other = config(dir.path());
    other.node_id = 2;
    let refused = LogStore::open(other).expect_err("the log of node 1");
    assert!(matches!(refused, OpenError::Foreign { found_node: 1, .. }));
    assert!(refused.to_string().contains("not of node 2 of cluster test"));
}

#[tokio::test]
async fn reads_stop_at_the_byte_limit_but_give_at_least_one() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut store = open(dir.path());
    let sizes = [1, 2, 2, 5, 1].map(|mib| vec![0; mib * 1024 * 1024]);
    let entries = (1..).zip(sizes).map(|(index, command)| entry(index, command));
    append(&mut store, entries.collect()).await;
    for (from, expected) in [(1, 2), (3, 1), (4, 1), (5, 1), (6, 0)] {
        let got = store.limited_get_log_entries(from, 6).await.expect("readable");
        assert_eq!(got.len(), expected, "from {from}");
    }
    let streamed: Vec<_> = store.entries_stream(1..6).await.collect().await;
    assert_eq!(streamed.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_during_a_flush_share_the_next_one() {
    let dir = TempDir::new().expect("a temporary directory");
    // Small files, so that the test includes rotations.
    let mut store = LogStore::open_with(config(dir.path()), 4096).expect("a new log");
    let mut flushed = Vec::new();
    for index in 1..=2000 {
        let (done, waiting) = <TypeConfig as openraft::type_config::TypeConfigExt>::oneshot();
        let callback = IOFlushed::signal(done);
        store.append([entry(index, "x")], callback).await.expect("appended");
        flushed.push(waiting);
    }
    for waiting in flushed {
        waiting.await.expect("reported").expect("flushed");
    }
    let syncs = store.shared.read().log.stat().flush_metrics.callback_count;
    assert!(syncs < 2000, "every append was flushed by itself");
    drop(store);
    assert_eq!(all(&mut open(dir.path())).await.len(), 2000);
}

#[tokio::test]
async fn a_failed_write_is_fatal_and_nothing_is_accepted_after_it() {
    let dir = TempDir::new().expect("a temporary directory");
    let calls = Arc::new(AtomicUsize::new(0));
    let mut config = config(dir.path());
    let counted = calls.clone();
    config.on_fatal = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut store = LogStore::open_with(config, 4096).expect("a new log");
    // The next file cannot be created.
    std::fs::remove_dir_all(dir.path().join("raft")).expect("removed");
    let failed = store.blocking_append([entry(1, vec![0; 8192])]).await;
    assert!(failed.is_err());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(store.blocking_append([entry(2, "x")]).await.is_err());
    assert!(store.save_vote(&Vote::new(1, 1)).await.is_err());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
