//! Schemas: registering, evolving, reading, deleting.

use crate::check::CHECK_ATTEMPTS_MAX;
use crate::ports::{Freshness, SchemaEngine, Validator, View};
use crate::{Changed, Core, DocumentFailure, Error, Page, PageRequest, RequestContext, SchemaBreaks};
use domain::{
    Command, ConfigId, Content, Permission, ProjectName, Receipt, Rejection, Resource, Revision, Schema,
    SchemaId, SchemaMode, SchemaName, SchemaRevision, SchemaVersion,
};
use std::fmt;
use std::sync::Arc;

/// How many failing documents a refusal lists; it always counts them all.
pub const FAILURES_LISTED_MAX: usize = 100;

/// Use cases on schemas.
#[derive(Clone)]
pub struct Schemas {
    core: Core,
    engine: Arc<dyn SchemaEngine>,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schemas")
    }
}

/// A schema to be registered under a free name.
#[derive(Clone, Debug)]
pub struct CreateSchema {
    /// Which schema.
    pub id: SchemaId,
    /// The JSON Schema.
    pub schema: Content,
    /// How later versions treat documents.
    pub mode: SchemaMode,
}

/// A new version of a schema.
#[derive(Clone, Debug)]
pub struct UpdateSchema {
    /// Which schema.
    pub id: SchemaId,
    /// The JSON Schema.
    pub schema: Content,
    /// How later versions treat documents; `None` as before.
    pub mode: Option<SchemaMode>,
    /// The version that must be the newest; `None` for any.
    pub expected: Option<SchemaVersion>,
}

/// One version of a schema with what is known of the series.
#[derive(Clone, Debug)]
pub struct SchemaDetail {
    /// The series as it is now.
    pub schema: Schema,
    /// The version that is shown, with its body.
    pub shown: SchemaRevision,
    /// How many documents are bound to the series.
    pub bound_documents: u64,
    /// The revision of the view.
    pub revision: Revision,
    /// For a stale read: how long ago this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl Schemas {
    pub(crate) fn new(core: Core, engine: Arc<dyn SchemaEngine>) -> Self {
        Self { core, engine }
    }

    /// Registers a schema under a free name.
    pub async fn create(
        &self,
        ctx: &RequestContext,
        request: CreateSchema,
    ) -> Result<Changed<SchemaDetail>, Error> {
        let CreateSchema { id, schema, mode } = request;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            return detailed(earlier, schema);
        }
        let resource = Resource::Project(&id.project);
        self.core.authorized_view(ctx, Freshness::LINEARIZABLE, Permission::SchemaWrite, resource).await?;
        let (dialect, _) = self.engine.compile(&schema).await?;
        let command = Command::CreateSchema { id, schema: schema.clone(), dialect, mode };
        detailed(self.core.commit(ctx, command).await?, schema)
    }

    /// Registers a new version after checking every document that follows the schema. When documents
    /// change meanwhile, only those are checked again.
    pub async fn update(
        &self,
        ctx: &RequestContext,
        request: UpdateSchema,
    ) -> Result<Changed<SchemaDetail>, Error> {
        let UpdateSchema { id, schema, mode, expected } = request;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            return detailed(earlier, schema);
        }
        let resource = Resource::Project(&id.project);
        let mut view = self
            .core
            .authorized_view(ctx, Freshness::LINEARIZABLE, Permission::SchemaWrite, resource)
            .await?;
        let (dialect, validator) = self.engine.compile(&schema).await?;
        let mut checked = Revision(0);
        for _ in 0..CHECK_ATTEMPTS_MAX {
            if view.state.schema(&id).is_none() {
                return Err(Error::not_found("schema", &id.name));
            }
            let told = |config: &ConfigId| {
                let resource = Resource::Config(config);
                ctx.require(&view, Permission::DocumentRead, resource, self.core.env.clock.now()).is_ok()
            };
            check_followers(&view, &id, checked, &*validator, &told).await?;
            checked = view.state.revision();
            let command = Command::UpdateSchema {
                id: id.clone(),
                schema: schema.clone(),
                dialect,
                mode,
                expected,
                checked,
            };
            match self.core.commit(ctx, command).await {
                Err(Error::Rejected(Rejection::BoundDocumentsChanged(_))) => {}
                done => return detailed(done?, schema),
            }
            view = self.core.state.view(Freshness::LINEARIZABLE).await?;
        }
        Err(Error::Contended)
    }

    /// Deletes a schema that no document is bound to.
    pub async fn delete(
        &self,
        ctx: &RequestContext,
        id: SchemaId,
        expected: Option<SchemaVersion>,
    ) -> Result<Changed<()>, Error> {
        Ok(self.core.commit(ctx, Command::DeleteSchema { id, expected }).await?.done())
    }

    /// One version of a schema; the newest with `None`.
    pub async fn get(
        &self,
        ctx: &RequestContext,
        id: &SchemaId,
        version: Option<SchemaVersion>,
        freshness: Freshness,
    ) -> Result<SchemaDetail, Error> {
        let resource = Resource::Project(&id.project);
        let view = self.core.authorized_view(ctx, freshness, Permission::SchemaRead, resource).await?;
        view.state.project(&id.project).ok_or_else(|| Error::not_found("project", &id.project))?;
        let schema = view.state.schema(id).ok_or_else(|| Error::not_found("schema", &id.name))?;
        detail(&view, schema, version.unwrap_or(schema.latest))
    }

    /// The newest versions of a project's schemas, by name.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        page: PageRequest<SchemaName>,
        freshness: Freshness,
    ) -> Result<Page<SchemaDetail, SchemaName>, Error> {
        let resource = Resource::Project(project);
        let view = self.core.authorized_view(ctx, freshness, Permission::SchemaRead, resource).await?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        let schemas = view
            .state
            .schemas(project)
            .filter(|schema| page.after.as_ref().is_none_or(|after| schema.id.name > *after))
            .cloned();
        let page = Page::take(schemas, page.size, &view, |schema| schema.id.name.clone());
        let items =
            page.items.iter().map(|schema| detail(&view, schema, schema.latest)).collect::<Result<_, _>>()?;
        Ok(Page { items, next: page.next, revision: page.revision, stale_for_ms: page.stale_for_ms })
    }
}

