//! Configs: reading, writing, deleting, rolling back.

mod diff;
mod differing;
mod past;
mod patch;

pub use crate::json::diff::Change;
pub use diff::{Difference, Versions, difference};
pub use differing::Differing;
pub use past::{ConfigList, Moment};
pub use patch::{PATCH_OPERATIONS_MAX, Patch, PatchConfig};

use crate::check::{CHECK_ATTEMPTS_MAX, check_document, released, resulting_binding};
use crate::history;
use crate::ports::{Consistency, Freshness, SchemaEngine, View};
use crate::{Changed, Core, Error, How, Page, PageRequest, RequestContext};
use domain::{
    Binding, BindingChange, ChangeKind, Command, Config, ConfigId, ConfigRevision, Content, EnvironmentId,
    Message, Permission, Precondition, Receipt, Rejection, Resource, Revision, SchemaRef, Timestamp, Version,
};
use std::fmt;
use std::sync::Arc;

/// Use cases on configs.
#[derive(Clone)]
pub struct Configs {
    core: Core,
    engine: Arc<dyn SchemaEngine>,
}

impl fmt::Debug for Configs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Configs")
    }
}

/// A write of a whole document.
#[derive(Clone, Debug)]
pub struct PutConfig {
    /// The config.
    pub id: ConfigId,
    /// The document.
    pub content: Content,
    /// The change of its binding.
    pub binding: BindingChange,
    /// The precondition.
    pub expected: Precondition,
    /// The change message.
    pub message: Message,
}

/// A deletion of a config.
#[derive(Clone, Debug)]
pub struct DeleteConfig {
    /// The config.
    pub id: ConfigId,
    /// The precondition.
    pub expected: Precondition,
    /// The change message.
    pub message: Message,
}

/// A rollback to an earlier version.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// The config.
    pub id: ConfigId,
    /// The version whose document to write again.
    pub to_version: Version,
    /// The precondition.
    pub expected: Precondition,
    /// The change message.
    pub message: Message,
}

/// The result of a write.
#[derive(Clone, Debug)]
pub struct Written {
    /// Whether the config was created.
    pub created: bool,
    /// Whether document and binding were unchanged, so that the version is the same.
    pub unchanged: bool,
    /// The config with its document.
    pub document: ConfigDocument,
}

/// A version of a config with its document.
#[derive(Clone, Debug)]
pub struct ConfigDocument {
    /// The version.
    pub shown: ConfigRevision,
    /// The revision of the view that it was read from.
    pub revision: Revision,
    /// For a stale read: time since this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl Configs {
    pub(crate) fn new(core: Core, engine: Arc<dyn SchemaEngine>) -> Self {
        Self { core, engine }
    }

    /// The versions of a config before `page.after`, the newest first; also of a deleted config.
    pub async fn history(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        page: PageRequest<Version>,
        freshness: Freshness,
    ) -> Result<Page<ConfigRevision, Version>, Error> {
        let view = self.readable(ctx, id, freshness).await?;
        history::versions(&view, id, &page).await
    }

    /// A version of a config; also of a deleted config.
    pub async fn version(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        version: Version,
        freshness: Freshness,
    ) -> Result<ConfigDocument, Error> {
        let view = self.readable(ctx, id, freshness).await?;
        Self::shown(&view, id, version)
    }

    /// Writes a whole document.
    pub async fn put(&self, ctx: &RequestContext, request: PutConfig) -> Result<Changed<Written>, Error> {
        if let Some(earlier) = self.core.replayed(ctx).await? {
            self.may_see_unchanged(ctx, &request.id, &earlier).await?;
            return self.read_back(request.expected, earlier).await;
        }
        self.commit_checked(ctx, request, ChangeKind::Update).await
    }

