//! The chain of the audit's records: each head covers the one before and the record.

use crate::ports::identity::{
    AuditLog, AuditOutcome, AuditRecord, ChainPage, ChainPlace, IdentityError, NewAuditRecord,
};
use domain::{AuditAnchor, Digest};
use serde::Serialize;

/// How many records a check reads at a time.
const VERIFIED_AT_ONCE: u32 = 1000;

/// The canonical form of a record: JSON with its members in this (alphabetical) order and no blanks.
#[derive(Serialize)]
struct Canonical<'a> {
    action: &'a str,
    actor: &'a str,
    address: &'a str,
    at: i64,
    detail: &'a str,
    number: u64,
    outcome: &'static str,
    project: Option<&'a str>,
    request_id: &'a str,
    resource: &'a str,
    revision: Option<(u64, u32)>,
    trace_id: &'a str,
    user_agent: &'a str,
}

impl AuditOutcome {
    /// The outcome as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }

    /// Reads an outcome as clients write it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Denied, Self::Failure].into_iter().find(|one| one.as_str() == text)
    }
}

/// The head after the record with this number.
pub fn next_head(before: Digest, number: u64, record: &NewAuditRecord) -> Digest {
    let canonical = Canonical {
        action: &record.action,
        actor: &record.actor,
        address: &record.address,
        at: record.at.0,
        detail: &record.detail,
        number,
        outcome: record.outcome.as_str(),
        project: record.project.as_deref(),
        request_id: &record.request_id,
        resource: &record.resource,
        revision: record.revision.map(|(revision, index)| (revision.0, index)),
        trace_id: &record.trace_id,
        user_agent: &record.user_agent,
    };
    let text = serde_json::to_vec(&canonical).expect("strings and integers always serialise");
    Digest::of(&[&[1], &before.0, &text])
}

/// What a check of the chain found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified {
    /// How many records were checked and are good.
    pub records: u64,
    /// The first record that does not follow the ones before it, or is missing.
    pub first_bad: Option<u64>,
    /// The last good record; the last forgotten one when there is none.
    pub last: ChainPlace,
}

/// Checks the chain from its oldest record to its end, while others may write and forget. What the replicated state
/// knows of it must be there: no more may be missing at the beginning, and nothing at the end.
pub async fn verify_audit(
    log: &dyn AuditLog,
    anchor: Option<&AuditAnchor>,
) -> Result<Verified, IdentityError> {
    let mut last = ChainPlace::default();
    let mut records = 0;
    loop {
        let page = log.chain(last.number + 1, VERIFIED_AT_ONCE).await?;
        if page.forgotten.number > last.number {
            last = page.forgotten;
            if let Some(missing) = anchor.and_then(|anchor| missing(anchor, last)) {
                return Ok(Verified { records, first_bad: Some(missing), last });
            }
        }
        for record in &page.records {
            let other = anchor
                .is_some_and(|anchor| record.number == anchor.end.number && record.head != anchor.end.head);
            if other || !follows(last, record) {
                return Ok(Verified { records, first_bad: Some(last.number + 1), last });
            }
            last = ChainPlace { number: record.number, head: record.head };
            records += 1;
        }
        if page.records.is_empty() {
            // What is missing at the end leaves no gap: only the kept end tells, or the anchor.
            let first_bad = match page.end {
                end if end.number < last.number => Some(end.number + 1),
                end if end.number == last.number && end.head != last.head => Some(end.number),
                end if end.number > last.number => Some(last.number + 1),
                end => anchor.filter(|anchor| end.number < anchor.end.number).map(|_| end.number + 1),
            };
            return Ok(Verified { records, first_bad, last });
        }
    }
}

/// The first record that is missing at the beginning although the anchor does not allow it, or that was another.
fn missing(anchor: &AuditAnchor, forgotten: ChainPlace) -> Option<u64> {
    if forgotten.number > anchor.cut.number {
        return Some(anchor.cut.number + 1);
    }
    (forgotten.number == anchor.cut.number && forgotten.head != anchor.cut.head).then_some(forgotten.number)
}

/// Whether the audit is still the one that was anchored, as far as its two ends tell.
pub(super) fn holds(anchor: &AuditAnchor, page: &ChainPage) -> bool {
    let (cut, end) = (missing(anchor, page.forgotten), page.end);
    cut.is_none() && (end == anchor.end || end.number > anchor.end.number)
}

pub(super) fn follows(last: ChainPlace, record: &AuditRecord) -> bool {
    record.number == last.number + 1 && record.head == next_head(last.head, record.number, &record.record)
}
