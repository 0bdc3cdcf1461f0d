//! Patching a document: reads it, applies the patch, and commits against exactly the version that was read.

use super::{Configs, PutConfig, Written, require_environment};
use crate::check::{CHECK_ATTEMPTS_MAX, released};
use crate::document::compact;
use crate::history::let_others_run;
use crate::json::merge::merge;
use crate::json::operations::{Patched, read};
use crate::json::parse;
use crate::ports::{Consistency, Freshness};
use crate::{Changed, Error, RequestContext};
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{
    BindingChange, ChangeKind, ConfigId, Content, Message, Permission, Precondition, Rejection, Resource,
    Version,
};

/// Most operations in one patch.
pub const PATCH_OPERATIONS_MAX: usize = 128;

/// A patch: compact JSON text, at most as long as a document.
#[derive(Clone, Debug)]
pub enum Patch {
    /// A merge patch: sets members, and removes those that are `null` (RFC 7396).
    Merge(Content),
    /// A list of operations, applied in order, all or none (RFC 6902).
    Operations(Content),
}

/// A patch of a config.
#[derive(Clone, Debug)]
pub struct PatchConfig {
    /// The config.
    pub id: ConfigId,
    /// The patch.
    pub patch: Patch,
    /// The precondition. With `Present` the patch applies to whatever version is current, and is retried
    /// after a concurrent change.
    pub expected: Precondition,
    /// The change message.
    pub message: Message,
}

impl Patch {
    /// Parses a merge patch.
    pub fn merge(text: &str) -> Result<Self, Error> {
        Ok(Self::Merge(compact("patch", text, DOCUMENT_BYTES_MAX)?))
    }

    /// Parses a list of operations.
    pub fn operations(text: &str) -> Result<Self, Error> {
        let content = compact("patch", text, DOCUMENT_BYTES_MAX)?;
        read(parse(content.as_str()).ok_or_else(unreadable)?)?;
        Ok(Self::Operations(content))
    }

    /// Applies the patch to a document.
    pub async fn apply(&self, document: &Content) -> Result<Content, Error> {
        let target = parse(document.as_str()).ok_or_else(unreadable)?;
        let after = match self {
            Self::Merge(patch) => merge(target, parse(patch.as_str()).ok_or_else(unreadable)?),
            Self::Operations(patch) => {
                let operations = read(parse(patch.as_str()).ok_or_else(unreadable)?)?;
                let mut patched = Patched::new(target);
                for (at, operation) in operations.into_iter().enumerate() {
                    patched.apply(at, operation)?;
                    let_others_run().await;
                }
                patched.into_root()
            }
        };
        Ok(compact("content", &after.text(), DOCUMENT_BYTES_MAX)?)
    }
}

fn unreadable() -> Error {
    Error::Internal("a text that was accepted is not JSON".into())
}

/// The result of one attempt to patch.
enum Attempt {
    Done(Box<Changed<Written>>),
    /// A concurrent change made the attempt outdated: retry.
    Moved,
}

impl Configs {
    /// Patches a config, as a new version that satisfies the current schema. The first attempt uses the state
    /// that this node has applied; the commit rejects it if that is outdated. Errors are only returned after
    /// an attempt on a linearizable view.
    pub async fn patch(&self, ctx: &RequestContext, request: PatchConfig) -> Result<Changed<Written>, Error> {
        if let Some(earlier) = self.core.replayed(ctx).await? {
            self.may_see(ctx, &request.id).await?;
            return self.read_back(request.expected, earlier).await;
        }
        let mut freshness = Freshness::STALE;
        for _ in 0..CHECK_ATTEMPTS_MAX {
            match self.try_patch(ctx, &request, freshness).await {
                Ok(Attempt::Done(written)) => return Ok(*written),
                Ok(Attempt::Moved) => {}
                Err(Error::Rejected(Rejection::SchemaHeld(schema))) if !ctx.dry_run => {
                    released(&self.core, &schema).await?;
                }
                // Rejections by the state are final, and so are errors that a newer view cannot change.
                Err(
                    error @ (Error::NoLeader
                    | Error::Overloaded
                    | Error::ChecksBusy
                    | Error::CheckTooExpensive { .. }
                    | Error::DiskFull
                    | Error::OutcomeUnknown
                    | Error::Internal(_)),
                ) => return Err(error),
                Err(_) if freshness.consistency == Consistency::Stale => {}
                Err(error) => return Err(error),
            }
            freshness = Freshness::LINEARIZABLE;
        }
        Err(Error::Contended)
    }

    async fn try_patch(
        &self,
        ctx: &RequestContext,
        request: &PatchConfig,
        freshness: Freshness,
    ) -> Result<Attempt, Error> {
        let id = &request.id;
        let resource = Resource::Config(id);
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentWrite, resource).await?;
        // The response contains the document, and a `test` operation reveals values of it.
        ctx.require(&view, Permission::DocumentRead, resource, self.core.env.clock.now())?;
        require_environment(&view, &id.environment_id())?;
        let config = view.state.config(id).ok_or_else(|| Error::no_config(id))?;
        let version = expected(request.expected, config)?;
        let current = Self::shown(&view, id, version)?.shown.content;
        let content = request.patch.apply(&current.ok_or_else(unreadable)?).await?;
        let put = PutConfig {
            id: id.clone(),
            content,
            binding: BindingChange::Keep,
            expected: Precondition::Version(version),
            message: request.message.clone(),
        };
        match self.try_commit(ctx, &put, ChangeKind::Patch, freshness).await {
            Ok(written) => Ok(Attempt::Done(Box::new(written))),
            Err(Error::Rejected(Rejection::CheckOutdated(_))) => Ok(Attempt::Moved),
            Err(Error::Rejected(Rejection::VersionConflict { .. }))
                if request.expected == Precondition::Present =>
            {
                Ok(Attempt::Moved)
            }
            Err(error) => Err(error),
        }
    }
}

/// The version to patch.
fn expected(expected: Precondition, config: &domain::Config) -> Result<Version, Error> {
    match expected {
        Precondition::Present | Precondition::Any => Ok(config.version),
        Precondition::Version(version) if version == config.version => Ok(version),
        Precondition::Version(_) | Precondition::Absent => Err(Error::Rejected(Rejection::VersionConflict {
            id: config.id.clone(),
            expected: match expected {
                Precondition::Version(version) => Some(version),
                Precondition::Present | Precondition::Absent | Precondition::Any => None,
            },
            current: config.version,
            updated_by: Some(config.updated_by.clone()),
            updated_at: Some(config.updated_at),
        })),
    }
}
