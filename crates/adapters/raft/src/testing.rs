//! A minimal state machine for openraft, for tests of the log and the network. It counts commands and echoes
//! them.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, StreamExt as _};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use tempfile::TempDir;

use crate::network::SnapshotFile;
use crate::type_config::{LogId, Reply, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};

/// Counts commands in memory.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    dir: TempDir,
    applied: Option<LogId>,
    membership: StoredMembership,
    count: u64,
    snapshot: Option<(SnapshotMeta, PathBuf, u64)>,
    snapshots: u64,
}

impl Counter {
    pub(crate) fn new() -> Self {
        let state = State {
            dir: TempDir::new().expect("a temporary directory"),
            applied: None,
            membership: StoredMembership::default(),
            count: 0,
            snapshot: None,
            snapshots: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    pub(crate) fn applied_index(&self) -> u64 {
        self.lock().applied.as_ref().map_or(0, |id| id.index)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, meta: SnapshotMeta) -> io::Result<Snapshot> {
        self.snapshots += 1;
        let path = self.dir.path().join(format!("snapshot-{}", self.snapshots));
        // Large enough for several chunks.
        let mut content = vec![7; 2_500_000];
        content.extend(self.count.to_be_bytes());
        std::fs::write(&path, &content)?;
        let bytes = content.len() as u64;
        self.snapshot = Some((meta.clone(), path.clone(), bytes));
        let snapshot = kept(path, bytes);
        Ok(Snapshot { meta, snapshot })
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Counter {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let mut state = self.lock();
        let meta = SnapshotMeta { last_log_id: state.applied, last_membership: state.membership.clone() };
        state.store(meta)
    }
}

impl RaftStateMachine<TypeConfig> for Counter {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let state = self.lock();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let mut state = self.lock();
            state.applied = Some(entry.log_id);
            let reply = match entry.payload {
                EntryPayload::Blank => Reply::default(),
                EntryPayload::Normal(command) => {
                    state.count += 1;
                    Reply(command.0)
                }
                EntryPayload::Membership(membership) => {
                    state.membership = StoredMembership::new(Some(entry.log_id), membership);
                    Reply::default()
                }
            };
            drop(state);
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> io::Result<()> {
        let content = std::fs::read(snapshot.path())?;
        let (rest, count) =
            content.split_last_chunk::<8>().ok_or_else(|| io::Error::other("a short snapshot"))?;
        if rest.iter().any(|byte| *byte != 7) {
            return Err(io::Error::other("a damaged snapshot"));
        }
        let mut state = self.lock();
        state.count = u64::from_be_bytes(*count);
        state.applied = meta.last_log_id;
        state.membership = meta.last_membership.clone();
        state.store(meta.clone()).map(drop)
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let state = self.lock();
        Ok(state.snapshot.clone().map(|(meta, path, bytes)| Snapshot { meta, snapshot: kept(path, bytes) }))
    }
}

fn kept(path: PathBuf, bytes: u64) -> SnapshotFile {
    let open = std::fs::File::open(&path).expect("a file that was just written");
    SnapshotFile::kept(path, bytes, open)
}
