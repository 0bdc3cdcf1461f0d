//! The audit: what was done, by whom, with what end.

use super::chain::{Verified, verify_audit};
use super::record::{Act, cut};
use super::refusals::{Kind, Refused};
use super::shared::Shared;
use super::{Listed, Visitor};
use crate::ports::Freshness;
use crate::ports::identity::{AuditCursor, AuditOutcome, AuditQuery, AuditRecord, Observation};
use crate::{Error, RequestContext};
use domain::{Actor, AuditAnchor, EnvironmentId, MemberId, Permission, ProjectName, Resource};
use std::sync::Arc;

/// How many refusals are written at a time.
const FLUSHED_AT_ONCE: usize = 500;

/// Use cases on the audit.
#[derive(Clone, Debug)]
pub struct Audit {
    shared: Arc<Shared>,
}

/// What somebody was given much of at once.
#[derive(Clone, Debug)]
pub enum BulkRead {
    /// An export of a project.
    Project(ProjectName),
    /// An export of an environment.
    Environment(EnvironmentId),
    /// Records of the audit, found by the filter of the request.
    Audit(String),
    /// A file of the audit, found by the filter of the request.
    AuditFile(String),
}

/// A request that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What was tried: the operation's id in the contract.
    pub operation: String,
    /// On what: the path.
    pub resource: String,
    /// The project that it concerns.
    pub project: Option<ProjectName>,
    /// The code of the answer: `forbidden`, `unauthenticated`, …
    pub code: String,
}

impl Audit {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Records that match, the newest first. Needs the right to all of it, or with a project in the query, to that.
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
                // An earlier project of the same name was another's.
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

    /// Checks the chain from its oldest record to its end. Needs the right to all of it.
    pub async fn verify(&self, ctx: &RequestContext) -> Result<Verified, Error> {
        let asker = self.shared.allowed(ctx, Permission::AuditRead, Resource::Platform).await?;
        let mut anchor = asker.view.state.header().audit_anchor;
        loop {
            let found = verify_audit(self.shared.ports.audit.as_ref(), anchor.as_ref()).await?;
            let newer = self.anchor().await?;
            // Records may have been forgotten meanwhile, under a newer anchor.
            if found.first_bad.is_none() || newer == anchor {
                return Ok(found);
            }
            anchor = newer;
        }
    }

    /// The same as this node knows it, without asking anybody.
    pub async fn anchor_here(&self) -> Result<Option<AuditAnchor>, Error> {
        Ok(self.shared.core.state.view(Freshness::STALE).await?.state.header().audit_anchor)
    }

    /// What the replicated state knows of the audit.
    pub async fn anchor(&self) -> Result<Option<AuditAnchor>, Error> {
        Ok(self.shared.view().await?.0.state.header().audit_anchor)
    }

    /// Writes the refusals that are waiting; says how many. To be called every second or so.
    pub async fn flush(&self) -> Result<u64, Error> {
        for record in self.shared.refusals.take(Some(self.shared.now())) {
            self.shared.enqueue(record);
        }
        self.write_waiting().await
    }

    /// Writes all that is waiting, also the refusals that are still being counted: before a node stops.
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

    /// Notes that a request was refused, to be written with the next [`Audit::flush`]; `actor` is `None` for
    /// somebody unknown. Equal ones are folded into one record with a count. Never waits; what does not fit is
    /// counted.
    pub fn refused(&self, visitor: &Visitor, actor: Option<&Actor>, refusal: Refusal) {
        let caller = match actor {
            Some(actor) => Refused::Known(actor.to_string()),
            None => Refused::Anonymous(visitor.origin.address.clone()),
        };
        let actor = actor.map_or_else(|| "anonymous".to_owned(), ToString::to_string);
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
        if let Some(first) = self.shared.refusals.add(caller, kind, record) {
            self.shared.enqueue(first);
        }
    }

    /// Writes down that the asker was given much at once: an export, or records of the audit.
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

    /// Writes down that the asker had this member lead: nothing in the replicated state says so.
    pub async fn led(&self, ctx: &RequestContext, leader: MemberId) {
        self.shared.acted(ctx, Act::done("member.lead", leader)).await;
    }

    /// Writes down that the asker changed what a node logs.
    pub async fn logs(&self, ctx: &RequestContext, filter: &str) {
        self.shared.acted(ctx, Act::done("member.log", filter)).await;
    }
}
