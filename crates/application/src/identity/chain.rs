//! The hash chain of audit records: each head covers the previous head and the record.

use crate::ports::identity::{
    AuditLog, AuditOutcome, AuditRecord, ChainPage, ChainPlace, IdentityError, NewAuditRecord,
};
use domain::{AuditAnchor, Digest};
use serde::Serialize;

/// Records that the verification reads at a time.
const VERIFIED_AT_ONCE: u32 = 1000;

/// The canonical form of a record: JSON without blanks, members in this (alphabetical) order.
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
    /// The outcome in its wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
        }
    }

    /// Parses the wire form; `None` if there is no such outcome.
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

/// The result of verifying the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The number of verified records.
    pub records: u64,
    /// The first record that is missing or does not match the chain; `None` if all do.
    pub first_bad: Option<u64>,
    /// The last verified record, or the last pruned one if none was verified.
    pub last: ChainPlace,
}

/// Verifies the chain from its oldest record to its end. Concurrent writes and pruning are allowed. With an
/// anchor, no records after its cut may be missing at the start, and none up to its end may be missing at the
/// end.
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
            // Records removed at the end leave no gap. Only the stored end or the anchor reveals them.
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

/// The first record that is missing at the start or differs, although the anchor says that it must exist.
fn missing(anchor: &AuditAnchor, forgotten: ChainPlace) -> Option<u64> {
    if forgotten.number > anchor.cut.number {
        return Some(anchor.cut.number + 1);
    }
    (forgotten.number == anchor.cut.number && forgotten.head != anchor.cut.head).then_some(forgotten.number)
}

/// Whether the start and the end of the log agree with the anchor.
pub(super) fn holds(anchor: &AuditAnchor, page: &ChainPage) -> bool {
    let (cut, end) = (missing(anchor, page.forgotten), page.end);
    cut.is_none() && (end == anchor.end || end.number > anchor.end.number)
}

pub(super) fn follows(last: ChainPlace, record: &AuditRecord) -> bool {
    record.number == last.number + 1 && record.head == next_head(last.head, record.number, &record.record)
}
