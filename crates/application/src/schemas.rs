//! Use cases on schemas: creating, updating, reading, deleting.

mod listing;

use crate::check::CHECK_ATTEMPTS_MAX;
use crate::followers::{Bounds, Survey};
use crate::ports::{Freshness, Offered, SchemaEngine, Validator, View};
use crate::{Changed, Core, DocumentFailure, Error, How, Page, PageRequest, RequestContext, SchemaBreaks};
use domain::{
    Command, ConfigId, Content, Permission, ProjectName, Receipt, Rejection, Resource, Revision, Schema,
    SchemaId, SchemaMode, SchemaName, SchemaRevision, SchemaUse, SchemaVersion,
};
use std::fmt;
use std::sync::Arc;

/// Approximate number of documents that are checked for one page of failures. Beyond it a page ends early,
/// possibly empty, with a position to continue.
pub const FAILURES_SCANNED_MAX: usize = 10_000;

/// Number of outdated checks after which writes of the documents are blocked, and blocked again.
const HOLD_AFTER_ATTEMPTS: usize = 4;

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

/// A schema to create.
#[derive(Clone, Debug)]
pub struct CreateSchema {
    /// The schema.
    pub id: SchemaId,
    /// The JSON Schema.
    pub schema: Content,
    /// How new versions treat documents that do not satisfy them.
    pub mode: SchemaMode,
}

/// A new version of a schema.
#[derive(Clone, Debug)]
pub struct UpdateSchema {
    /// The schema.
    pub id: SchemaId,
    /// The JSON Schema.
    pub schema: Content,
    /// How this and later versions treat documents that do not satisfy them; `None` keeps the mode.
    pub mode: Option<SchemaMode>,
    /// The expected newest version; `None` for any.
    pub expected: Option<SchemaVersion>,
}

/// A version of a schema, with the metadata of the schema.
#[derive(Clone, Debug)]
pub struct SchemaDetail {
    /// The current metadata of the schema.
    pub schema: Schema,
    /// The version with its body.
    pub shown: SchemaRevision,
    /// The number of configs bound to the schema.
    pub bound_documents: u64,
    /// The revision of the view that it was read from.
    pub revision: Revision,
    /// For a stale read: time since this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

/// The result of registering a new version.
#[derive(Clone, Debug)]
pub struct UpdatedSchema {
    /// The new version.
    pub detail: SchemaDetail,
    /// Only in a dry run: the documents that would not satisfy the version, and may stay because the mode
    /// permits it.
    pub breaks: Option<SchemaBreaks>,
}

/// A page of the documents that do not satisfy the newest version.
#[derive(Clone, Debug)]
pub struct FailuresPage {
    /// The documents that the caller may read.
    pub page: Page<DocumentFailure, ConfigId>,
    /// The number of other failing documents in the range of the page.
    pub hidden: u64,
    /// The newest version, which the documents were checked against.
    pub version: SchemaVersion,
}

impl Schemas {
    pub(crate) fn new(core: Core, engine: Arc<dyn SchemaEngine>) -> Self {
        Self { core, engine }
    }

    /// Creates a schema with its first version.
    pub async fn create(
        &self,
        ctx: &RequestContext,
        request: CreateSchema,
    ) -> Result<Changed<SchemaDetail>, Error> {
        let CreateSchema { id, schema, mode } = request;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            return self.read_back(earlier).await;
        }
        let resource = Resource::Project(&id.project);
        for _ in 0..CHECK_ATTEMPTS_MAX {
            let view = self
                .core
                .authorized_view(ctx, Freshness::LINEARIZABLE, Permission::SchemaWrite, resource)
                .await?;
            let Offered { dialect, uses, .. } = self.engine.compile(&id, &schema, &view).await?;
            let body = Body { schema: schema.clone(), uses: uses.clone() };
            let (id, schema) = (id.clone(), schema.clone());
            let command = Command::CreateSchema { id, schema, dialect, mode, uses };
            match self.core.commit(ctx, command).await {
                Err(Error::Rejected(Rejection::ReferencesOutdated(_))) => {}
                done => return self.detailed(done?, body).await,
            }
        }
        Err(Error::Contended)
    }

