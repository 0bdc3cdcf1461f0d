//! Reading the replicated state and the archive of bodies.

use super::{ChangeSignal, Changes, ChangesWanted, ConsensusError};
use async_trait::async_trait;
use domain::{
    AuditEntry, ConfigId, ConfigRevision, EnvironmentId, Revision, SchemaId, SchemaRevision, SchemaVersion,
    State, Version,
};
use std::fmt;
use std::sync::Arc;

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Consistency {
    /// At least as fresh as every write that was acknowledged, on any node, before the read began.
    #[default]
    Linearizable,
    /// Whatever this node has applied.
    Stale,
}

/// What a reader asks of a view.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Freshness {
    /// How it relates to other nodes' writes.
    pub consistency: Consistency,
    /// Not older than this revision.
    pub min_revision: Option<Revision>,
}

impl Freshness {
    /// Whatever this node has applied.
    pub const STALE: Self = Self { consistency: Consistency::Stale, min_revision: None };
    /// The default.
    pub const LINEARIZABLE: Self = Self { consistency: Consistency::Linearizable, min_revision: None };
}

/// One consistent view of everything, which later writes do not change.
#[derive(Clone)]
pub struct View {
    /// The state.
    pub state: Arc<State>,
    /// The bodies that the state refers to, and older ones.
    pub archive: Arc<dyn Archive>,
    /// For a stale view: how long ago this node last heard from a leader, in milliseconds.
    /// `None` for a linearizable view, and when this node has not heard from one since it started.
    pub stale_for_ms: Option<u64>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("revision", &self.state.revision()).finish_non_exhaustive()
    }
}

/// Gives views of the replicated state.
#[async_trait]
pub trait StateReader: Send + Sync {
    /// A view that is as fresh as asked; waits for it within the node's read time-out.
    ///
    /// Fails with [`ConsensusError::NoLeader`] when a linearizable view cannot be confirmed and with
    /// [`ConsensusError::Behind`] when `min_revision` does not arrive in time.
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError>;

    /// A signal for whoever follows an environment. Views that are taken from now on show whatever changed
    /// before, and the signal tells of everything else.
    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal>;
}

/// The archive could not be read. The node's disk is at fault, not the request.
#[derive(Debug, thiserror::Error)]
#[error("the archive could not be read")]
pub struct ArchiveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Bodies and history. Reads are short, local and may block for one disk access.
pub trait Archive: Send + Sync {
    /// One version of a config.
    fn config_revision(
        &self,
        id: &ConfigId,
        version: Version,
    ) -> Result<Option<ConfigRevision>, ArchiveError>;

    /// The versions of a config below `before` (all with `None`), newest first, at most `limit`.
    fn config_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> Result<Vec<ConfigRevision>, ArchiveError>;

    /// Changes of configs from a place on, in order; as many as one read may give.
    fn config_changes(&self, wanted: &ChangesWanted<'_>) -> Result<Changes, ArchiveError>;

    /// One version of a schema.
    fn schema_revision(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
    ) -> Result<Option<SchemaRevision>, ArchiveError>;

    /// The entries of the audit chain after a revision, in order, at most `limit`.
    fn audit_entries(&self, after: Revision, limit: usize) -> Result<Vec<AuditEntry>, ArchiveError>;
}
