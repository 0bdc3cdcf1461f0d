//! The audit: what was done, by whom, with what end.

use super::Listed;
use super::shared::Shared;
use crate::ports::identity::{AuditCursor, AuditQuery, AuditRecord};
use crate::{Error, RequestContext};
use domain::ProjectName;
use std::sync::Arc;

/// Use cases on the audit.
#[derive(Clone, Debug)]
pub struct Audit {
    shared: Arc<Shared>,
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

/// What a check of the chain found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified {
    /// How many records were checked.
    pub records: u64,
    /// The first record that does not follow the ones before it.
    pub first_bad: Option<u64>,
    /// The head of the last good record.
    pub head: domain::Digest,
}

impl Audit {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Records that match, the newest first. Needs the right to all of it, or with a project in the query, to that.
    pub async fn search(
        &self,
        ctx: &RequestContext,
        query: AuditQuery,
        before: Option<AuditCursor>,
        size: u32,
    ) -> Result<Listed<AuditRecord, AuditCursor>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Checks the chain from its oldest record on.
    pub async fn verify(&self, ctx: &RequestContext) -> Result<Verified, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Writes the refusals that are waiting; says how many. To be called every second or so.
    pub async fn flush(&self) -> Result<u64, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Notes that a request was refused, to be written with the next [`Audit::flush`]; `actor` is `None` for
    /// somebody unknown. Never waits; what does not fit is counted.
    pub fn refused(&self, visitor: &super::Visitor, actor: Option<&domain::Actor>, refusal: Refusal) {
        let _ = (visitor, actor, refusal);
    }
}
