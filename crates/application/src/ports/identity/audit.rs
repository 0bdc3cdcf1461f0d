//! The audit log: who did what, and with what outcome.
//!
//! Changes of the replicated state are copied from its audit chain, exactly once each. Sign-ins and other
//! changes of users are recorded where they happen. All records form one hash chain in the order of their
//! insertion.

use super::IdentityError;
use async_trait::async_trait;
use domain::{AuditPlace, Digest, Revision, Timestamp};

/// The outcome of an audited action.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AuditOutcome {
    /// The action was done.
    Success,
    /// The action was refused for lack of permission.
    Denied,
    /// The action failed, such as by a wrong password or a used token.
    Failure,
}

/// An audit record before it has a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewAuditRecord {
    /// The time of the action.
    pub at: Timestamp,
    /// The actor: `user:<id>`, `api-key:<id>`, `system` or `anonymous`.
    pub actor: String,
    /// The client's address, as reported by the trusted proxies; may be empty.
    pub address: String,
    /// The user agent, at most 256 bytes; may be empty.
    pub user_agent: String,
    /// The action, such as `auth.login`, `config.put` or `role.bind`.
    pub action: String,
    /// The resource that the action concerned.
    pub resource: String,
    /// The project that the action concerned, if any.
    pub project: Option<String>,
    /// The outcome.
    pub outcome: AuditOutcome,
    /// The id of the request.
    pub request_id: String,
    /// The id of the trace; may be empty.
    pub trace_id: String,
    /// The revision of the change and its index within the revision; `None` for actions outside of the
    /// replicated state.
    pub revision: Option<(Revision, u32)>,
    /// Further details as a JSON object. Never contains secrets or documents.
    pub detail: String,
}

/// An audit record in the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditRecord {
    /// The number in the chain, from 1 without gaps.
    pub number: u64,
    /// The content.
    pub record: NewAuditRecord,
    /// SHA-256 over the previous head and this record.
    pub head: Digest,
}

/// A position in the chain; the default is before the first record.
pub type ChainPlace = AuditPlace;

/// A page of the chain, with the start and the end of the whole chain in the same database snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainPage {
    /// The last pruned record.
    pub forgotten: ChainPlace,
    /// The last record.
    pub end: ChainPlace,
    /// The records, in order.
    pub records: Vec<AuditRecord>,
}

/// A filter on audit records; `None` matches everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditQuery {
    /// The actor.
    pub actor: Option<String>,
    /// The action; a trailing `*` matches any suffix.
    pub action: Option<String>,
    /// The resource; a trailing `*` matches any suffix.
    pub resource: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The outcome.
    pub outcome: Option<AuditOutcome>,
    /// The earliest time, inclusive.
    pub from: Option<Timestamp>,
    /// The latest time, exclusive.
    pub until: Option<Timestamp>,
}

/// The start of a page: only records with lower numbers, because the newest come first.
pub type AuditCursor = u64;

/// The progress of copying the replicated audit chain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Projected {
    /// The last revision that was copied completely.
    pub revision: Revision,
}

/// Stores the audit log.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends records in order, in one transaction.
    async fn append(&self, records: &[NewAuditRecord]) -> Result<(), IdentityError>;

    /// Appends the records of the revisions after `from` up to `through`, in one transaction. Appends nothing
    /// and returns false if another node already copied them.
    async fn project(
        &self,
        from: Revision,
        through: Revision,
        records: &[NewAuditRecord],
    ) -> Result<bool, IdentityError>;

    /// The progress of copying the replicated chain.
    async fn projected(&self) -> Result<Projected, IdentityError>;

    /// The records that match the query and have numbers below `before`, the newest first, at most `limit`.
    async fn search(
        &self,
        query: &AuditQuery,
        before: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, IdentityError>;

    /// The records from the number `from` on, in order, at most `limit`. For verification of the chain.
    async fn chain(&self, from: u64, limit: u32) -> Result<ChainPage, IdentityError>;

    /// Removes the oldest records up to `through` and stores its head, so that the rest can still be
    /// verified. Returns the number of removed records; 0 if the record does not exist.
    async fn prune(&self, through: ChainPlace) -> Result<u64, IdentityError>;
}
