//! A record of what clients observed of one config, compared with the cluster's history.

use domain::Digest;
use e2e::Project;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The record of one config, whose documents contain unique serial numbers.
#[derive(Debug)]
pub struct Ledger {
    /// The config key.
    pub key: String,
    newest: AtomicU64,
    seen: Mutex<Seen>,
}

/// The observations by kind.
#[derive(Debug, Default)]
struct Seen {
    acked: BTreeMap<u64, u64>,
    read: BTreeMap<u64, u64>,
    unknown: BTreeSet<u64>,
    refused: BTreeSet<u64>,
}

/// The document with this serial number.
pub fn document(serial: u64) -> Value {
    json!({ "serial": serial })
}

impl Ledger {
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), newest: AtomicU64::new(0), seen: Mutex::default() }
    }

    /// The newest version that any client has seen. A read that starts now must return it or a newer one.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// Records an acknowledged write.
    pub fn acked(&self, version: u64, serial: u64) {
        let before = self.seen().acked.insert(version, serial);
        assert!(before.is_none(), "{}: version {version} was given to two writes", self.key);
        self.observed(version, serial);
    }

    /// Records a read that started when `floor` was the newest version.
    pub fn read(&self, floor: u64, version: u64, serial: u64, node: &str) {
        assert!(version >= floor, "{}: {node} showed version {version} after {floor} was shown", self.key);
        self.observed(version, serial);
    }

    fn observed(&self, version: u64, serial: u64) {
        let before = *self.seen().read.entry(version).or_insert(serial);
        assert_eq!(before, serial, "{}: version {version} was shown with two documents", self.key);
        self.newest.fetch_max(version, Ordering::SeqCst);
    }

    /// Records a refused write: nothing was changed.
    pub fn refused(&self, serial: u64) {
        self.seen().refused.insert(serial);
    }

    /// Records a write with an unknown outcome.
    pub fn unknown(&self, serial: u64) {
        self.seen().unknown.insert(serial);
    }

    pub fn acked_count(&self) -> usize {
        self.seen().acked.len()
    }

    /// A summary for the test output.
    pub fn summary(&self) -> String {
        let seen = self.seen();
        let (acked, unknown, refused) = (seen.acked.len(), seen.unknown.len(), seen.refused.len());
        let reads = seen.read.len();
        format!(
            "{}: {acked} acknowledged, {unknown} unknown, {refused} refused, {reads} versions seen",
            self.key
        )
    }

    /// Compares the record with the history at the node behind `project`.
    pub async fn check(&self, project: &Project) {
        let history = self.history(project).await;
        let seen = self.seen();
        for (version, serial) in &seen.acked {
            let kept = history.get(version);
            assert_eq!(
                kept,
                Some(serial),
                "{}: acknowledged version {version} is not what was kept",
                self.key
            );
        }
        for (version, serial) in &seen.read {
            let kept = history.get(version);
            assert_eq!(
                kept,
                Some(serial),
                "{}: version {version} was shown but is not what was kept",
                self.key
            );
        }
        let mut once = BTreeSet::new();
        for (version, serial) in &history {
            assert!(once.insert(serial), "{}: serial {serial} was committed twice", self.key);
            assert!(
                !seen.refused.contains(serial),
                "{}: {serial} was refused, yet it is version {version}",
                self.key
            );
            let explained = seen.acked.get(version) == Some(serial) || seen.unknown.contains(serial);
            assert!(explained, "{}: nobody wrote {serial}, which is version {version}", self.key);
        }
    }

    /// The serial number of each version in the history.
    async fn history(&self, project: &Project) -> BTreeMap<u64, u64> {
        let items = project.all(&project.config(&format!("{}/history", self.key))).await;
        let mut history = BTreeMap::new();
        for (at, item) in items.iter().rev().enumerate() {
            let version = item["version"].as_u64().expect("a version");
            assert_eq!(version, at as u64 + 1, "{}: versions have no gap", self.key);
            let serial =
                item["message"].as_str().and_then(|text| text.parse().ok()).expect("a serial number");
            let digest = Digest::of(&[document(serial).to_string().as_bytes()]).to_string();
            assert_eq!(item["content_sha256"], digest, "{}: version {version} has its document", self.key);
            history.insert(version, serial);
        }
        history
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