/// The schema that a change left behind, with the body that was asked for.
fn detailed(changed: Changed<Receipt>, body: Content) -> Result<Changed<SchemaDetail>, Error> {
    let revision = changed.revision;
    changed.map(|receipt| {
        let Receipt::Schema { schema, bound_documents } = receipt else {
            return Err(Error::unexpected_receipt());
        };
        let shown = SchemaRevision {
            id: schema.id.clone(),
            version: schema.latest,
            revision: schema.revision,
            schema: body,
            dialect: schema.dialect,
            at: schema.created_at,
            by: schema.created_by.clone(),
        };
        Ok(SchemaDetail { schema, shown, bound_documents, revision, stale_for_ms: None })
    })
}

fn detail(view: &View, schema: &Schema, version: SchemaVersion) -> Result<SchemaDetail, Error> {
    let missing = || Error::not_found("schema version", version);
    if version < schema.first || version > schema.latest {
        return Err(missing());
    }
    let shown = view.archive.schema_revision(&schema.id, version)?.ok_or_else(missing)?;
    Ok(SchemaDetail {
        schema: schema.clone(),
        shown,
        bound_documents: view.state.bound_count(&schema.id),
        revision: view.state.revision(),
        stale_for_ms: view.stale_for_ms,
    })
}

/// Checks the documents that follow the schema and changed after `since`; a pinned document is held to
/// its own version and does not follow. Only those that the actor is `told` of are listed, because the
/// violations quote them; the others are counted.
async fn check_followers(
    view: &View,
    id: &SchemaId,
    since: Revision,
    validator: &dyn Validator,
    told: &(dyn Fn(&ConfigId) -> bool + Sync),
) -> Result<(), Error> {
    let mut breaks = SchemaBreaks { total: 0, failures: Vec::new() };
    for config in view.state.bound_configs(id).filter(|config| config.revision > since) {
        if config.binding.as_ref().is_none_or(|binding| binding.pinned.is_some()) {
            continue;
        }
        let body = view.archive.config_revision(&config.id, config.version)?.and_then(|found| found.content);
        let content = body.ok_or_else(|| Error::not_found("document", &config.id))?;
        let violations = validator.violations(&content).await;
        if violations.is_empty() {
            continue;
        }
        breaks.total += 1;
        if breaks.failures.len() < FAILURES_LISTED_MAX && told(&config.id) {
            breaks.failures.push(DocumentFailure {
                id: config.id.clone(),
                version: config.version,
                violations,
            });
        }
    }
    if breaks.total == 0 { Ok(()) } else { Err(Error::SchemaBreaksDocuments(breaks)) }
}
