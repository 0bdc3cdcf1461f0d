//! The result of a change: committed, replayed, or a dry run.

use crate::effects::effects;
use crate::ports::{Consistency, Freshness, View};
use crate::{Core, Difference, Error, RequestContext};
use domain::{
    Command, Content, Outcome, Permission, ProjectName, Receipt, Rejection, Resource, Revision, Stamped,
    State,
};

/// Commands with documents of at least this size, in bytes, are decided on the current state before they are
/// proposed.
const LARGE_COMMAND_BYTES: usize = 4096;

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// The changed entity.
    pub item: T,
    /// The revision of the change. In a dry run, the revision that it was evaluated on.
    pub revision: Revision,
    /// How the result came about.
    pub how: How,
}

/// How the result of a change came about.
#[derive(Clone, Debug)]
pub enum How {
    /// The change was committed.
    Made,
    /// An earlier request with the same idempotency key committed it.
    Replayed,
    /// Nothing was committed; these are the changes that the request would make.
    DryRun(Vec<Effect>),
}

/// A change that a dry run would make.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The action: `create`, `update` or `delete`.
    pub action: &'static str,
    /// The kind of the entity: `project`, `environment`, `schema`, `config` or `api_key`, among others.
    pub kind: &'static str,
    /// The name of the entity with its owners, such as `demo/default/checkout.limits`.
    pub name: String,
    /// The version before; 0 if the entity does not exist, `None` if it has no versions.
    pub from_version: Option<u64>,
    /// The version afterwards.
    pub to_version: Option<u64>,
    /// The content before, if any.
    pub before: Option<Content>,
    /// The content afterwards, if any.
    pub after: Option<Content>,
    /// The difference of the contents; `None` if all contents of the dry run together are too long.
    pub difference: Option<Difference>,
}

impl<T> Changed<T> {
    /// The same result with another entity.
    pub(crate) fn map<U>(self, form: impl FnOnce(T) -> Result<U, Error>) -> Result<Changed<U>, Error> {
        Ok(Changed { item: form(self.item)?, revision: self.revision, how: self.how })
    }
}

impl Changed<Receipt> {
    /// The same result without the entity.
    pub(crate) fn done(self) -> Changed<()> {
        Changed { item: (), revision: self.revision, how: self.how }
    }
}

impl Core {
    /// Stamps and commits a command, or evaluates it in a dry run. A rejection becomes an error.
    pub(crate) async fn commit(
        &self,
        ctx: &RequestContext,
        command: Command,
    ) -> Result<Changed<Receipt>, Error> {
        let stamped = self.env.stamp(ctx, command);
        if ctx.dry_run {
            let view = self.state.view(Freshness::LINEARIZABLE).await?;
            let mut state = State::clone(&view.state);
            let applied = state.apply(&stamped);
            let may_read = |permission: Permission, resource: Resource<'_>| {
                ctx.require(&view, permission, resource, stamped.at).is_ok()
            };
            let effects = effects(&view, &stamped.command, applied.committed.as_ref(), &may_read)?;
            return self
                .answered(ctx, applied.outcome, How::DryRun(effects), Some(view.state.revision()))
                .await;
        }
        if stamped.command.content_bytes() >= LARGE_COMMAND_BYTES
            && let Some(rejection) = self.refused(&stamped).await?
        {
            return Err(self.refusal(ctx, rejection).await);
        }
        self.answered(ctx, self.consensus.propose(stamped).await?, How::Made, None).await
    }

    /// Why the current state would reject a command, if it would. This keeps rejected documents out of the
    /// log of all nodes. A rejection by a stale view is confirmed by a linearizable one.
    async fn refused(&self, stamped: &Stamped<Command>) -> Result<Option<Rejection>, Error> {
        for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
            let view = self.state.view(freshness).await?;
            let Err(rejection) = view.state.would_accept(stamped) else { return Ok(None) };
            if freshness.consistency == Consistency::Linearizable {
                return Ok(Some(rejection));
            }
        }
        Ok(None)
    }

    async fn answered(
        &self,
        ctx: &RequestContext,
        outcome: Outcome,
        how: How,
        seen: Option<Revision>,
    ) -> Result<Changed<Receipt>, Error> {
        match outcome {
            Outcome::Accepted { revision, receipt } => {
                Ok(Changed { item: receipt, revision: seen.unwrap_or(revision), how })
            }
            Outcome::Replayed { revision, receipt } => {
                Ok(Changed { item: receipt, revision, how: How::Replayed })
            }
            Outcome::Rejected { rejection, .. } => Err(self.refusal(ctx, rejection).await),
        }
    }

    /// Converts a rejection to an error. Stored values that it quotes are withheld from a caller who may not
    /// read them.
    async fn refusal(&self, ctx: &RequestContext, rejection: Rejection) -> Error {
        let Some((permission, resource)) = quoted(&rejection) else { return Error::Rejected(rejection) };
        // This node may not have applied the change that gives the permission.
        for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
            if self.authorized_view(ctx, freshness, permission, resource).await.is_ok() {
                return Error::Rejected(rejection);
            }
        }
        Error::Withheld(rejection)
    }

    /// Removes what a failed check quotes of the schema if the caller may not read the project's schemas.
    pub(crate) fn without_schema(
        &self,
        ctx: &RequestContext,
        view: &View,
        project: &ProjectName,
        error: Error,
    ) -> Error {
        let Error::ValidationFailed { schema, mut violations } = error else { return error };
        let (resource, now) = (Resource::Project(project), self.env.clock.now());
        if ctx.require(view, Permission::SchemaRead, resource, now).is_ok() {
            return Error::ValidationFailed { schema, violations };
        }
        for violation in &mut violations {
            violation.schema_pointer = String::new();
            violation.message =
                format!("fails `{}`; reading the rule needs config:schema:read", violation.keyword);
        }
        Error::ValidationFailed { schema: "its schema".to_owned(), violations }
    }

    /// The stored receipt of an earlier request with the same idempotency key, even if the request would now
    /// be refused.
    pub(crate) async fn replayed(&self, ctx: &RequestContext) -> Result<Option<Changed<Receipt>>, Error> {
        let Some(own) = ctx.idempotency.filter(|_| !ctx.dry_run) else { return Ok(None) };
        let view = self.state.view(Freshness::LINEARIZABLE).await?;
        let now = self.env.clock.now();
        ctx.known(&view, now)?;
        match view.state.answer(&own.key, now) {
            None => Ok(None),
            Some(answer) if answer.request != own.request => {
                Err(Error::Rejected(Rejection::IdempotencyKeyReused))
            }
            Some(answer) => Ok(Some(Changed {
                item: answer.receipt.clone(),
                revision: answer.revision,
                how: How::Replayed,
            })),
        }
    }
}

/// The permission required to see the details of a rejection; `None` if it quotes no stored values.
fn quoted(rejection: &Rejection) -> Option<(Permission, Resource<'_>)> {
    match rejection {
        Rejection::VersionConflict { id, .. } => Some((Permission::DocumentRead, Resource::Config(id))),
        Rejection::SchemaVersionConflict { id, .. }
        | Rejection::SchemaInUse { id, .. }
        | Rejection::SchemaUsed { id, .. } => Some((Permission::SchemaRead, Resource::Project(&id.project))),
        Rejection::Operation { rejection, .. } => quoted(rejection),
        _ => None,
    }
}
