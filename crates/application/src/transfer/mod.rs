//! Export and import of a whole project or environment as records.
//!
//! An export reads one view, so it is consistent however long it takes. An import obeys all rules of single
//! changes. The encoding of records is not defined here.

mod batch;
mod export;
mod import;
mod plan;
mod replace;
mod report;
mod series;
mod trial;

pub use export::{Export, ExportLine};
pub use import::{
    IMPORT_KEPT_MAX, IMPORT_PLANNED_BYTES_MAX, IMPORT_SCHEMA_VERSIONS_MAX, IMPORT_WINDOW_BYTES_MAX, Import,
    ImportMode, ImportRequest,
};
pub use report::{Counts, ImportFailure, ImportReport};

use crate::ports::{Freshness, SchemaEngine, View};
use crate::{Core, Error, Projects, RequestContext, Schemas, Transactions};
use domain::{
    Binding, ConfigKey, Content, EnvironmentId, EnvironmentName, Permission, ProjectName, Resource, Revision,
    SchemaMode, SchemaName, SchemaVersion,
};
use export::Reader;
use std::fmt;
use std::sync::Arc;

/// Use cases of export and import.
#[derive(Clone)]
pub struct Transfer {
    core: Core,
    engine: Arc<dyn SchemaEngine>,
    projects: Projects,
    schemas: Schemas,
    transactions: Transactions,
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transfer")
    }
}

/// The source of an export.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExportHeader {
    /// The project.
    pub project: ProjectName,
    /// The environment; `None` for the whole project.
    pub environment: Option<EnvironmentName>,
    /// The revision of the exported view.
    pub revision: Revision,
}

/// The number of records of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Environments.
    pub environments: u64,
    /// Schema versions.
    pub schemas: u64,
    /// Configs.
    pub configs: u64,
}

/// A record of an export.
#[derive(Clone, Debug)]
pub enum Record {
    /// An environment.
    Environment(EnvironmentName),
    /// A schema version. The versions of a schema are in ascending order, and come after the versions that
    /// they refer to.
    Schema(SchemaRecord),
    /// A config with its document.
    Config(ConfigRecord),
}

/// A schema version.
#[derive(Clone, Debug)]
pub struct SchemaRecord {
    /// The name of the schema.
    pub name: SchemaName,
    /// The version number in the source.
    pub version: SchemaVersion,
    /// How new versions treat documents that do not satisfy them.
    pub mode: SchemaMode,
    /// The JSON Schema.
    pub schema: Content,
    /// Whether this is the newest version of the schema. `None` means that it is, unless the next record is
    /// another version of the schema.
    pub newest: Option<bool>,
}

/// A config with its document.
#[derive(Clone, Debug)]
pub struct ConfigRecord {
    /// The environment.
    pub environment: EnvironmentName,
    /// The config key.
    pub key: ConfigKey,
    /// The binding; a pinned version has the number of its [`SchemaRecord`].
    pub binding: Option<Binding>,
    /// The document.
    pub content: Content,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environments, schemas, configs } = self;
        write!(f, "{environments} environments, {schemas} schema versions and {configs} configs")
    }
}

impl Totals {
    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        match record {
            Record::Environment(_) => self.environments += 1,
            Record::Schema(_) => self.schemas += 1,
            Record::Config(_) => self.configs += 1,
        }
    }
}

impl Transfer {
    pub(crate) fn new(
        core: Core,
        (projects, schemas, transactions): (Projects, Schemas, Transactions),
        engine: Arc<dyn SchemaEngine>,
    ) -> Self {
        Self { core, engine, projects, schemas, transactions }
    }

    /// Exports a project. The caller must have the permission to read all of it: an incomplete export would
    /// delete the rest when it is imported.
    pub async fn export_project(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        freshness: Freshness,
    ) -> Result<Export, Error> {
        let resource = Resource::Project(project);
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentRead, resource).await?;
        self.require_frame(ctx, &view, project)?;
        Ok(Export::new(self.reader(ctx), view, project.clone(), None))
    }

    /// Exports an environment, with the schemas that its configs are bound to.
    pub async fn export_environment(
        &self,
        ctx: &RequestContext,
        environment: &EnvironmentId,
        freshness: Freshness,
    ) -> Result<Export, Error> {
        let resource = Resource::Environment(environment);
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentRead, resource).await?;
        self.require_frame(ctx, &view, &environment.project)?;
        view.state.environment(environment).ok_or_else(|| Error::no_environment(environment))?;
        let (project, name) = (environment.project.clone(), environment.name.clone());
        Ok(Export::new(self.reader(ctx), view, project, Some(name)))
    }

    fn reader(&self, ctx: &RequestContext) -> Reader {
        Reader { core: self.core.clone(), ctx: ctx.clone() }
    }

    /// Checks that the project exists and that the caller may read its environments and schemas.
    fn require_frame(&self, ctx: &RequestContext, view: &View, project: &ProjectName) -> Result<(), Error> {
        let (now, resource) = (self.core.env.clock.now(), Resource::Project(project));
        ctx.require(view, Permission::EnvironmentRead, resource, now)?;
        ctx.require(view, Permission::SchemaRead, resource, now)?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        Ok(())
    }
}
