//! Decisions on schemas.

use super::{Decision, within};
use crate::access::{Permission, Resource};
use crate::limits::SCHEMAS_PER_PROJECT_MAX;
use crate::{Command, Content, Dialect, Event, Rejection, Schema, SchemaId, SchemaMode, SchemaVersion};

impl Decision<'_> {
    pub(super) fn create_schema(
        &self,
        id: &SchemaId,
        schema: &Content,
        dialect: Dialect,
        mode: SchemaMode,
    ) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::SchemaWrite, Resource::Project(&id.project))?;
        self.existing_project(&id.project)?;
        if self.state.schema(id).is_some() {
            return Err(Rejection::SchemaExists(id.clone()));
        }
        within("schemas_per_project", self.state.schemas(&id.project).count(), SCHEMAS_PER_PROJECT_MAX)?;
        let version = self.state.retired_schemas.get(id).copied().unwrap_or_default().next();
        let schema = schema.clone();
        Ok(vec![Event::SchemaRegistered { id: id.clone(), version, first: true, schema, dialect, mode }])
    }

    /// The documents were checked at the revision that the command carries; if one that follows the
    /// schema was put since, the check says nothing about it. Under [`SchemaMode::Ratchet`] documents may
    /// fail, so there is nothing to be late for.
    pub(super) fn update_schema(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::UpdateSchema { id, schema, dialect, mode, expected, checked } = command else {
            return Ok(Vec::new());
        };
        self.require(Permission::SchemaWrite, Resource::Project(&id.project))?;
        let current = self.expected_schema(id, *expected)?;
        let mode = mode.unwrap_or(current.mode);
        if mode == SchemaMode::Strict && current.bound_changed > *checked {
            return Err(Rejection::BoundDocumentsChanged(id.clone()));
        }
        Ok(vec![Event::SchemaRegistered {
            id: id.clone(),
            version: current.latest.next(),
            first: false,
            schema: schema.clone(),
            dialect: *dialect,
            mode,
        }])
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
        Ok(vec![Event::SchemaDeleted { id: id.clone(), version: current.latest }])
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