    /// Registers a new version.
    ///
    /// - Under [`SchemaMode::Strict`] all documents that follow the schema are checked first. If documents
    ///   change meanwhile, only those are checked again.
    /// - Under [`SchemaMode::Ratchet`] only a dry run checks documents, to list those that would fail.
    /// - If documents change faster than they can be checked, writes of them are blocked for a moment.
    pub async fn update(
        &self,
        ctx: &RequestContext,
        request: UpdateSchema,
    ) -> Result<Changed<UpdatedSchema>, Error> {
        let id = request.id.clone();
        let mut held = false;
        let done = self.update_holding(ctx, request, &mut held).await;
        if held && done.is_err() {
            // The hold expires by itself; this only releases it earlier.
            drop(self.hold(ctx, &id, false).await);
        }
        done
    }

    /// Blocks or unblocks writes of documents that follow the schema.
    async fn hold(&self, ctx: &RequestContext, id: &SchemaId, hold: bool) -> Result<(), Error> {
        let ctx = RequestContext { idempotency: None, ..ctx.clone() };
        self.core.commit(&ctx, Command::HoldSchema { id: id.clone(), hold }).await.map(drop)
    }

    async fn update_holding(
        &self,
        ctx: &RequestContext,
        request: UpdateSchema,
        held: &mut bool,
    ) -> Result<Changed<UpdatedSchema>, Error> {
        let UpdateSchema { id, schema, mode, expected } = request;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            return self.read_back(earlier).await?.map(|detail| Ok(UpdatedSchema { detail, breaks: None }));
        }
        let resource = Resource::Project(&id.project);
        let mut view = self
            .core
            .authorized_view(ctx, Freshness::LINEARIZABLE, Permission::SchemaWrite, resource)
            .await?;
        let mut offered = self.engine.compile(&id, &schema, &view).await?;
        let mut checked = None;
        for attempt in 1..=CHECK_ATTEMPTS_MAX {
            let Some(current) = view.state.schema(&id) else {
                return Err(Error::no_schema(&id));
            };
            let strict = mode.unwrap_or(current.mode) == SchemaMode::Strict;
            let mut breaks = None;
            if strict || ctx.dry_run {
                let found = self.breaks(ctx, &view, &id, &*offered.validator, checked).await?;
                if strict && found.total > 0 {
                    return Err(Error::SchemaBreaksDocuments(found));
                }
                checked = Some(view.state.revision());
                breaks = ctx.dry_run.then_some(found);
            }
            let body = Body { schema: schema.clone(), uses: offered.uses.clone() };
            let command = Command::UpdateSchema {
                id: id.clone(),
                schema: schema.clone(),
                dialect: offered.dialect,
                mode,
                expected,
                // A dry run commits nothing, so its check is never outdated.
                checked: if ctx.dry_run { Revision(u64::MAX) } else { checked.unwrap_or_default() },
                uses: offered.uses.clone(),
            };
            let outdated = match self.core.commit(ctx, command).await {
                Err(Error::Rejected(Rejection::BoundDocumentsChanged(_))) => false,
                Err(Error::Rejected(Rejection::ReferencesOutdated(_))) => true,
                done => {
                    let changed = self.detailed(done?, body).await?;
                    return changed.map(|detail| Ok(UpdatedSchema { detail, breaks }));
                }
            };
            if attempt % HOLD_AFTER_ATTEMPTS == 0 && !ctx.dry_run {
                self.hold(ctx, &id, true).await?;
                *held = true;
            }
            view = self.core.state.view(Freshness::LINEARIZABLE).await?;
            if outdated {
                // The references resolve differently now, so the results of the check are void.
                offered = self.engine.compile(&id, &schema, &view).await?;
                checked = None;
            }
        }
        Err(Error::Contended)
    }

    /// Adds the registered body to the receipt of a change.
    async fn detailed(&self, changed: Changed<Receipt>, body: Body) -> Result<Changed<SchemaDetail>, Error> {
        if matches!(changed.how, How::Replayed) {
            return self.read_back(changed).await;
        }
        let revision = changed.revision;
        changed.map(|receipt| {
            let Receipt::Schema { schema, bound_documents } = receipt else {
                return Err(Error::unexpected_receipt());
            };
            let shown = SchemaRevision {
                id: schema.id.clone(),
                version: schema.latest,
                revision: schema.revision,
                schema: body.schema,
                dialect: schema.dialect,
                at: schema.created_at,
                by: schema.created_by.clone(),
                uses: body.uses,
            };
            Ok(SchemaDetail { schema, shown, bound_documents, revision, stale_for_ms: None })
        })
    }

    /// The result of a change that an earlier request made: the version that it registered.
    async fn read_back(&self, earlier: Changed<Receipt>) -> Result<Changed<SchemaDetail>, Error> {
        let revision = earlier.revision;
        let freshness = Freshness { min_revision: Some(revision), ..Freshness::STALE };
        let view = self.core.state.view(freshness).await?;
        earlier.map(|receipt| {
            let Receipt::Schema { schema, bound_documents } = receipt else {
                return Err(Error::unexpected_receipt());
            };
            let (id, version) = (&schema.id, schema.latest);
            // Version numbers are never reused, not even by a later schema of the same name.
            let gone = || Error::ReplayedSchemaGone { schema: id.clone(), version, revision };
            let shown = view.archive.schema_revision(id, version)?.ok_or_else(gone)?;
            Ok(SchemaDetail { schema, shown, bound_documents, revision, stale_for_ms: None })
        })
    }

    /// The failing followers that changed after `since`, as far as the caller may read them.
    async fn breaks(
        &self,
        ctx: &RequestContext,
        view: &View,
        id: &SchemaId,
        validator: &dyn Validator,
        since: Option<Revision>,
    ) -> Result<SchemaBreaks, Error> {
        let told = self.told(ctx, view);
        let bounds = if ctx.dry_run { Bounds::PLAN } else { Bounds::REFUSAL };
        Survey { view, schema: id, validator, told: &told }.failing(since, bounds).await
    }

    /// Whether the caller may read a document.
    fn told<'a>(
        &self,
        ctx: &'a RequestContext,
        view: &'a View,
    ) -> impl Fn(&ConfigId) -> bool + Sync + use<'a> {
        let now = self.core.env.clock.now();
        move |config| ctx.require(view, Permission::DocumentRead, Resource::Config(config), now).is_ok()
    }

    /// The documents that follow the schema and do not satisfy its newest version, in order of environment
    /// and key. Documents that the caller may not read are only counted.
    pub async fn failures(
        &self,
        ctx: &RequestContext,
        id: &SchemaId,
        page: PageRequest<ConfigId>,
        freshness: Freshness,
    ) -> Result<FailuresPage, Error> {
        let resource = Resource::Project(&id.project);
        let view = self.core.authorized_view(ctx, freshness, Permission::SchemaRead, resource).await?;
        view.state.project(&id.project).ok_or_else(|| Error::not_found("project", &id.project))?;
        let schema = view.state.schema(id).ok_or_else(|| Error::no_schema(id))?;
        let validator = self.engine.committed(id, schema.latest, &*view.archive).await?;
        let told = self.told(ctx, &view);
        let survey = Survey { view: &view, schema: id, validator: &*validator, told: &told };
        let after = page.after.as_ref().filter(|after| after.project == id.project);
        let stretch = survey.stretch(after, page.size, FAILURES_SCANNED_MAX).await?;
        let (revision, stale_for_ms) = (view.state.revision(), view.stale_for_ms);
        let page = Page { items: stretch.failures, next: stretch.more_after, revision, stale_for_ms };
        Ok(FailuresPage { page, hidden: stretch.hidden, version: schema.latest })
    }

    /// Deletes a schema that no config is bound to and no other schema refers to.
    pub async fn delete(
        &self,
        ctx: &RequestContext,
        id: SchemaId,
        expected: Option<SchemaVersion>,
    ) -> Result<Changed<()>, Error> {
        Ok(self.core.commit(ctx, Command::DeleteSchema { id, expected }).await?.done())
    }

    /// A version of a schema; with `None` the newest.
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
        let schema = view.state.schema(id).ok_or_else(|| Error::no_schema(id))?;
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

/// The registered body of a schema version.
struct Body {
    schema: Content,
    uses: Vec<SchemaUse>,
}

fn detail(view: &View, schema: &Schema, version: SchemaVersion) -> Result<SchemaDetail, Error> {
    let missing = || Error::no_schema_version(&schema.id, version);
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