    /// Writes the document of an earlier version again, as a new version that satisfies the current schema. A
    /// deleted config is created again if the precondition is that it is absent.
    pub async fn rollback(&self, ctx: &RequestContext, request: Rollback) -> Result<Changed<Written>, Error> {
        let id = &request.id;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            self.may_see(ctx, id).await?;
            return self.read_back(request.expected, earlier).await;
        }
        let resource = Resource::Config(id);
        let view = self
            .core
            .authorized_view(ctx, Freshness::LINEARIZABLE, Permission::DocumentWrite, resource)
            .await?;
        // The response contains the earlier document.
        ctx.require(&view, Permission::DocumentRead, resource, self.core.env.clock.now())?;
        require_environment(&view, &id.environment_id())?;
        let lives = view.state.config(id).is_some();
        if !lives && request.expected != Precondition::Absent {
            history::newest(&view, id)?;
            let rule = "was deleted and";
            return Err(Error::not_found("config", format!("{} {rule}", id.key)));
        }
        let earlier = Self::shown(&view, id, request.to_version)?.shown;
        let Some(content) = earlier.content else {
            let message = format!("version {} is a deletion and has no document", request.to_version);
            return Err(Error::Invalid { field: "to_version", message });
        };
        let from = request.to_version;
        // A config that is created again follows the newest version of the schema that it was bound to.
        let bound = earlier.schema.map(|schema| Binding { schema: schema.name, pinned: None });
        let (binding, kind) = if lives {
            (BindingChange::Keep, ChangeKind::Rollback { from })
        } else {
            (BindingChange::Set(bound), ChangeKind::Undelete { from })
        };
        let (expected, message) = (request.expected, request.message);
        let put = PutConfig { id: request.id, content, binding, expected, message };
        self.commit_checked(ctx, put, kind).await
    }

    /// Deletes a config; its history stays. Returns the version of the deletion.
    pub async fn delete(
        &self,
        ctx: &RequestContext,
        request: DeleteConfig,
    ) -> Result<Changed<Version>, Error> {
        let DeleteConfig { id, expected, message } = request;
        self.core.commit(ctx, Command::DeleteConfig { id, expected, message }).await?.map(|receipt| {
            match receipt {
                Receipt::ConfigDeleted(version) => Ok(version),
                _ => Err(Error::unexpected_receipt()),
            }
        })
    }

    /// The result of a write that an earlier request made: the version that it created, unless that was
    /// pruned.
    async fn read_back(
        &self,
        expected: Precondition,
        earlier: Changed<Receipt>,
    ) -> Result<Changed<Written>, Error> {
        let revision = earlier.revision;
        let freshness = Freshness { min_revision: Some(revision), ..Freshness::STALE };
        let view = self.core.state.view(freshness).await?;
        earlier.map(|receipt| {
            let (config, unchanged) = match receipt {
                Receipt::Config(config) => (config, false),
                Receipt::ConfigUnchanged(config) => (config, true),
                _ => return Err(Error::unexpected_receipt()),
            };
            let (id, version, oldest) = (&config.id, config.version, view.state.oldest_kept(&config.id));
            // Versions of an earlier project or environment of the same name do not count.
            let found = view.archive.config_revision(id, version)?;
            let found = found.filter(|found| history::visible(&view, found));
            let pruned = || Error::ReplayPruned { config: id.clone(), version, revision, oldest };
            let shown = found.ok_or_else(pruned)?;
            let new = match expected {
                Precondition::Any => shown.kind == ChangeKind::Create,
                expected => expected == Precondition::Absent,
            };
            let document = ConfigDocument { shown, revision, stale_for_ms: None };
            Ok(Written { created: new && !unchanged, unchanged, document })
        })
    }

    /// Checks that the caller may read the config, because the response contains stored values.
    pub(crate) async fn may_see(&self, ctx: &RequestContext, id: &ConfigId) -> Result<(), Error> {
        let resource = Resource::Config(id);
        let freshness = Freshness::LINEARIZABLE;
        self.core.authorized_view(ctx, freshness, Permission::DocumentRead, resource).await.map(drop)
    }

    /// The result of a replayed write that changed nothing contains a document of others. So the caller must
    /// have the permission to read it at the time of the replay.
    async fn may_see_unchanged(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        changed: &Changed<Receipt>,
    ) -> Result<(), Error> {
        match (&changed.item, &changed.how) {
            (Receipt::ConfigUnchanged(_), How::Replayed) => self.may_see(ctx, id).await,
            _ => Ok(()),
        }
    }

    /// Checks the document and commits it with the schema version that it was checked against. The first
    /// attempt uses the state that this node has applied; the commit rejects it if that is outdated. Errors
    /// are only returned after an attempt on a linearizable view.
    async fn commit_checked(
        &self,
        ctx: &RequestContext,
        request: PutConfig,
        kind: ChangeKind,
    ) -> Result<Changed<Written>, Error> {
        let mut freshness = Freshness::STALE;
        for _ in 0..CHECK_ATTEMPTS_MAX {
            match self.try_commit(ctx, &request, kind, freshness).await {
                Err(Error::Rejected(Rejection::CheckOutdated(_))) => {}
                Err(Error::Rejected(Rejection::SchemaHeld(schema))) if !ctx.dry_run => {
                    released(&self.core, &schema).await?;
                }
                Err(
                    Error::Rejected(Rejection::BindingUnknown { .. })
                    | Error::ValidationFailed { .. }
                    | Error::NotFound { .. }
                    | Error::Forbidden(_)
                    | Error::Unauthenticated(_),
                ) if freshness.consistency == Consistency::Stale => {}
                done => return done,
            }
            freshness = Freshness::LINEARIZABLE;
        }
        Err(Error::Contended)
    }

    async fn try_commit(
        &self,
        ctx: &RequestContext,
        request: &PutConfig,
        kind: ChangeKind,
        freshness: Freshness,
    ) -> Result<Changed<Written>, Error> {
        let id = &request.id;
        let resource = Resource::Config(id);
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentWrite, resource).await?;
        require_environment(&view, &id.environment_id())?;
        let binding = resulting_binding(&view, id, &request.binding);
        let checked = check_document(&*self.engine, &view, id, binding.as_ref(), &request.content)
            .await
            .map_err(|error| self.core.without_schema(ctx, &view, &id.project, error))?;
        let command = Command::PutConfig {
            id: id.clone(),
            content: request.content.clone(),
            binding: request.binding.clone(),
            checked: checked.clone(),
            expected: request.expected,
            kind,
            message: request.message.clone(),
            keep_same: keeps_same(ctx, &view, (id, kind), self.core.env.clock.now()),
        };
        let changed = self.core.commit(ctx, command).await?;
        if matches!(changed.how, How::Replayed) || matches!(changed.item, Receipt::ConfigUnchanged(_)) {
            self.may_see_unchanged(ctx, &request.id, &changed).await?;
            return self.read_back(request.expected, changed).await;
        }
        let (revision, Receipt::Config(config)) = (changed.revision, &changed.item) else {
            return Err(Error::unexpected_receipt());
        };
        let created = match request.expected {
            Precondition::Absent => true,
            Precondition::Present | Precondition::Version(_) => false,
            Precondition::Any if ctx.dry_run => view.state.config(id).is_none(),
            Precondition::Any => self.is_first(config).await?,
        };
        let made = Made { schema: checked, kind, created, revision };
        let written = written(request, config.clone(), made);
        changed.map(|_| Ok(written))
    }

    /// Whether this version, which was just written, created the config.
    async fn is_first(&self, config: &Config) -> Result<bool, Error> {
        let freshness = Freshness { min_revision: Some(config.revision), ..Freshness::STALE };
        let view = self.core.state.view(freshness).await?;
        let found = view.archive.config_revision(&config.id, config.version)?;
        Ok(found.is_some_and(|found| found.kind == ChangeKind::Create))
    }

    async fn readable(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        freshness: Freshness,
    ) -> Result<View, Error> {
        let resource = Resource::Config(id);
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentRead, resource).await?;
        require_environment(&view, &id.environment_id())?;
        Ok(view)
    }

    fn shown(view: &View, id: &ConfigId, version: Version) -> Result<ConfigDocument, Error> {
        let shown = view
            .archive
            .config_revision(id, version)?
            .filter(|found| history::visible(view, found))
            .ok_or_else(|| {
                let (key, environment, project) = (&id.key, &id.environment, &id.project);
                let config = format!("config {key} of environment {environment} of project {project}");
                Error::not_found("version", format!("{version} of {config}"))
            })?;
        Ok(ConfigDocument { shown, revision: view.state.revision(), stale_for_ms: view.stale_for_ms })
    }
}

