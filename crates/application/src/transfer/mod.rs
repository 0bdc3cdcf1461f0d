//! Taking a whole project or environment out as records, and bringing it in again.
//!
//! An export walks one view, so that it is consistent however long it takes; an import is held to every
//! rule that single changes are held to. What records look like on the way is somebody else's.

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

/// Use cases that move much at once.
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

/// What was taken out, and of which state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExportHeader {
    /// The project.
    pub project: ProjectName,
    /// The environment; `None` for the whole project.
    pub environment: Option<EnvironmentName>,
    /// The revision of the state that it shows.
    pub revision: Revision,
}

/// How many records of each kind there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Environments.
    pub environments: u64,
    /// Versions of schemas.
    pub schemas: u64,
    /// Configs.
    pub configs: u64,
}

/// One thing that is moved.
#[derive(Clone, Debug)]
pub enum Record {
    /// An environment.
    Environment(EnvironmentName),
    /// One version of a schema. Of each schema the oldest version comes first, and a schema after those that it
    /// refers to.
    Schema(SchemaRecord),
    /// A config with its document.
    Config(ConfigRecord),
}

/// One version of a schema.
#[derive(Clone, Debug)]
pub struct SchemaRecord {
    /// The schema's name.
    pub name: SchemaName,
    /// The version's number where it was taken out.
    pub version: SchemaVersion,
    /// How later versions treat documents.
    pub mode: SchemaMode,
    /// The JSON Schema.
    pub schema: Content,
    /// Whether this is the schema's newest version. When nothing is said, it is unless the next record is
    /// another version of the schema.
    pub newest: Option<bool>,
}

/// A config with its document.
#[derive(Clone, Debug)]
pub struct ConfigRecord {
    /// The environment that holds it.
    pub environment: EnvironmentName,
    /// Its key.
    pub key: ConfigKey,
    /// The schema it is held to; a pinned version has the number of the [`SchemaRecord`].
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
    /// Counts one more record.
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

    /// Takes out a whole project. The actor must be allowed to read all of it, because a part that looks
    /// like the whole would delete the rest where it is brought in.
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

    /// Takes out one environment, with the schemas that its configs are bound to.
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

    /// The actor may see the project's environments and schemas, and the project exists.
    fn require_frame(&self, ctx: &RequestContext, view: &View, project: &ProjectName) -> Result<(), Error> {
        let (now, resource) = (self.core.env.clock.now(), Resource::Project(project));
        ctx.require(view, Permission::EnvironmentRead, resource, now)?;
        ctx.require(view, Permission::SchemaRead, resource, now)?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        Ok(())
    }
}
