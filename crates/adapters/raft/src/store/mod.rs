//! The replicated state on this node: in memory for deciding and reading, behind that on disk.
//!
//! The log makes a change durable; the disk here only has to catch up. Applied entries change the
//! state in memory at once and wait in a segment until a checkpoint writes them, together with the
//! log id they reach, in one durable transaction. After a crash the log is replayed from the last
//! checkpoint. So one disk write carries a second of changes instead of one batch.

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

/// Most bytes of applied changes that may wait for a checkpoint; applying pauses above it.
pub const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a checkpoint writes for each changed row beside its content, in bytes: a page of the table and its share
/// of those above.
const CHECKPOINT_ROW_BYTES: usize = 4096 + 1024;
/// What every checkpoint writes, in bytes.
const CHECKPOINT_BYTES: usize = 256 * 1024;

/// What this node has applied, for those who wait for it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The index of the last applied log entry; 0 before the first.
    pub applied_index: u64,
    /// The revision of the state.
    pub revision: u64,
}

/// The state machine's store. Shared by the applier, readers, and the checkpoint task.
#[derive(Debug)]
pub struct Store {
    engine: Arc<dyn Engine>,
    published: ArcSwap<Published>,
    inner: Mutex<Inner>,
    /// Held during a checkpoint or an install, so that there is one at a time.
    writing: Mutex<()>,
    progress: watch::Sender<Progress>,
    signals: Signals,
}

#[derive(Debug, Default)]
struct Inner {
    dirty: BTreeSet<RowKey>,
    pending_bytes: usize,
    /// A checkpoint could not be written; the disk is at fault and the node must stop.
    failed: bool,
}

/// One entry to be applied.
#[derive(Debug)]
pub struct Item {
    /// Its place in the log.
    pub log_id: LogId,
    /// What it asks for.
    pub change: Change,
}

/// What an entry asks for.
#[derive(Debug)]
pub enum Change {
    /// Nothing; a new leader's first entry.
    Blank,
    /// A new membership.
    Membership(crate::type_config::Membership),
    /// An encoded command.
    Command(bytes::Bytes),
}

impl Change {
    /// The length of the encoded command; 0 for anything else.
    pub fn command_bytes(&self) -> u64 {
        match self {
            Self::Command(command) => command.len() as u64,
            Self::Blank | Self::Membership(_) => 0,
        }
    }
}

impl Store {
    /// Opens what the engine holds.
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

    /// What is applied now. Later changes do not show in it.
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Follows what is applied.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// A signal for whoever follows an environment.
    pub fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        Box::new(self.signals.follow(environment, || self.published().state.revision()))
    }

    /// Waits until followers are to be woken, and wakes them. Somebody must do so again and again.
    pub async fn wake_followers(&self) {
        self.signals.due().await;
        self.signals.wake();
    }

    /// Tells all followers that nothing more comes.
    pub fn stop_followers(&self) {
        self.signals.close();
    }

    /// Applies entries in order and publishes the result; gives one outcome for each, `None` for those
    /// that are not commands. Fails only when an entry cannot be understood, and then changes nothing.
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
        // A checkpoint may have sealed or dropped a segment meanwhile, so the rest is taken from what is
        // published now; state and marker change only here, and this is never called concurrently.
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

    /// How many bytes a checkpoint may need on the disk now: what was applied, twice, and the pages that hold
    /// the changed rows, which are copied.
    pub fn checkpoint_bytes(&self) -> u64 {
        let inner = self.inner();
        (inner.pending_bytes * 2 + inner.dirty.len() * CHECKPOINT_ROW_BYTES + CHECKPOINT_BYTES) as u64
    }

    /// Writes everything applied so far durably. Blocks for the disk.
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
            // What was set aside stays readable, but is never set aside again.
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

    /// Writes a snapshot file of everything applied so far and says what it covers. Blocks for the disk.
    pub fn write_snapshot(&self, path: &std::path::Path) -> io::Result<snapshot::Written> {
        self.checkpoint()?;
        snapshot::write(&*self.engine.view()?, path)
    }

    /// The digest of every table, bodies and audit entries included, as of everything applied so far.
    pub fn state_hash(&self) -> io::Result<domain::Digest> {
        self.checkpoint()?;
        snapshot::hash(&*self.engine.view()?)
    }

    /// Walks the audit chain, one entry for each revision, up to the head that the state names. Gives how
    /// many entries there are; an error says where the chain breaks. Blocks for the disk.
    pub fn verify_audit(&self) -> io::Result<u64> {
        self.checkpoint()?;
        tables::verify_audit(&*self.engine.view()?)
    }

    /// The records of the audit chain, in order. Blocks for the disk.
    pub fn audit_records(&self) -> io::Result<Vec<String>> {
        self.checkpoint()?;
        tables::audit_records(&*self.engine.view()?)
    }

    /// The log id that the disk has caught up to.
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
