//! Applying a command: decide, give it its place, evolve, seal the audit chain.

use super::{RowKey, State, decide, evolve, rows};
use crate::access::identify;
use crate::limits::{ANSWERS_CLEARED_MAX, ANSWERS_MAX, ANSWERS_PER_PROJECT_MAX};
use crate::{
    AuditEntry, Command, Committed, ConfigId, ConfigRevision, Digest, Event, Outcome, Receipt, Rejection,
    SchemaId, SchemaRef, SchemaRevision, SchemaVersion, Stamped, Timestamp, Version, WriteReceipt,
};
use std::collections::BTreeSet;

/// What one command did: the answer for its proposer, and everything that must be kept.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The answer.
    pub outcome: Outcome,
    /// What happened; `None` when the command was refused.
    pub committed: Option<Committed>,
    /// The audit entry; `None` when the command was refused.
    pub audit: Option<AuditEntry>,
}

impl State {
    /// Applies one command. Total and deterministic; a refused command changes nothing.
    pub fn apply(&mut self, stamped: &Stamped<Command>) -> Applied {
        let kept = stamped.idempotency.and_then(|own| Some((own, self.answer(&own.key, stamped.at)?)));
        if let Some((own, answer)) = kept {
            let outcome = if let Err(denied) = identify(self, stamped.principal(), stamped.at) {
                Outcome::Rejected { revision: self.revision(), rejection: Rejection::Denied(denied) }
            } else if own.request == answer.request {
                Outcome::Replayed { revision: answer.revision, receipt: answer.receipt.clone() }
            } else {
                let rejection = Rejection::IdempotencyKeyReused;
                Outcome::Rejected { revision: self.revision(), rejection }
            };
            return Applied { outcome, committed: None, audit: None };
        }
        match decide(self, stamped) {
            Err(rejection) => {
                let outcome = Outcome::Rejected { revision: self.revision(), rejection };
                Applied { outcome, committed: None, audit: None }
            }
            // Nothing changed, and no answer is to be kept.
            Ok(events)
                if stamped.idempotency.is_none()
                    && !events.is_empty()
                    && events.iter().all(|event| matches!(event, Event::ConfigKept { .. })) =>
            {
                let receipt = self.receipt(&events);
                let outcome = Outcome::Accepted { revision: self.revision(), receipt };
                Applied { outcome, committed: None, audit: None }
            }
            Ok(mut events) => {
                events.extend(self.expired_answers(stamped));
                events.extend(stamped.idempotency.map(|own| Event::AnswerKept {
                    key: own.key,
                    request: own.request,
                    project: stamped.command.project().cloned(),
                }));
                let committed = Committed {
                    revision: self.revision().next(),
                    at: self.time_of(stamped.at),
                    actor: stamped.actor.clone(),
                    request_id: stamped.request_id.clone(),
                    provenance: stamped.provenance.clone(),
                    events,
                };
                let audit = evolve(self, &committed);
                let receipt = self.receipt(&committed.events);
                let outcome = Outcome::Accepted { revision: committed.revision, receipt };
                Applied { outcome, committed: Some(committed), audit: Some(audit) }
            }
        }
    }

    /// Whether applying a command now would not refuse it, at the time that the command carries.
    pub fn would_accept(&self, stamped: &Stamped<Command>) -> Result<(), Rejection> {
        let replayed = stamped.idempotency.is_some_and(|own| self.answer(&own.key, stamped.at).is_some());
        if replayed { Ok(()) } else { decide(self, stamped).map(drop) }
    }

    /// The time that is recorded of a command that was taken at `at`: of two leaders the second may have a
    /// clock that is behind the first one's, and times must grow as revisions do, or the past cannot be found by
    /// time. Whether something has expired is decided by the leader's clock alone, so that one wrong clock does
    /// not end anything for good.
    pub(super) fn time_of(&self, at: Timestamp) -> Timestamp {
        at.max(self.header.time)
    }

    /// Answers that give way: those that are too old, and the oldest of the project that has too many, so that
    /// no project takes another's.
    fn expired_answers(&self, stamped: &Stamped<Command>) -> Vec<Event> {
        if stamped.idempotency.is_none() {
            return Vec::new();
        }
        let expired = |key: &&Digest| self.answer(key, stamped.at).is_none();
        let oldest = self.answers_by_age.values().take_while(expired).take(ANSWERS_CLEARED_MAX);
        let mut gone: BTreeSet<Digest> = oldest.copied().collect();
        let excess = |answers: usize, max: usize| (answers + 1).saturating_sub(max).min(ANSWERS_CLEARED_MAX);
        let project = stamped.command.project().cloned();
        if let Some(own) = self.answers_by_project.get(&project) {
            gone.extend(own.values().take(excess(own.len(), ANSWERS_PER_PROJECT_MAX)));
        }
        let many = excess(self.answers.len().saturating_sub(gone.len()), ANSWERS_MAX);
        if many > 0 {
            let most = self.answers_by_project.values().max_by_key(|own| own.len());
            gone.extend(most.into_iter().flat_map(|own| own.values().take(many)));
        }
        gone.into_iter().map(|key| Event::AnswerForgotten { key }).collect()
    }

