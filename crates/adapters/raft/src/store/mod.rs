//! The replicated state on this node: in memory for deciding and reading, and on disk.
//!
//! The log makes changes durable, so the state on disk may lag. Applied entries change the state in memory at
//! once. They wait in a segment until a checkpoint writes them, with the log id that they reach, in one
//! durable transaction. After a crash the log is replayed from the last checkpoint. So one disk write carries
//! the changes of a second instead of one batch.

mod archive;
pub mod engine;
mod published;
mod recent;
mod segment;
mod signals;
pub mod snapshot;
pub(crate) mod tables;
#[cfg(test)]
mod tests;

pub use archive::LiveArchive;
pub use engine::{Batch, Engine, EngineView, RedbEngine, Table};
pub use published::Published;
pub use recent::{RECENT_BYTES_MAX, RECENT_CHANGES_MAX};

use crate::codec::command::decode_command;
#[cfg(feature = "simulation")]
use crate::planted_faults::{Fault, is};
use crate::type_config::{LogId, StoredMembership};
use application::ports::ChangeSignal;
use arc_swap::ArcSwap;
use domain::{EnvironmentId, Outcome, RowKey, State};
use segment::Added;
use signals::{Signals, Touched};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Largest size of applied changes that wait for a checkpoint, in bytes; applying pauses above it.
pub const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a checkpoint writes for each changed row in addition to its content: a page of the table, and
/// its share of the pages above.
const CHECKPOINT_ROW_BYTES: usize = 4096 + 1024;
/// Bytes that every checkpoint writes.
const CHECKPOINT_BYTES: usize = 256 * 1024;

/// What this node has applied, for waiting readers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The index of the last applied log entry; 0 before the first.
    pub applied_index: u64,
    /// The revision of the state.
    pub revision: u64,
}

/// The store of the state machine, shared by the applier, readers and the checkpoint task.
#[derive(Debug)]
pub struct Store {
    engine: Arc<dyn Engine>,
    published: ArcSwap<Published>,
    inner: Mutex<Inner>,
    /// Held during a checkpoint or an install, so that only one runs at a time.
    writing: Mutex<()>,
    progress: watch::Sender<Progress>,
    signals: Signals,
}

#[derive(Debug, Default)]
struct Inner {
    dirty: BTreeSet<RowKey>,
    pending_bytes: usize,
    /// A checkpoint failed, because of the disk; the node must stop.
    failed: bool,
}

/// An entry to apply.
#[derive(Debug)]
pub struct Item {
    /// Its log id.
    pub log_id: LogId,
    /// Its content.
    pub change: Change,
}

/// The content of a log entry.
#[derive(Debug)]
pub enum Change {
    /// Nothing: the first entry of a new leader.
    Blank,
    /// A new membership.
    Membership(crate::type_config::Membership),
    /// An encoded command.
    Command(bytes::Bytes),
}

impl Change {
    /// The length of the encoded command, in bytes; 0 for other entries.
    pub fn command_bytes(&self) -> u64 {
        match self {
            Self::Command(command) => command.len() as u64,
            Self::Blank | Self::Membership(_) => 0,
        }
    }
}

impl Store {
    /// Opens the store with the content of the engine.
    pub fn open(engine: Arc<dyn Engine>) -> io::Result<Self> {
        let missing = tables::missing_changes(&*engine.view()?)?;
        if !missing.changes.is_empty() {
            engine.commit(&missing)?;
        }
        let (state, marker) = tables::load(&*engine.view()?)?;
        #[cfg(feature = "simulation")]
        let marker = crate::planted_faults::misremembered(marker);
        let published = Published::new(state, marker, engine.clone());
        let progress = published.progress();
        Ok(Self {
            engine,
            published: ArcSwap::from_pointee(published),
            inner: Mutex::default(),
            writing: Mutex::new(()),
            progress: watch::Sender::new(progress),
            signals: Signals::default(),
        })
    }

