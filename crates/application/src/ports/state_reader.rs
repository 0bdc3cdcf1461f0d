//! Reading the replicated state and the archive.

use super::{ChangeSignal, Changes, ChangesWanted, ConsensusError};
use async_trait::async_trait;
use domain::{
    AuditEntry, ConfigId, ConfigRevision, EnvironmentId, Revision, SchemaId, SchemaRevision, SchemaVersion,
    State, Version,
};
use std::fmt;
use std::sync::Arc;

/// The consistency of a read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Consistency {
    /// Reflects every write, on any node, that was acknowledged before the read began.
    #[default]
    Linearizable,
    /// Reflects the writes that this node has applied.
    Stale,
}

/// The required freshness of a view.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Freshness {
    /// The consistency.
    pub consistency: Consistency,
    /// The lowest acceptable revision; `None` means any.
    pub min_revision: Option<Revision>,
}

impl Freshness {
    /// A stale read at any revision.
    pub const STALE: Self = Self { consistency: Consistency::Stale, min_revision: None };
    /// A linearizable read at any revision.
    pub const LINEARIZABLE: Self = Self { consistency: Consistency::Linearizable, min_revision: None };
}

/// A consistent snapshot of the state and the archive.
#[derive(Clone)]
pub struct View {
    /// The state.
    pub state: Arc<State>,
    /// The archive with the bodies that the state refers to, and older ones.
    pub archive: Arc<dyn Archive>,
    /// For a stale view: time since this node last heard from a leader, in milliseconds. `None` for a
    /// linearizable view, and if this node has not heard from a leader since it started.
    pub stale_for_ms: Option<u64>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("revision", &self.state.revision()).finish_non_exhaustive()
    }
}

/// Reads the replicated state.
#[async_trait]
pub trait StateReader: Send + Sync {
    /// A view of the required freshness. Waits for it up to the read time-out of the node.
    ///
    /// - Fails with [`ConsensusError::NoLeader`] if a linearizable view cannot be confirmed.
    /// - Fails with [`ConsensusError::Behind`] if the node does not reach `min_revision` in time.
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError>;

    /// A signal for a watcher of an environment. Views taken after this call contain all earlier changes; the
    /// signal reports all later ones.
    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal>;
}

/// The archive could not be read, because of the node's disk.
#[derive(Debug, thiserror::Error)]
#[error("the archive could not be read")]
pub struct ArchiveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Document bodies, schema bodies, history and audit entries. Reads are local and may block for one disk
/// access.
pub trait Archive: Send + Sync {
    /// A version of a config; `None` if it does not exist or was pruned.
    fn config_revision(
        &self,
        id: &ConfigId,
        version: Version,
    ) -> Result<Option<ConfigRevision>, ArchiveError>;

    /// The versions of a config before `before`, or all with `None`; the newest first, at most `limit`.
    fn config_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> Result<Vec<ConfigRevision>, ArchiveError>;

    /// The requested changes of configs, in order, within the limits of one read.
    fn config_changes(&self, wanted: &ChangesWanted<'_>) -> Result<Changes, ArchiveError>;

    /// A version of a schema; `None` if it does not exist.
    fn schema_revision(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
    ) -> Result<Option<SchemaRevision>, ArchiveError>;

    /// The entries of the audit chain after a revision, in order, at most `limit`.
    fn audit_entries(&self, after: Revision, limit: usize) -> Result<Vec<AuditEntry>, ArchiveError>;
}
