//! openraft's state machine: applies committed entries, builds and installs snapshots.

use crate::codec::command::encode_outcome;
use crate::disk;
use crate::log_store::OnFatal;
use crate::network::SnapshotFile;
use crate::observe::Observer;
use crate::space::Space;
use crate::store::{Change, Item, Store, snapshot};
use crate::type_config::{LogId, Reply, Snapshot, SnapshotMeta, StoredMembership, TypeConfig};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use openraft::storage::{ApplyResponder, EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most entries that are applied and published together.
const APPLY_BATCH_MAX: usize = 512;
/// The file name of the current snapshot.
const CURRENT: &str = "current.snap";
/// The state file, in the parent folder of the snapshots.
const STATE_FILE: &str = "state.redb";
/// Pause before checking again for space to apply entries.
const ROOM_INTERVAL: Duration = Duration::from_millis(200);
/// The file name of a snapshot in progress.
const BUILDING: &str = "building.tmp";

/// The state machine of one node.
#[derive(Clone)]
pub struct StateMachine {
    store: Arc<Store>,
    dir: PathBuf,
    observer: Arc<dyn Observer>,
    on_fatal: OnFatal,
    space: Arc<Space>,
    /// Size of the commands applied since the node started, in bytes.
    applied_bytes: Arc<AtomicU64>,
    /// Held while the current snapshot is replaced.
    files: Arc<Mutex<()>>,
}

impl std::fmt::Debug for StateMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateMachine").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl StateMachine {
    /// A state machine on `store`, with snapshots in `dir`, which is created if missing.
    pub fn new(
        store: Arc<Store>,
        dir: PathBuf,
        observer: Arc<dyn Observer>,
        on_fatal: OnFatal,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let (space, applied_bytes, files) = Default::default();
        Ok(Self { store, dir, observer, on_fatal, space, applied_bytes, files })
    }

    /// The size of the commands applied since the node started, in bytes.
    pub fn applied_bytes(&self) -> Arc<AtomicU64> {
        self.applied_bytes.clone()
    }

    /// The same state machine, with checks for disk space.
    #[must_use]
    pub fn with_space(self, space: Arc<Space>) -> Self {
        Self { space, ..self }
    }

    async fn apply_batch(&self, batch: Vec<EntryResponder<TypeConfig>>) -> io::Result<()> {
        while self.store.is_full() {
            let space = self.space.clone();
            let room = self.blocking(move |store| {
                let room = space.has_room(store.checkpoint_bytes());
                if room { store.checkpoint().map(|()| room) } else { Ok(room) }
            });
            if !room.await? {
                tracing::warn!("there is no disk space for a checkpoint; nothing is applied until there is");
                tokio::time::sleep(ROOM_INTERVAL).await;
            }
        }
        let began = Instant::now();
        let entries = batch.len();
        let (items, responders): (Vec<Item>, Vec<Option<ApplyResponder<TypeConfig>>>) =
            batch.into_iter().map(|(entry, responder)| (item(entry), responder)).unzip();
        let bytes: u64 = items.iter().map(|item| item.change.command_bytes()).sum();
        let outcomes = self.store.apply(items)?;
        self.applied_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.observer.applied(entries, began.elapsed().as_secs_f64());
        for (outcome, responder) in outcomes.into_iter().zip(responders) {
            if let Some(responder) = responder {
                let reply = outcome.as_ref().map(encode_outcome).transpose()?.unwrap_or_default();
                responder.send(Reply(Bytes::from(reply)));
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let store = self.store.clone();
        disk::blocking(move || work(&store)).await
    }

    /// A failure is a disk error or an unknown command; either way the node must stop.
    fn fatal(&self, error: io::Error) -> io::Error {
        (self.on_fatal)(io::Error::new(error.kind(), error.to_string()));
        error
    }
}

fn item(entry: crate::type_config::Entry) -> Item {
    let change = match entry.payload {
        EntryPayload::Blank => Change::Blank,
        EntryPayload::Normal(payload) => Change::Command(payload.0),
        EntryPayload::Membership(membership) => Change::Membership(membership),
    };
    Item { log_id: entry.log_id, change }
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let published = self.store.published();
        Ok((published.marker.applied, published.marker.membership.clone()))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut batches = entries.ready_chunks(APPLY_BATCH_MAX);
        while let Some(batch) = batches.next().await {
            let batch = batch.into_iter().collect::<Result<Vec<_>, _>>()?;
            self.apply_batch(batch).await.map_err(|error| self.fatal(error))?;
        }
        Ok(())
    }

    /// Without disk space, skips a snapshot that nobody waits for; openraft requests it again.
    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Self> {
        let (dir, space) = (self.dir.clone(), self.space.clone());
        let room = disk::blocking(move || Ok(space.has_room_to_spare(snapshot_bytes(&dir))));
        if force || room.await.unwrap_or(true) {
            return Some(self.clone());
        }
        tracing::warn!("there is no disk space for a snapshot; it is made later");
        None
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotFile,
    ) -> Result<(), io::Error> {
        let (path, current) = (snapshot.path().to_owned(), self.dir.join(CURRENT));
        let (expected, dir, files) = (meta.last_log_id, self.dir.clone(), self.files.clone());
        let work = move |store: &Store| {
            snapshot::verify_covers(&path, expected)?;
            let _one_at_a_time = files.lock().unwrap_or_else(PoisonError::into_inner);
            // The file comes first. After a crash in between, openraft finds a snapshot newer than the state
            // and installs it. A state without its snapshot could never be sent to others.
            if path != current {
                replace(&path, &current, &dir)?;
            }
            store.install(&current)
        };
        self.blocking(work).await.map_err(|error| self.fatal(error))?;
        snapshot.keep();
        self.observer.snapshot_installed();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let path = self.dir.join(CURRENT);
        if !path.try_exists()? {
            return Ok(None);
        }
        self.blocking(move |_| described(path)).await.map(Some)
    }
}

impl RaftSnapshotBuilder<TypeConfig> for StateMachine {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let (building, current) = (self.dir.join(BUILDING), self.dir.join(CURRENT));
        let (dir, files, observer) = (self.dir.clone(), self.files.clone(), self.observer.clone());
        let work = move |store: &Store| {
            let written = store.write_snapshot(&building).inspect_err(|_| {
                // The incomplete file only uses space.
                let _ = std::fs::remove_file(&building);
            })?;
            let _one_at_a_time = files.lock().unwrap_or_else(PoisonError::into_inner);
            // A snapshot installed meanwhile is newer, and the log before it is purged.
            let newer =
                current.try_exists()? && snapshot::head(&current)?.0.marker.applied > written.marker.applied;
            if !newer {
                replace(&building, &current, &dir)?;
                observer.snapshot_built(written.bytes);
            }
            described(current)
        };
        self.blocking(work).await.map_err(|error| self.fatal(error))
    }
}

/// The approximate size of the next snapshot, in bytes: by the last one, or at most the size of the state.
fn snapshot_bytes(dir: &Path) -> u64 {
    let length = |path: PathBuf| std::fs::metadata(path).map(|found| found.len()).ok();
    let last = length(dir.join(CURRENT)).map(|bytes| bytes.saturating_add(bytes / 4));
    last.or_else(|| length(dir.parent()?.join(STATE_FILE))).unwrap_or(0)
}

fn described(path: PathBuf) -> io::Result<Snapshot> {
    let (head, file) = snapshot::head(&path)?;
    let meta = SnapshotMeta { last_log_id: head.marker.applied, last_membership: head.marker.membership };
    Ok(Snapshot { meta, snapshot: SnapshotFile::kept(path, head.bytes, file) })
}

/// Replaces a file atomically: after a crash there is the old or the new one.
fn replace(from: &Path, to: &Path, dir: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    std::fs::File::open(dir)?.sync_all()
}
