//! Copies the changes of the replicated state into the audit log, exactly once each.
//!
//! The replicated audit chain is the outbox: missing changes are read from it again. So nothing is lost while
//! the database is unavailable, and an empty database is filled from the first revision.

use super::shared::{Asker, Shared};
use crate::Error;
use crate::ports::identity::{AuditOutcome, Gone, NewAuditRecord};
use domain::{AuditEntry, EnvironmentId, EnvironmentName, ProjectName, Revision, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Most revisions that are copied in one transaction.
const REVISIONS_AT_ONCE: usize = 200;
/// Most batches that a change of role bindings waits for.
const BATCHES_WAITED_FOR: usize = 50;

/// Copies the replicated audit chain into the audit log.
#[derive(Clone, Debug)]
pub struct Projector {
    shared: Arc<Shared>,
}

impl Projector {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Copies missing revisions, at most one batch of 200, and returns whether there may be more. Must be
    /// called on some node after each commit or about every second; concurrent calls are harmless.
    pub async fn run(&self) -> Result<bool, Error> {
        self.shared.project().await
    }

    /// Reads the progress, on a node that does not call [`Self::run`].
    pub async fn look(&self) -> Result<(), Error> {
        self.shared.projected().await.map(drop)
    }

    /// The last completely copied revision at the latest read of the progress. The lag is the difference to
    /// this node's revision, also while the database is unavailable.
    pub fn reached(&self) -> Revision {
        Revision(self.shared.reached.load(Ordering::Relaxed))
    }
}

/// An entry of the replicated chain is missing or has an unknown form.
#[derive(Debug, thiserror::Error)]
enum BadEntry {
    #[error("the audit entry of revision {0} cannot be read")]
    Form(Revision, #[source] serde_json::Error),
    #[error("the audit entry after revision {0} is missing")]
    Gap(Revision),
}

impl Shared {
    /// The revision up to which the audit log is complete and records of deleted projects and environments
    /// are removed.
    pub(super) async fn projected(&self) -> Result<Revision, Error> {
        let revision = self.ports.audit.projected().await?.revision;
        self.reached.store(revision.0, Ordering::Relaxed);
        Ok(revision)
    }

    async fn project(&self) -> Result<bool, Error> {
        let view = self.core.state.view(crate::ports::Freshness::STALE).await?;
        let from = self.projected().await?;
        let entries = view.archive.audit_entries(from, REVISIONS_AT_ONCE)?;
        let Some(through) = entries.last().map(|entry| entry.revision) else { return Ok(false) };
        let mut records = Vec::new();
        for (entry, before) in entries.iter().zip(from.0..) {
            if entry.revision.0 != before + 1 {
                return Err(Error::Internal(Box::new(BadEntry::Gap(Revision(before)))));
            }
            records.extend(rows(entry)?);
        }
        self.forget_deleted(from, &records).await?;
        if self.ports.audit.project(from, through, &records).await? {
            self.reached.store(through.0, Ordering::Relaxed);
        }
        Ok(entries.len() == REVISIONS_AT_ONCE)
    }

    /// Removes the roles in deleted projects and environments, so that they do not apply to later ones of the
    /// same name. Done before the batch is written, so at least once. No role can be granted in a later
    /// project before that ([`Shared::forgotten_before`]).
    async fn forget_deleted(&self, from: Revision, records: &[NewAuditRecord]) -> Result<(), Error> {
        let deleted: Vec<Gone> = records.iter().filter_map(gone).collect();
        if deleted.is_empty() || self.projected().await? != from {
            return Ok(());
        }
        for gone in &deleted {
            self.ports.organisations.forget(gone).await?;
        }
        self.settle().await;
        Ok(())
    }

    /// Waits until the roles of earlier projects and environments of the same name are removed. Rights that
    /// are resolved afterwards apply to the current ones.
    pub(super) async fn forgotten_before(
        &self,
        asker: &Asker,
        project: &ProjectName,
        environments: Option<&BTreeSet<EnvironmentName>>,
    ) -> Result<(), Error> {
        let state = &asker.view.state;
        let Some(created) = state.project(project).map(|project| project.created_revision) else {
            return Err(Error::not_found("project", project));
        };
        let named = environments.into_iter().flatten().filter_map(|name| {
            let id = EnvironmentId { project: project.clone(), name: name.clone() };
            state.environment(&id).map(|environment| environment.revision)
        });
        let created = named.fold(created, Revision::max);
        for _ in 0..BATCHES_WAITED_FOR {
            if self.projected().await? >= created {
                return Ok(());
            }
            self.project().await?;
        }
        Err(Error::Overloaded)
    }
}

/// The project or environment whose deletion a record describes.
fn gone(record: &NewAuditRecord) -> Option<Gone> {
    match record.action.as_str() {
        "project.delete" => ProjectName::parse(&record.resource).ok().map(Gone::Project),
        "environment.delete" => {
            let (project, name) = record.resource.split_once('/')?;
            let (project, name) = (ProjectName::parse(project).ok()?, EnvironmentName::parse(name).ok()?);
            Some(Gone::Environment(EnvironmentId { project, name }))
        }
        _ => None,
    }
}

/// The record of an entry, in the form of [`domain::audit`].
#[derive(Deserialize)]
struct Record {
    actor: String,
    #[serde(default)]
    address: String,
    at: i64,
    changes: Vec<Map<String, Value>>,
    #[serde(default)]
    message: Option<String>,
    request_id: String,
    #[serde(default)]
    trace_id: String,
}

/// One audit record for each change of an entry.
fn rows(entry: &AuditEntry) -> Result<Vec<NewAuditRecord>, Error> {
    let record: Record = serde_json::from_str(&entry.record)
        .map_err(|source| Error::Internal(Box::new(BadEntry::Form(entry.revision, source))))?;
    let rows = record.changes.into_iter().zip(0..).map(|(mut change, index)| {
        let mut text = |name| match change.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (action, resource) = (text("action"), text("resource"));
        // In the chain, the display name of a project is in the field `message`.
        if action.starts_with("project.")
            && let Some(name) = change.remove("message")
        {
            change.insert("display_name".to_owned(), name);
        }
        if let Some(message) = record.message.clone().filter(|_| !change.contains_key("message")) {
            change.insert("message".to_owned(), Value::String(message));
        }
        NewAuditRecord {
            at: Timestamp(record.at),
            actor: record.actor.clone(),
            address: record.address.clone(),
            user_agent: String::new(),
            project: project(&action, &resource),
            action,
            resource,
            outcome: AuditOutcome::Success,
            request_id: record.request_id.clone(),
            trace_id: record.trace_id.clone(),
            revision: Some((entry.revision, index)),
            detail: Value::Object(change).to_string(),
        }
    });
    Ok(rows.collect())
}

/// The project that a change concerns: the whole resource, or its part before the first slash.
fn project(action: &str, resource: &str) -> Option<String> {
    let (kind, _) = action.split_once('.')?;
    let (first, rest) =
        resource.split_once('/').map_or((resource, None), |(first, rest)| (first, Some(rest)));
    let named = match kind {
        "project" => rest.is_none(),
        "environment" | "schema" | "config" | "api_key" => rest.is_some(),
        _ => false,
    };
    named.then(|| first.to_owned())
}