    /// The applied state. Later changes do not affect it.
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// A receiver for the progress of applying.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// A signal for a watcher of an environment.
    pub fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        Box::new(self.signals.follow(environment, || self.published().state.revision()))
    }

    /// Waits for pending changes and notifies their watchers. Must be called in a loop.
    pub async fn wake_followers(&self) {
        self.signals.due().await;
        self.signals.wake();
    }

    /// Notifies all watchers that no more changes will come.
    pub fn stop_followers(&self) {
        self.signals.close();
    }

    /// Applies entries in order and publishes the result. Returns one outcome for each entry, `None` for
    /// those that are not commands. Fails only if an entry cannot be decoded, and then changes nothing.
    pub fn apply(&self, items: Vec<Item>) -> io::Result<Vec<Option<Outcome>>> {
        let before = self.published();
        let mut state = State::clone(&before.state);
        let mut marker = before.marker.clone();
        let mut added = Added::default();
        let (mut dirty, mut touched) = (Vec::new(), Touched::default());
        let mut outcomes = Vec::with_capacity(items.len());
        let mut bytes = 0;
        for item in items {
            let outcome = match item.change {
                Change::Blank => None,
                Change::Membership(membership) => {
                    marker.membership = StoredMembership::new(Some(item.log_id), membership);
                    None
                }
                Change::Command(payload) => {
                    let command = decode_command(&payload)?;
                    #[cfg(feature = "simulation")]
                    let command = crate::planted_faults::altered(&state, command);
                    let applied = state.apply(&command);
                    if let Some(committed) = &applied.committed {
                        dirty.extend(committed.touched_rows());
                        touched.by(committed);
                        added.rows(committed);
                        bytes += payload.len();
                    }
                    #[cfg(feature = "simulation")]
                    let applied = domain::Applied {
                        audit: applied
                            .audit
                            .filter(|entry| !is(Fault::AuditGap) || !entry.revision.0.is_multiple_of(97)),
                        ..applied
                    };
                    if let Some(audit) = applied.audit {
                        added.audit(audit);
                    }
                    Some(applied.outcome)
                }
            };
            marker.applied = Some(item.log_id);
            outcomes.push(outcome);
        }
        let mut inner = self.inner();
        inner.dirty.extend(dirty);
        inner.pending_bytes += bytes;
        // A checkpoint may have sealed or dropped a segment meanwhile, so the rest is taken from the
        // currently published state. State and marker only change here, and this method never runs
        // concurrently.
        let mut next = Published::clone(&self.published());
        next.state = Arc::new(state);
        next.marker = marker;
        // Before the state that refers to them.
        next.recent.add(added.changes());
        next.active.add(added);
        let revision = next.state.revision();
        self.signals.publish(&touched, revision, || self.publish(next));
        drop(inner);
        Ok(outcomes)
    }

    /// Whether applying should wait for a checkpoint.
    pub fn is_full(&self) -> bool {
        self.inner().pending_bytes > PENDING_BYTES_MAX
    }

    /// Bytes that a checkpoint may need on disk now: twice what was applied, and the copied pages of changed
    /// rows.
    pub fn checkpoint_bytes(&self) -> u64 {
        let inner = self.inner();
        (inner.pending_bytes * 2 + inner.dirty.len() * CHECKPOINT_ROW_BYTES + CHECKPOINT_BYTES) as u64
    }

    /// Writes everything applied so far to disk, durably. Blocks for the disk.
    pub fn checkpoint(&self) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (sealed, dirty) = {
            let mut inner = self.inner();
            let now = self.published();
            if inner.failed {
                return Err(io::Error::other("an earlier checkpoint failed"));
            }
            if now.marker.applied == now.persisted {
                return Ok(());
            }
            let sealed = now.seal();
            self.publish(sealed.clone());
            inner.pending_bytes = 0;
            (sealed, std::mem::take(&mut inner.dirty))
        };
        let written = tables::batch(&sealed, &dirty).and_then(|batch| self.engine.commit(&batch));
        let mut inner = self.inner();
        if let Err(error) = written {
            // The sealed segment stays readable, but is never sealed again.
            inner.failed = true;
            return Err(error);
        }
        self.publish(self.published().persisted_up_to(sealed.marker.applied));
        Ok(())
    }

    /// Replaces everything by the content of a snapshot file, durably.
    pub fn install(&self, path: &std::path::Path) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot::restore(path, &*self.engine)?;
        let missing = tables::missing_changes(&*self.engine.view()?)?;
        if !missing.changes.is_empty() {
            self.engine.commit(&missing)?;
        }
        let (state, marker) = tables::load(&*self.engine.view()?)?;
        let mut inner = self.inner();
        *inner = Inner::default();
        let next = Published::new(state, marker, self.engine.clone());
        let revision = next.state.revision();
        self.signals.publish(&Touched::all(), revision, || self.publish(next));
        Ok(())
    }

    /// Writes a snapshot file of everything applied so far and returns what it covers. Blocks for the disk.
    pub fn write_snapshot(&self, path: &std::path::Path) -> io::Result<snapshot::Written> {
        self.checkpoint()?;
        snapshot::write(&*self.engine.view()?, path)
    }

    /// The digest of all replicated tables after everything applied so far. Blocks for the disk.
    pub fn state_hash(&self) -> io::Result<domain::Digest> {
        self.checkpoint()?;
        snapshot::hash(&*self.engine.view()?)
    }

    /// Verifies the audit chain, one entry for each revision, up to the head in the state. Returns the number
    /// of entries; an error names the place where the chain breaks. Blocks for the disk.
    pub fn verify_audit(&self) -> io::Result<u64> {
        self.checkpoint()?;
        tables::verify_audit(&*self.engine.view()?)
    }

    /// The records of the audit chain, in order. Blocks for the disk.
    pub fn audit_records(&self) -> io::Result<Vec<String>> {
        self.checkpoint()?;
        tables::audit_records(&*self.engine.view()?)
    }

    /// The log id up to which the state on disk is complete.
    pub fn persisted(&self) -> Option<LogId> {
        self.published().persisted
    }

    fn publish(&self, next: Published) {
        let progress = next.progress();
        self.published.store(Arc::new(next));
        self.progress.send_if_modified(|held| {
            let changed = *held != progress;
            *held = progress;
            changed
        });
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
