//! A trial state: a real snapshot, and on top of it, in memory only, the planned schemas of an import. The
//! use cases run on it as on the real state.
//!
//! Nothing computed here may be kept: the number of a planned version may finally belong to another version.

use crate::ports::{
    Archive, ArchiveError, ChangeSignal, Changes, ChangesWanted, Consensus, ConsensusError, Freshness,
    Offered, SchemaEngine, SchemaFault, StateReader, Validator, View,
};
use crate::{Core, Schemas};
use async_trait::async_trait;
use domain::{
    AuditEntry, Command, ConfigId, ConfigRevision, Content, EnvironmentId, Event, Outcome, Revision,
    SchemaId, SchemaRevision, SchemaVersion, Stamped, State, Version,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Registered = BTreeMap<(SchemaId, SchemaVersion), SchemaRevision>;

/// A trial state.
#[derive(Clone)]
pub(super) struct Trial {
    real: Arc<dyn StateReader>,
    base: View,
    planned: Arc<Mutex<(State, Arc<Registered>)>>,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Trial {
    /// A trial without planned schemas.
    pub(super) fn new(core: &Core, base: View) -> Self {
        let planned = Mutex::new((State::clone(&base.state), Arc::default()));
        Self { real: core.state.clone(), base, planned: Arc::new(planned) }
    }

    /// The use cases on schemas, on this state.
    pub(super) fn schemas(&self, core: &Core, engine: &Arc<dyn SchemaEngine>) -> Schemas {
        let here = Arc::new(self.clone());
        let core = Core { consensus: here.clone(), state: here, env: core.env.clone() };
        Schemas::new(core, Arc::new(Forgetful(engine.clone())))
    }

    /// The view of this state. Only for compiling submitted schemas, as the module explains.
    pub(super) fn now(&self) -> View {
        let planned = self.planned();
        let archive = Arc::new(Bodies { base: self.base.archive.clone(), registered: planned.1.clone() });
        View { state: Arc::new(planned.0.clone()), archive, stale_for_ms: None }
    }

    fn planned(&self) -> MutexGuard<'_, (State, Arc<Registered>)> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consensus for Trial {
    async fn propose(&self, stamped: Stamped<Command>) -> Result<Outcome, ConsensusError> {
        let mut planned = self.planned();
        let applied = planned.0.apply(&stamped);
        for event in applied.committed.iter().flat_map(|committed| &committed.events) {
            if let Event::SchemaRegistered { id, version, schema, dialect, uses, .. } = event {
                let revision = SchemaRevision {
                    id: id.clone(),
                    version: *version,
                    revision: planned.0.revision(),
                    schema: schema.clone(),
                    dialect: *dialect,
                    at: stamped.at,
                    by: stamped.actor.clone(),
                    uses: uses.clone(),
                };
                Arc::make_mut(&mut planned.1).insert((id.clone(), *version), revision);
            }
        }
        Ok(applied.outcome)
    }
}

#[async_trait]
impl StateReader for Trial {
    async fn view(&self, _freshness: Freshness) -> Result<View, ConsensusError> {
        Ok(self.now())
    }

    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.real.follow(environment)
    }
}

/// The archive with the planned schemas.
struct Bodies {
    base: Arc<dyn Archive>,
    registered: Arc<Registered>,
}

impl Archive for Bodies {
    fn config_revision(
        &self,
        id: &ConfigId,
        version: Version,
    ) -> Result<Option<ConfigRevision>, ArchiveError> {
        self.base.config_revision(id, version)
    }

    fn config_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> Result<Vec<ConfigRevision>, ArchiveError> {
        self.base.config_history(id, before, limit)
    }

    fn config_changes(&self, wanted: &ChangesWanted<'_>) -> Result<Changes, ArchiveError> {
        self.base.config_changes(wanted)
    }

    fn schema_revision(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
    ) -> Result<Option<SchemaRevision>, ArchiveError> {
        match self.registered.get(&(id.clone(), version)) {
            Some(planned) => Ok(Some(planned.clone())),
            None => self.base.schema_revision(id, version),
        }
    }

    fn audit_entries(&self, after: Revision, limit: usize) -> Result<Vec<AuditEntry>, ArchiveError> {
        self.base.audit_entries(after, limit)
    }
}

/// A schema engine without cached versions, because no version of a trial is registered.
struct Forgetful(Arc<dyn SchemaEngine>);

#[async_trait]
impl SchemaEngine for Forgetful {
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault> {
        self.0.compile(id, schema, view).await
    }

    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        _archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault> {
        Err(SchemaFault::Missing(id.name.to_string(), version.0))
    }
}
