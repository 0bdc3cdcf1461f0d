//! The audit: what was done, by whom, with what end.
//!
//! Changes of the replicated state come from its own audit chain, once each; sign-ins and the like are written
//! where they happen. All records make one chain in the order in which they were written here.

use super::IdentityError;
use async_trait::async_trait;
use domain::{AuditPlace, Digest, Revision, Timestamp};

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was refused for want of rights.
    Denied,
    /// It failed: a wrong password, a used token.
    Failure,
}

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewAuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who: `user:<id>`, `api-key:<id>`, `system`, `anonymous`.
    pub actor: String,
    /// From where, by the trusted proxies' word; may be empty.
    pub address: String,
    /// With what program, at most 256 bytes; may be empty.
    pub user_agent: String,
    /// What: `auth.login`, `config.put`, `role.bind`, …
    pub action: String,
    /// On what.
    pub resource: String,
    /// The project that it concerns.
    pub project: Option<String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The request.
    pub request_id: String,
    /// The trace; may be empty.
    pub trace_id: String,
    /// The revision that it made, and its place among the changes of that.
    pub revision: Option<(Revision, u32)>,
    /// Anything more, as a JSON object; never a secret, never a document.
    pub detail: String,
}

/// A record in its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditRecord {
    /// Its place, from 1; no place is left out.
    pub number: u64,
    /// What happened.
    pub record: NewAuditRecord,
    /// SHA-256 over the chain before and this record.
    pub head: Digest,
}

/// A place in the chain; the default is the one before the first record.
pub type ChainPlace = AuditPlace;

/// Records in their order, and where the whole chain begins and ends, all of one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainPage {
    /// The last record that was forgotten.
    pub forgotten: ChainPlace,
    /// The last record that was written.
    pub end: ChainPlace,
    /// The records.
    pub records: Vec<AuditRecord>,
}

/// What to look for; `None` is anything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditQuery {
    /// By whom.
    pub actor: Option<String>,
    /// What; with a `*` at the end, everything that begins so.
    pub action: Option<String>,
    /// On what; with a `*` at the end, everything that begins so.
    pub resource: Option<String>,
    /// In which project.
    pub project: Option<String>,
    /// How it ended.
    pub outcome: Option<AuditOutcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Where a page begins: before this number, because the newest come first.
pub type AuditCursor = u64;

/// How far the replicated audit chain is written here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Projected {
    /// The last revision of which every change is here.
    pub revision: Revision,
}

/// Keeps the audit.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes records, in order, in one transaction.
    async fn append(&self, records: &[NewAuditRecord]) -> Result<(), IdentityError>;

    /// Writes the records of the revisions after `from` through `through`, unless somebody else was first: then
    /// nothing is written and the answer is false. In one transaction.
    async fn project(
        &self,
        from: Revision,
        through: Revision,
        records: &[NewAuditRecord],
    ) -> Result<bool, IdentityError>;

    /// How far the replicated chain is written.
    async fn projected(&self) -> Result<Projected, IdentityError>;

    /// Records that match, the newest first, before `before`, at most `limit`.
    async fn search(
        &self,
        query: &AuditQuery,
        before: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, IdentityError>;

    /// Records in their order from the number `from` on, at most `limit`: what a check of the chain reads.
    async fn chain(&self, from: u64, limit: u32) -> Result<ChainPage, IdentityError>;

    /// Forgets the oldest records through this place; its head stays, so that the rest can still be checked. Says
    /// how many; none when there is no such record.
    async fn prune(&self, through: ChainPlace) -> Result<u64, IdentityError>;
}
