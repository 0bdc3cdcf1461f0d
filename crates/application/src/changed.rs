//! What became of a request for a change: it was made, it had been made before, or it was only tried.

use crate::effects::effects;
use crate::ports::{Consistency, Freshness, View};
use crate::{Core, Difference, Error, RequestContext};
use domain::{
    Command, Content, Outcome, Permission, ProjectName, Receipt, Rejection, Resource, Revision, Stamped,
    State,
};

/// Commands with documents of so many bytes are decided on the present state before they are proposed.
const LARGE_COMMAND_BYTES: usize = 4096;

/// The answer to a request for a change.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// What it left behind, or would.
    pub item: T,
    /// The revision that the answer reflects: the one that the change made; in a dry run, the one that it
    /// was tried on.
    pub revision: Revision,
    /// What became of it.
    pub how: How,
}

/// What became of a request for a change.
#[derive(Clone, Debug)]
pub enum How {
    /// It was made.
    Made,
    /// An earlier request with the same idempotency key made it.
    Replayed,
    /// It was tried and nothing was kept; this is what it would have changed.
    DryRun(Vec<Effect>),
}

/// One thing that a dry run would have changed.
#[derive(Clone, Debug)]
pub struct Effect {
    /// What would be done to it: `create`, `update` or `delete`.
    pub action: &'static str,
    /// What kind of thing: `project`, `environment`, `schema`, `config` or `api_key`.
    pub kind: &'static str,
    /// Its name within its kind, with the names of what holds it: `demo/default/checkout.limits`.
    pub name: String,
    /// Its version before; 0 when it does not exist, `None` when it has none.
    pub from_version: Option<u64>,
    /// Its version afterwards.
    pub to_version: Option<u64>,
    /// Its content before, if it has any.
    pub before: Option<Content>,
    /// Its content afterwards, if it has any.
    pub after: Option<Content>,
    /// What differs between the two; left out when all contents together are long.
    pub difference: Option<Difference>,
}

impl<T> Changed<T> {
    /// The same with another item.
    pub(crate) fn map<U>(self, form: impl FnOnce(T) -> Result<U, Error>) -> Result<Changed<U>, Error> {
        Ok(Changed { item: form(self.item)?, revision: self.revision, how: self.how })
    }
}

impl Changed<Receipt> {
    /// Only that it happened.
    pub(crate) fn done(self) -> Changed<()> {
        Changed { item: (), revision: self.revision, how: self.how }
    }
}

impl Core {
    /// Stamps and commits a command, or tries it in a dry run; a refusal becomes an error.
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

    /// Why the present state refuses a command, if it does. Without this, refused documents fill the log of every
    /// node. A refusal by a stale view is confirmed by a linearizable one.
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

    /// The error for a refusal. What it quotes of the stored state is withheld from an actor that may not read it.
    async fn refusal(&self, ctx: &RequestContext, rejection: Rejection) -> Error {
        let Some((permission, resource)) = quoted(&rejection) else { return Error::Rejected(rejection) };
        // This node may not have applied what gives the right yet.
        for freshness in [Freshness::STALE, Freshness::LINEARIZABLE] {
            if self.authorized_view(ctx, freshness, permission, resource).await.is_ok() {
                return Error::Rejected(rejection);
            }
        }
        Error::Withheld(rejection)
    }

    /// Withholds what a failed check quotes of a schema from an actor that may not read the project's schemas.
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

    /// The answer of an earlier request with the same idempotency key, which stands even if the request
    /// would be refused by now.
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

/// What the actor must be allowed to read to be told the details of a refusal; `None` when it quotes nothing stored.
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