/// Whether a put of the current document creates no version. Only if the caller may read the document,
/// because an unchanged version reveals it. A rollback always creates a version.
pub(crate) fn keeps_same(
    ctx: &RequestContext,
    view: &View,
    (id, kind): (&ConfigId, ChangeKind),
    now: Timestamp,
) -> bool {
    !matches!(kind, ChangeKind::Rollback { .. })
        && ctx.require(view, Permission::DocumentRead, Resource::Config(id), now).is_ok()
}

pub(crate) fn require_environment(view: &View, environment: &EnvironmentId) -> Result<(), Error> {
    view.state
        .project(&environment.project)
        .ok_or_else(|| Error::not_found("project", &environment.project))?;
    view.state.environment(environment).ok_or_else(|| Error::no_environment(environment))?;
    Ok(())
}

/// What a change yields beyond its request and its receipt.
struct Made {
    schema: Option<SchemaRef>,
    kind: ChangeKind,
    created: bool,
    revision: Revision,
}

fn written(request: &PutConfig, config: Config, made: Made) -> Written {
    let Made { schema, kind, created, revision } = made;
    let shown = ConfigRevision {
        id: config.id,
        version: config.version,
        revision: config.revision,
        kind: if created && !matches!(kind, ChangeKind::Undelete { .. }) { ChangeKind::Create } else { kind },
        schema,
        content: Some(request.content.clone()),
        digest: config.digest,
        message: request.message.clone(),
        at: config.updated_at,
        created_at: config.created_at,
        by: config.updated_by,
    };
    let document = ConfigDocument { shown, revision, stale_for_ms: None };
    Written { created, unchanged: false, document }
}
