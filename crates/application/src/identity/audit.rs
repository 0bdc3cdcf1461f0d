//! Use cases on the audit log.

use super::chain::{Verified, verify_audit};
use super::record::{Act, cut};
use super::refusals::Kind;
use super::shared::Shared;
use super::{Listed, Visitor};
use crate::ports::Freshness;
use crate::ports::identity::{AuditCursor, AuditOutcome, AuditQuery, AuditRecord, Observation};
use crate::{Error, RequestContext};
use domain::{Actor, AuditAnchor, EnvironmentId, MemberId, Permission, ProjectName, Resource};
use std::sync::Arc;

/// Most records that are written in one transaction.
const FLUSHED_AT_ONCE: usize = 500;

/// Use cases on the audit log.
#[derive(Clone, Debug)]
pub struct Audit {
    shared: Arc<Shared>,
}

/// A read of much data at once, which is audited.
#[derive(Clone, Debug)]
pub enum BulkRead {
    /// An export of a project.
    Project(ProjectName),
    /// An export of an environment.
    Environment(EnvironmentId),
    /// A search of the audit log, with the filter of the request.
    Audit(String),
    /// An export of the audit log, with the filter of the request.
    AuditFile(String),
}

/// A refused request.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The id of the operation in the API contract.
    pub operation: String,
    /// The path of the request.
    pub resource: String,
    /// The project that it concerned, if any.
    pub project: Option<ProjectName>,
    /// The error code of the response, such as `forbidden` or `unauthenticated`.
    pub code: String,
}

impl Audit {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The matching records, the newest first. Requires `audit:record:read` in the project of the query, or
    /// on the platform if the query names none.
    pub async fn search(
        &self,
        ctx: &RequestContext,
        mut query: AuditQuery,
        before: Option<AuditCursor>,
        size: u32,
    ) -> Result<Listed<AuditRecord, AuditCursor>, Error> {
        match query.project.as_deref().map(ProjectName::parse) {
            None => self.shared.allowed(ctx, Permission::AuditRead, Resource::Platform).await?,
            Some(Ok(project)) => {
                let resource = Resource::Project(&project);
                let asker = self.shared.allowed(ctx, Permission::AuditRead, resource).await?;
                // Records of an earlier project of the same name are not visible to this one.
                if asker
                    .ctx
                    .require(&asker.view, Permission::AuditRead, Resource::Platform, self.shared.now())
                    .is_err()
                {
                    let kept = asker.view.state.project(&project);
                    let created = kept.ok_or_else(|| Error::not_found("project", &project))?.created_at;
                    query.from = Some(query.from.map_or(created, |from| from.max(created)));
                }
                asker
            }
            Some(Err(fault)) => {
                return Err(Error::Invalid { field: "project", message: fault.to_string() });
            }
        };
        let found = self.shared.ports.audit.search(&query, before, size.saturating_add(1)).await?;
        Ok(Listed::take(found, size, |record| record.number))
    }

    /// Verifies the hash chain from its oldest record to its end. Requires `audit:record:read` on the
    /// platform.
    pub async fn verify(&self, ctx: &RequestContext) -> Result<Verified, Error> {
        let asker = self.shared.allowed(ctx, Permission::AuditRead, Resource::Platform).await?;
        let mut anchor = asker.view.state.header().audit_anchor;
        loop {
            let found = verify_audit(self.shared.ports.audit.as_ref(), anchor.as_ref()).await?;
            let newer = self.anchor().await?;
            // Records may have been pruned meanwhile, under a newer anchor.
            if found.first_bad.is_none() || newer == anchor {
                return Ok(found);
            }
            anchor = newer;
        }
    }

    /// The audit anchor that this node has applied, without contacting the leader.
    pub async fn anchor_here(&self) -> Result<Option<AuditAnchor>, Error> {
        Ok(self.shared.core.state.view(Freshness::STALE).await?.state.header().audit_anchor)
    }

