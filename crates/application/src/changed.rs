//! What became of a request for a change: it was made, it had been made before, or it was only tried.

use crate::ports::View;
use crate::{Core, Difference, Error, RequestContext, Versions, difference};
use domain::{Command, Committed, Content, Event, Outcome, Receipt, Rejection, Revision, State, Version};

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

/// Most bytes of contents that a dry run compares; comparing takes its time.
const COMPARED_BYTES_MAX: usize = 256 * 1024;

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
            let view = self.state.view(crate::ports::Freshness::LINEARIZABLE).await?;
            let mut state = State::clone(&view.state);
            let applied = state.apply(&stamped);
            let effects = effects(&view, applied.committed.as_ref())?;
            return answered(applied.outcome, How::DryRun(effects), Some(view.state.revision()));
        }
        answered(self.consensus.propose(stamped).await?, How::Made, None)
    }

    /// The answer of an earlier request with the same idempotency key, which stands even if the request
    /// would be refused by now.
    pub(crate) async fn replayed(&self, ctx: &RequestContext) -> Result<Option<Changed<Receipt>>, Error> {
        let Some(own) = ctx.idempotency.filter(|_| !ctx.dry_run) else { return Ok(None) };
        let view = self.state.view(crate::ports::Freshness::LINEARIZABLE).await?;
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

fn answered(outcome: Outcome, how: How, seen: Option<Revision>) -> Result<Changed<Receipt>, Error> {
    match outcome {
        Outcome::Accepted { revision, receipt } => {
            Ok(Changed { item: receipt, revision: seen.unwrap_or(revision), how })
        }
        Outcome::Replayed { revision, receipt } => {
            Ok(Changed { item: receipt, revision, how: How::Replayed })
        }
        Outcome::Rejected { rejection, .. } => Err(Error::Rejected(rejection)),
    }
}

/// What the events would change in what the view shows.
fn effects(view: &View, committed: Option<&Committed>) -> Result<Vec<Effect>, Error> {
    let events = committed.into_iter().flat_map(|committed| &committed.events);
    let effects = events.filter_map(|event| effect(view, event).transpose());
    let mut effects = effects.collect::<Result<Vec<Effect>, Error>>()?;
    let bytes = |content: &Option<Content>| content.as_ref().map_or(0, |content| content.as_str().len());
    let all: usize = effects.iter().map(|effect| bytes(&effect.before) + bytes(&effect.after)).sum();
    if all <= COMPARED_BYTES_MAX {
        for effect in &mut effects {
            effect.difference = compared(effect)?;
        }
    }
    Ok(effects)
}

fn compared(effect: &Effect) -> Result<Option<Difference>, Error> {
    if effect.before.is_none() && effect.after.is_none() {
        return Ok(None);
    }
    let versions = Versions {
        from: Version(effect.from_version.unwrap_or_default()),
        from_content: effect.before.clone(),
        to: Version(effect.to_version.unwrap_or_default()),
        to_content: effect.after.clone(),
    };
    difference(&versions).map(Some)
}

fn effect(view: &View, event: &Event) -> Result<Option<Effect>, Error> {
    let plain = |action, kind, name: String| Effect {
        action,
        kind,
        name,
        from_version: None,
        to_version: None,
        before: None,
        after: None,
        difference: None,
    };
    Ok(Some(match event {
        Event::ConfigPut { id, version, content, .. } => {
            let current = view.state.config(id).map(|config| config.version);
            let action = if current.is_some() { "update" } else { "create" };
            Effect {
                from_version: Some(current.unwrap_or_default().0),
                to_version: Some(version.0),
                before: document(view, id)?,
                after: Some(content.clone()),
                ..plain(action, "config", id.to_string())
            }
        }
        Event::ConfigDeleted { id, version, .. } => Effect {
            from_version: view.state.config(id).map(|config| config.version.0),
            to_version: Some(version.0),
            before: document(view, id)?,
            ..plain("delete", "config", id.to_string())
        },
        Event::SchemaRegistered { id, version, schema, .. } => {
            let latest = view.state.schema(id).map(|schema| schema.latest);
            let before = match latest {
                Some(latest) => view.archive.schema_revision(id, latest)?.map(|found| found.schema),
                None => None,
            };
            let action = if latest.is_some() { "update" } else { "create" };
            Effect {
                from_version: Some(latest.unwrap_or_default().0),
                to_version: Some(version.0),
                before,
                after: Some(schema.clone()),
                ..plain(action, "schema", format!("{}/{}", id.project, id.name))
            }
        }
        Event::SchemaDeleted { id, version } => Effect {
            from_version: Some(version.0),
            ..plain("delete", "schema", format!("{}/{}", id.project, id.name))
        },
        Event::ProjectCreated { name, .. } => plain("create", "project", name.to_string()),
        Event::ProjectUpdated { name, .. } | Event::ProjectBounded { name, .. } => {
            plain("update", "project", name.to_string())
        }
        Event::ProjectDeleted { name } => plain("delete", "project", name.to_string()),
        Event::EnvironmentCreated { id } => {
            plain("create", "environment", format!("{}/{}", id.project, id.name))
        }
        Event::EnvironmentDeleted { id } => {
            plain("delete", "environment", format!("{}/{}", id.project, id.name))
        }
        Event::ApiKeyCreated { key } => plain("create", "api_key", key.key.id.to_string()),
        Event::ApiKeyRotated { key, .. } => plain("update", "api_key", key.id.to_string()),
        Event::ApiKeyRevoked { key } => plain("delete", "api_key", key.id.to_string()),
        Event::MemberAdmitted { member } => plain("create", "member", member.id.to_string()),
        Event::MemberUpdated { member } => plain("update", "member", member.id.to_string()),
        Event::MemberRetired { id } => plain("delete", "member", id.to_string()),
        Event::EpochRaised { user, .. } => plain("update", "user", user.to_string()),
        Event::ClusterNamed { .. }
        | Event::HistoryPruned { .. }
        | Event::SchemaHeld { .. }
        | Event::AnswerKept { .. }
        | Event::AnswerForgotten { .. }
        | Event::ConfigKept { .. } => return Ok(None),
    }))
}

/// The document of a config as the view shows it.
fn document(view: &View, id: &domain::ConfigId) -> Result<Option<Content>, Error> {
    let Some(config) = view.state.config(id) else { return Ok(None) };
    Ok(view.archive.config_revision(id, config.version)?.and_then(|found| found.content))
}
