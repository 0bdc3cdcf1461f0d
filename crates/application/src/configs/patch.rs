//! Changing a part of a document: read, patch, and commit against exactly the version that was read.

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

/// How a document is to be changed; JSON text that was checked and is at most as long as a document.
#[derive(Clone, Debug)]
pub enum Patch {
    /// Members to be set, and removed by `null` (RFC 7396).
    Merge(Content),
    /// Operations, done in order, all or none (RFC 6902).
    Operations(Content),
}

/// A part of a document to be changed.
#[derive(Clone, Debug)]
pub struct PatchConfig {
    /// Which config.
    pub id: ConfigId,
    /// How.
    pub patch: Patch,
    /// What the config must be for the change to go ahead. With `Present` the patch is done on whatever
    /// version there is, again when another change came first.
    pub expected: Precondition,
    /// Why.
    pub message: Message,
}

impl Patch {
    /// Takes the text of a merge patch.
    pub fn merge(text: &str) -> Result<Self, Error> {
        Ok(Self::Merge(compact("patch", text, DOCUMENT_BYTES_MAX)?))
    }

    /// Takes the text of a list of operations.
    pub fn operations(text: &str) -> Result<Self, Error> {
        let content = compact("patch", text, DOCUMENT_BYTES_MAX)?;
        read(parse(content.as_str()).ok_or_else(unreadable)?)?;
        Ok(Self::Operations(content))
    }

    /// The document after the patch.
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

/// What one attempt to patch came to.
enum Attempt {
    Done(Box<Changed<Written>>),
    /// Something moved meanwhile; look again.
    Moved,
}

impl Configs {
    /// Changes a part of a document, as a new version that satisfies today's schema. The first attempt reads
    /// whatever this node has applied, because the commit refuses when that is out of date; any "no" is only
    /// given after a linearizable look.
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
                // What the state refused is final, and so is what cannot be helped by looking again.
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
        // The answer shows the document, and a test of a value asks about it.
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

/// The version to be patched.
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
