//! The chain of the audit's records: each head covers the one before and the record.

use crate::ports::identity::{AuditOutcome, AuditRecord, NewAuditRecord};
use domain::Digest;
use serde::Serialize;

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

/// The first record that does not follow the ones before it, if any; `before` is the head before the first and
/// `from` its number.
pub fn verify_chain(before: Digest, from: u64, records: &[AuditRecord]) -> Result<Digest, u64> {
    let mut head = before;
    for (number, record) in (from..).zip(records) {
        head = next_head(head, number, &record.record);
        if record.number != number || record.head != head {
            return Err(number);
        }
    }
    Ok(head)
}
