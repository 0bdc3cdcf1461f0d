//! Decisions on schemas.

use super::{Decision, within};
use crate::access::{Permission, Resource};
use crate::limits::{SCHEMA_REFS_MAX, SCHEMAS_PER_PROJECT_MAX};
use crate::{Command, Event, Rejection, Schema, SchemaId, SchemaMode, SchemaUse, SchemaVersion};

/// Most referring schemas that a rejected deletion names.
const USERS_LISTED_MAX: usize = 10;

impl Decision<'_> {
    pub(super) fn create_schema(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::CreateSchema { id, schema, dialect, mode, uses } = command else {
            return Ok(Vec::new());
        };
        self.require(Permission::SchemaWrite, Resource::Project(&id.project))?;
        self.existing_project(&id.project)?;
        if self.state.schema(id).is_some() {
            return Err(Rejection::SchemaExists(id.clone()));
        }
        within("schemas_per_project", self.state.schemas(&id.project).count(), SCHEMAS_PER_PROJECT_MAX)?;
        self.references_hold(id, uses)?;
        self.room_for_schema(&id.project, schema)?;
        Ok(vec![Event::SchemaRegistered {
            id: id.clone(),
            version: self.state.retired_schemas.get(id).copied().unwrap_or_default().next(),
            first: true,
            schema: schema.clone(),
            dialect: *dialect,
            mode: *mode,
            uses: uses.clone(),
        }])
    }

    /// Rejects the version if a document that follows the schema was written after the revision `checked`.
    /// Not under [`SchemaMode::Ratchet`], where documents may fail.
    pub(super) fn update_schema(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::UpdateSchema { id, schema, dialect, mode, expected, checked, uses } = command else {
            return Ok(Vec::new());
        };
        self.require(Permission::SchemaWrite, Resource::Project(&id.project))?;
        let current = self.expected_schema(id, *expected)?;
        let mode = mode.unwrap_or(current.mode);
        if mode == SchemaMode::Strict && current.bound_changed > *checked {
            return Err(Rejection::BoundDocumentsChanged(id.clone()));
        }
        self.references_hold(id, uses)?;
        self.room_for_schema(&id.project, schema)?;
        Ok(vec![Event::SchemaRegistered {
            id: id.clone(),
            version: current.latest.next(),
            first: false,
            schema: schema.clone(),
            dialect: *dialect,
            mode,
            uses: uses.clone(),
        }])
    }

    pub(super) fn hold_schema(&self, id: &SchemaId, hold: bool) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::SchemaWrite, Resource::Project(&id.project))?;
        self.expected_schema(id, None)?;
        Ok(vec![Event::SchemaHeld { id: id.clone(), hold }])
    }

    pub(super) fn delete_schema(
        &self,
        id: &SchemaId,
        expected: Option<SchemaVersion>,
    ) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::SchemaDelete, Resource::Project(&id.project))?;
        let current = self.expected_schema(id, expected)?;
        let bound_documents = self.state.bound_count(id);
        if bound_documents > 0 {
            return Err(Rejection::SchemaInUse { id: id.clone(), bound_documents });
        }
        let users = self.state.schemas(&id.project).filter(|other| other.uses.contains(&id.name));
        let by: Vec<_> = users.map(|user| user.id.name.clone()).take(USERS_LISTED_MAX).collect();
        if !by.is_empty() {
            return Err(Rejection::SchemaUsed { id: id.clone(), by });
        }
        Ok(vec![Event::SchemaDeleted { id: id.clone(), version: current.latest }])
    }

    /// Whether the references still resolve to the same versions and do not lead back to the schema. A cycle
    /// would make its schemas impossible to delete.
    fn references_hold(&self, id: &SchemaId, uses: &[SchemaUse]) -> Result<(), Rejection> {
        if uses.len() > SCHEMA_REFS_MAX {
            let (limit, max) = ("references_per_schema".to_owned(), SCHEMA_REFS_MAX as u64);
            return Err(Rejection::LimitReached { limit, max });
        }
        let other = |one: &SchemaUse| SchemaId { project: id.project.clone(), name: one.name.clone() };
        let holds = |one: &SchemaUse| {
            self.state.schema(&other(one)).is_some_and(|schema| {
                let kept = (schema.first..=schema.latest).contains(&one.version);
                kept && (!one.newest || one.version == schema.latest)
            })
        };
        if uses.iter().all(holds) && !self.state.schemas_lead_to(uses.iter().map(other), id) {
            Ok(())
        } else {
            Err(Rejection::ReferencesOutdated(id.clone()))
        }
    }

    fn expected_schema(&self, id: &SchemaId, expected: Option<SchemaVersion>) -> Result<&Schema, Rejection> {
        self.existing_project(&id.project)?;
        let current = self.state.schema(id).ok_or_else(|| Rejection::SchemaNotFound(id.clone()))?;
        match expected {
            Some(expected) if expected != current.latest => {
                Err(Rejection::SchemaVersionConflict { id: id.clone(), expected, current: current.latest })
            }
            _ => Ok(current),
        }
    }
}
