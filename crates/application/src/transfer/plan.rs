//! Plans the change for a record: makes all checks and changes nothing.

use super::import::Import;
use super::series::{Meaning, Slot, find};
use super::trial::Trial;
use super::{ConfigRecord, IMPORT_PLANNED_BYTES_MAX, IMPORT_SCHEMA_VERSIONS_MAX, ImportMode, SchemaRecord};
use crate::check::check_document;
use crate::ports::{Validator, View};
use crate::{CreateSchema, Error, RequestContext, UpdateSchema};
use domain::limits::SCHEMA_BYTES_MAX;
use domain::{
    Binding, ConfigId, EnvironmentId, EnvironmentName, Permission, Precondition, Rejection, Resource,
    SchemaId,
};
use std::sync::Arc;

/// The change that a record requires.
#[derive(Debug)]
pub(super) enum Action {
    /// Creates the environment.
    Environment(EnvironmentId),
    /// Registers the version; `new` if it creates the schema.
    Schema { id: SchemaId, record: SchemaRecord, new: bool },
    /// Writes the document.
    Config { record: ConfigRecord, expected: Precondition },
}

impl Import {
    pub(super) fn config_id(&self, record: &ConfigRecord) -> ConfigId {
        ConfigId {
            project: self.project.clone(),
            environment: record.environment.clone(),
            key: record.key.clone(),
        }
    }

