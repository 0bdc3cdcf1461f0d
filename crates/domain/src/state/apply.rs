//! Applying a command: decide, assign the revision, evolve, extend the audit chain.

use super::{RowKey, State, decide, evolve, rows};
use crate::access::identify;
use crate::limits::{ANSWERS_CLEARED_MAX, ANSWERS_MAX, ANSWERS_PER_PROJECT_MAX};
use crate::{
    AuditEntry, Command, Committed, ConfigId, ConfigRevision, Digest, Event, Outcome, Receipt, Rejection,
    SchemaId, SchemaRef, SchemaRevision, SchemaVersion, Stamped, Timestamp, Version, WriteReceipt,
};
use std::collections::BTreeSet;

/// The result of applying one command.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The outcome for the proposer.
    pub outcome: Outcome,
    /// The committed events; `None` if nothing changed.
    pub committed: Option<Committed>,
    /// The audit entry; `None` if nothing changed.
    pub audit: Option<AuditEntry>,
}

impl State {
    /// Applies one command. Deterministic and infallible; a rejected command changes nothing.
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
            // Nothing changed, and there is no idempotency key to store a receipt for.
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

    /// Fails with the rejection that applying the command now, at its own time, would return.
    pub fn would_accept(&self, stamped: &Stamped<Command>) -> Result<(), Rejection> {
        let replayed = stamped.idempotency.is_some_and(|own| self.answer(&own.key, stamped.at).is_some());
        if replayed { Ok(()) } else { decide(self, stamped).map(drop) }
    }

    /// The recorded time of a command with the time `at`: never earlier than that of the command before, even
    /// when a new leader's clock is behind. Reads by time need that order. Expiry is decided by the leader's
    /// clock alone, so that one wrong clock expires nothing permanently.
    pub(super) fn time_of(&self, at: Timestamp) -> Timestamp {
        at.max(self.header.time)
    }

    /// The receipts to remove: expired ones, and the oldest of a project that has too many. A project never
    /// evicts receipts of a smaller one.
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

    /// The receipt of these events, after they were folded in.
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
    /// The keys of the rows that these events wrote or removed, in no particular order.
    pub fn touched_rows(&self) -> Vec<RowKey> {
        rows::touched(self)
    }

    /// The config versions that these events add to the archive.
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

    /// The config versions that these events prune: the config, the first pruned version, and the first that
    /// stays.
    pub fn pruned(&self) -> impl Iterator<Item = (&ConfigId, Version, Version)> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::HistoryPruned { id, from, oldest, .. } => Some((id, *from, *oldest)),
            _ => None,
        })
    }

    /// The schemas that these events delete, with their newest version. The archive removes it and all
    /// before.
    pub fn schemas_gone(&self) -> impl Iterator<Item = (&SchemaId, SchemaVersion)> + '_ {
        self.events.iter().filter_map(|event| match event {
            Event::SchemaDeleted { id, version } => Some((id, *version)),
            _ => None,
        })
    }

    /// The schema versions that these events add to the archive.
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