    /// What is left behind, once the events are folded in.
    pub(super) fn receipt(&self, events: &[Event]) -> Receipt {
        let written = |event: &Event| match event {
            Event::ConfigPut { version, .. } | Event::ConfigDeleted { version, .. } => {
                Some(WriteReceipt { version: *version, unchanged: false })
            }
            Event::ConfigKept { version, .. } => Some(WriteReceipt { version: *version, unchanged: true }),
            _ => None,
        };
        let writes: Vec<WriteReceipt> = events.iter().filter_map(written).collect();
        if writes.len() > 1 {
            return if writes.iter().any(|write| write.unchanged) {
                Receipt::Writes(writes)
            } else {
                Receipt::Versions(writes.iter().map(|write| write.version).collect())
            };
        }
        let receipt = match events.first() {
            Some(
                Event::ProjectCreated { name, .. }
                | Event::ProjectUpdated { name, .. }
                | Event::ProjectBounded { name, .. },
            ) => self.project(name).cloned().map(Receipt::Project),
            Some(Event::EnvironmentCreated { id }) => self.environment(id).cloned().map(Receipt::Environment),
            Some(Event::SchemaRegistered { id, .. }) => self
                .schema(id)
                .cloned()
                .map(|schema| Receipt::Schema { schema, bound_documents: self.bound_count(id) }),
            Some(Event::ConfigPut { id, .. }) => self.config(id).cloned().map(Receipt::Config),
            Some(Event::ConfigKept { id, .. }) => self.config(id).cloned().map(Receipt::ConfigUnchanged),
            Some(Event::ConfigDeleted { version, .. }) => Some(Receipt::ConfigDeleted(*version)),
            Some(Event::ApiKeyCreated { key }) => Some(Receipt::ApiKey(key.clone())),
            Some(Event::ApiKeyRotated { key, .. }) => self.api_key(key).cloned().map(Receipt::ApiKey),
            _ => None,
        };
        receipt.unwrap_or(Receipt::Nothing)
    }
}

impl Committed {
    /// The rows of the state that these events wrote or removed, in no particular order.
    pub fn touched_rows(&self) -> Vec<RowKey> {
        rows::touched(self)
    }

    /// The versions of configs that these events added to the archive.
    pub fn config_revisions(&self) -> impl Iterator<Item = ConfigRevision> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::ConfigPut { id, version, kind, schema, content, digest, created_at, message, .. } => {
                Some(ConfigRevision {
                    id: id.clone(),
                    version: *version,
                    revision: self.revision,
                    kind: *kind,
                    schema: schema.as_ref().map(|s| SchemaRef { name: s.name.clone(), version: s.version }),
                    content: Some(content.clone()),
                    digest: *digest,
                    message: message.clone(),
                    at: self.at,
                    created_at: *created_at,
                    by: self.actor.clone(),
                })
            }
            Event::ConfigDeleted { id, version, created_at, message } => Some(ConfigRevision {
                id: id.clone(),
                version: *version,
                revision: self.revision,
                kind: crate::ChangeKind::Delete,
                schema: None,
                content: None,
                digest: crate::Digest::default(),
                message: message.clone(),
                at: self.at,
                created_at: *created_at,
                by: self.actor.clone(),
            }),
            _ => None,
        })
    }

    /// The versions of configs that these events took out of the archive: from the first to before the
    /// second.
    pub fn pruned(&self) -> impl Iterator<Item = (&ConfigId, Version, Version)> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::HistoryPruned { id, from, oldest, .. } => Some((id, *from, *oldest)),
            _ => None,
        })
    }

    /// The schemas that these events deleted, with their newest version: it and all before are gone from the
    /// archive.
    pub fn schemas_gone(&self) -> impl Iterator<Item = (&SchemaId, SchemaVersion)> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::SchemaDeleted { id, version } => Some((id, *version)),
            _ => None,
        })
    }

    /// The versions of schemas that these events added to the archive.
    pub fn schema_revisions(&self) -> impl Iterator<Item = SchemaRevision> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::SchemaRegistered { id, version, schema, dialect, uses, .. } => Some(SchemaRevision {
                id: id.clone(),
                version: *version,
                revision: self.revision,
                schema: schema.clone(),
                dialect: *dialect,
                at: self.at,
                by: self.actor.clone(),
                uses: uses.clone(),
            }),
            _ => None,
        })
    }
}