    /// Fails if the record is outside of the environment that the import is limited to.
    fn within_scope(&self, name: &EnvironmentName) -> Result<(), Error> {
        match &self.scope {
            Some(scope) if scope != name => {
                let message = format!("is {name}, but the file is of the environment {scope}");
                Err(Error::Invalid { field: "environment", message })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn plan_environment(
        &mut self,
        view: &View,
        name: &EnvironmentName,
    ) -> Result<Option<Action>, Error> {
        self.within_scope(name)?;
        let id = EnvironmentId { project: self.project.clone(), name: name.clone() };
        let resource = Resource::Project(&self.project);
        let there = view.state.environment(&id).is_some() || self.known.has_environment(name);
        let permission = if there { Permission::EnvironmentRead } else { Permission::EnvironmentWrite };
        self.require(view, permission, resource)?;
        self.known.add_environment(name.clone());
        Ok((!there).then_some(Action::Environment(id)))
    }

    /// Keeps a version that is already registered. An old version that is not registered is only added if the
    /// newest registered version precedes it; otherwise documents would have to satisfy it for a moment.
    pub(super) async fn plan_schema(
        &mut self,
        view: &View,
        record: &SchemaRecord,
        newest: bool,
    ) -> Result<Option<Action>, Error> {
        let id = SchemaId { project: self.project.clone(), name: record.name.clone() };
        self.require(view, Permission::SchemaRead, Resource::Project(&self.project))?;
        if self.known.last_number(&record.name) >= Some(record.version) {
            let message = "must be larger than that of the line before: the oldest version comes first";
            return Err(Error::Invalid { field: "version", message: message.to_owned() });
        }
        let previous = self.known.last(&record.name).cloned();
        self.known.mention(&record.name);
        if self.known.versions >= IMPORT_SCHEMA_VERSIONS_MAX {
            let message = format!("at most {IMPORT_SCHEMA_VERSIONS_MAX} schema versions may be imported");
            return Err(Error::Invalid { field: "schema", message });
        }
        let live = view.state.schema(&id);
        let found = match live {
            Some(live) => find(view, live, &record.schema, record.version)?,
            None => None,
        };
        let goes_on = match (&previous, live) {
            (Some(Slot::Planned(_)), _) | (_, None) => true,
            (Some(Slot::There(version)), Some(live)) => *version == live.latest,
            (Some(Slot::LeftOut) | None, Some(_)) => false,
        };
        let planned_before = matches!(previous, Some(Slot::Planned(_)));
        if let (Some(version), Some(live), false) = (found, live, planned_before)
            && (!newest || (version == live.latest && record.mode == live.mode))
        {
            self.known.set(&record.name, record.version, Slot::There(version));
            return Ok(None);
        }
        if !newest && !goes_on {
            self.known.set(&record.name, record.version, Slot::LeftOut);
            return Ok(None);
        }
        if live.is_some() && self.mode == ImportMode::Create {
            return Err(Error::Rejected(Rejection::SchemaExists(id)));
        }
        self.require(view, Permission::SchemaWrite, Resource::Project(&self.project))?;
        let bytes = record.schema.as_str().len();
        if bytes > SCHEMA_BYTES_MAX {
            let message = format!("has {bytes} bytes, at most {SCHEMA_BYTES_MAX} are allowed");
            return Err(Error::Invalid { field: "schema", message });
        }
        if self.known.planned_bytes + bytes > IMPORT_PLANNED_BYTES_MAX {
            let message =
                format!("at most {IMPORT_PLANNED_BYTES_MAX} bytes of new schemas are checked at a time");
            return Err(Error::Invalid { field: "schema", message });
        }
        let new = live.is_none() && !planned_before;
        let validator = self.try_schema(&id, record, new, view).await?;
        self.known.planned_bytes += bytes;
        self.known.set(&record.name, record.version, Slot::Planned(validator));
        Ok(Some(Action::Schema { id, record: record.clone(), new }))
    }

    /// Registers the version in the trial, by the same use case as later. Returns its validator.
    async fn try_schema(
        &mut self,
        id: &SchemaId,
        record: &SchemaRecord,
        new: bool,
        view: &View,
    ) -> Result<Arc<dyn Validator>, Error> {
        let core = &self.tools.core;
        let trial = self.trial.get_or_insert_with(|| Trial::new(core, view.clone())).clone();
        let schemas = trial.schemas(core, &self.tools.engine);
        let ctx = RequestContext { dry_run: false, ..self.ctx.clone() };
        let validator = self.tools.engine.compile(id, &record.schema, &trial.now()).await?.validator;
        let (id, schema) = (id.clone(), record.schema.clone());
        if new {
            schemas.create(&ctx, CreateSchema { id, schema, mode: record.mode }).await?;
        } else {
            let request = UpdateSchema { id, schema, mode: Some(record.mode), expected: None };
            schemas.update(&ctx, request).await?;
        }
        Ok(validator)
    }

    pub(super) async fn plan_config(
        &self,
        view: &View,
        record: &ConfigRecord,
    ) -> Result<Option<Action>, Error> {
        self.within_scope(&record.environment)?;
        let id = self.config_id(record);
        // An unchanged document reveals the document, so this requires the permission to read it.
        self.require(view, Permission::DocumentRead, Resource::Config(&id))?;
        self.require(view, Permission::DocumentWrite, Resource::Config(&id))?;
        let environment = id.environment_id();
        if view.state.environment(&environment).is_none() && !self.known.has_environment(&environment.name) {
            return Err(Error::no_environment(&environment));
        }
        let meaning = record.binding.as_ref().map(|binding| self.known.meaning(binding));
        let binding = self.check(view, &id, record, meaning).await?;
        let Some(current) = view.state.config(&id) else {
            return Ok(Some(Action::Config { record: record.clone(), expected: Precondition::Absent }));
        };
        let same_binding = binding.is_some_and(|binding| binding == current.binding);
        if same_binding && current.digest == record.content.digest() {
            return Ok(None);
        }
        if self.mode == ImportMode::Create {
            return Err(Error::Rejected(Rejection::VersionConflict {
                id,
                expected: None,
                current: current.version,
                updated_by: Some(current.updated_by.clone()),
                updated_at: Some(current.updated_at),
            }));
        }
        let expected = Precondition::Version(current.version);
        Ok(Some(Action::Config { record: record.clone(), expected }))
    }

    /// Checks the document. Returns the binding of the config; `None` if its schema version is not registered
    /// yet.
    async fn check(
        &self,
        view: &View,
        id: &ConfigId,
        record: &ConfigRecord,
        meaning: Option<Meaning>,
    ) -> Result<Option<Option<Binding>>, Error> {
        let Some(binding) = &record.binding else { return Ok(Some(None)) };
        match meaning {
            None | Some(Meaning::Unknown) => {
                let (id, version) = (id.schema_id(&binding.schema), binding.pinned);
                Err(Error::Rejected(Rejection::BindingUnknown { id, version }))
            }
            Some(Meaning::There(binding)) => {
                check_document(&*self.tools.engine, view, id, Some(&binding), &record.content)
                    .await
                    .map_err(|error| self.tools.core.without_schema(&self.ctx, view, &id.project, error))?;
                Ok(Some(Some(binding)))
            }
            Some(Meaning::Planned(validator)) => {
                let violations = validator.violations(&record.content).await?;
                if violations.is_empty() {
                    return Ok(None);
                }
                let schema = format!("schema {} of the file", binding.schema);
                Err(Error::ValidationFailed { schema, violations })
            }
        }
    }
}