    /// The current audit anchor.
    pub async fn anchor(&self) -> Result<Option<AuditAnchor>, Error> {
        Ok(self.shared.view().await?.0.state.header().audit_anchor)
    }

    /// Writes the pending refusals and returns their number. Must be called about every second.
    pub async fn flush(&self) -> Result<u64, Error> {
        for record in self.shared.refusals.take(Some(self.shared.now())) {
            self.shared.enqueue(record);
        }
        self.write_waiting().await
    }

    /// Writes all pending records, including refusals that are still being counted. Must be called before the
    /// node stops.
    pub async fn finish(&self) -> Result<u64, Error> {
        for record in self.shared.refusals.take(None) {
            self.shared.enqueue(record);
        }
        self.write_waiting().await
    }

    async fn write_waiting(&self) -> Result<u64, Error> {
        let mut written = 0;
        loop {
            let records = self.shared.queue.take(FLUSHED_AT_ONCE);
            if records.is_empty() {
                return Ok(written);
            }
            let count = records.len() as u64;
            if let Err(error) = self.shared.ports.audit.append(&records).await {
                let dropped = self.shared.queue.put_back(records);
                if dropped > 0 {
                    self.shared.ports.observer.observe(Observation::AuditDropped(dropped));
                }
                return Err(error.into());
            }
            written += count;
        }
    }

    /// Records that a request was refused; `actor` is `None` for an anonymous request.
    ///
    /// - Equal refusals are folded into one record with a count.
    /// - Never waits: the record is written by the next [`Audit::flush`]. If the queue is full, it is dropped
    ///   and counted.
    pub fn refused(&self, visitor: &Visitor, actor: Option<&Actor>, refusal: Refusal) {
        let principal = actor.map(ToString::to_string);
        let actor = principal.clone().unwrap_or_else(|| "anonymous".to_owned());
        let kind = Kind {
            operation: refusal.operation.clone(),
            code: refusal.code.clone(),
            project: refusal.project.as_ref().map(ToString::to_string),
        };
        let act = Act {
            project: refusal.project.map(|project| project.to_string()),
            outcome: AuditOutcome::Denied,
            ..Act::done("request.refused", cut(&refusal.resource))
        };
        let act = act.with("operation", cut(&refusal.operation)).with("code", cut(&refusal.code));
        let record = self.shared.record(visitor, actor, act);
        if let Some(first) = self.shared.refusals.add(principal.as_deref(), kind, record) {
            self.shared.enqueue(first);
        }
    }

    /// Records that the caller read much data at once.
    pub async fn read(&self, ctx: &RequestContext, what: BulkRead, project: Option<&ProjectName>) {
        let (action, resource) = match &what {
            BulkRead::Project(project) => ("project.export", project.to_string()),
            BulkRead::Environment(id) => ("environment.export", format!("{}/{}", id.project, id.name)),
            BulkRead::Audit(_) => {
                ("audit.read", project.map_or_else(|| "platform".to_owned(), ToString::to_string))
            }
            BulkRead::AuditFile(_) => {
                ("audit.export", project.map_or_else(|| "platform".to_owned(), ToString::to_string))
            }
        };
        let act = Act::done(action, resource).within(project);
        let act = match what {
            BulkRead::Audit(filter) | BulkRead::AuditFile(filter) if !filter.is_empty() => {
                act.with("filter", cut(&filter))
            }
            _ => act,
        };
        self.shared.acted(ctx, act).await;
    }

    /// Records that the caller transferred leadership to this member, which the replicated state does not
    /// record.
    pub async fn led(&self, ctx: &RequestContext, leader: MemberId) {
        self.shared.acted(ctx, Act::done("member.lead", leader)).await;
    }

    /// Records that the caller changed the log filter of a node.
    pub async fn logs(&self, ctx: &RequestContext, filter: &str) {
        self.shared.acted(ctx, Act::done("member.log", filter)).await;
    }
}
