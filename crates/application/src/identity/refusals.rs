//! Folds equal refusals of requests into one audit record with a count, so that a client that is refused
//! repeatedly does not fill the audit log.
//!
//! The first refusal of a kind is recorded at once. Further ones are counted for a minute, or an hour for
//! anonymous requests, and recorded together at its end. The path is not part of the kind, because clients
//! can choose it freely.
//!
//! The audit records are one chain and are pruned in its order, so records of anonymous requests cannot be
//! pruned earlier than others. Instead they are few: at most 594 an hour on each node, whatever anonymous
//! clients do.

use crate::ports::identity::NewAuditRecord;
use domain::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How refusals are grouped.
#[derive(Clone, Copy, Debug)]
struct Fold {
    /// The time for which refusals of a kind are counted together, in milliseconds.
    ms: i64,
    /// Most kinds of one caller that are counted separately.
    kinds_max: usize,
    /// Most callers that are counted separately; all others are counted as one.
    callers_max: usize,
}

/// Refusals of principals.
const PRINCIPALS: Fold = Fold { ms: 60_000, kinds_max: 16, callers_max: 256 };
/// Refusals of anonymous requests, grouped by address.
const ANONYMOUS: Fold = Fold { ms: 60 * 60_000, kinds_max: 8, callers_max: 32 };
/// The name of the group for everything beyond the limits.
const ANY: &str = "*";

/// The kind of a refusal: operation, error code and project.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Kind {
    pub(super) operation: String,
    pub(super) code: String,
    pub(super) project: Option<String>,
}

/// The refusals of one kind since the first was recorded.
#[derive(Debug)]
struct Folded {
    /// The first refusal that was not recorded, as the record for all further ones; `None` if there is none
    /// yet.
    next: Option<NewAuditRecord>,
    since: Timestamp,
    count: u64,
}

/// The groups of refusals, by caller and kind.
#[derive(Debug)]
struct Groups {
    fold: Fold,
    callers: HashMap<String, HashMap<Kind, Folded>>,
}

impl Groups {
    fn new(fold: Fold) -> Mutex<Self> {
        Mutex::new(Self { fold, callers: HashMap::new() })
    }

    fn add(&mut self, caller: &str, kind: Kind, record: NewAuditRecord) -> Option<NewAuditRecord> {
        let room = self.callers.len() < self.fold.callers_max || self.callers.contains_key(caller);
        let kinds = self.callers.entry(if room { caller } else { ANY }.to_owned()).or_default();
        let apart = kinds.contains_key(&kind) || kinds.len() < self.fold.kinds_max;
        let any = || Kind { operation: ANY.to_owned(), code: ANY.to_owned(), project: None };
        let kind = if apart { kind } else { any() };
        if let Some(folded) = kinds.get_mut(&kind) {
            folded.count += 1;
            folded.next.get_or_insert(record);
            None
        } else {
            kinds.insert(kind, Folded { next: None, since: record.at, count: 0 });
            Some(record)
        }
    }

    fn take(&mut self, now: Option<Timestamp>, taken: &mut Vec<NewAuditRecord>) {
        let ms = self.fold.ms;
        let over = |folded: &Folded| now.is_none_or(|now| (now.0 - folded.since.0).abs() >= ms);
        self.callers.retain(|_, kinds| {
            kinds.retain(|_, folded| {
                let over = over(folded);
                if over && let Some(record) = folded.next.take() {
                    taken.push(counted(record, folded.count));
                }
                !over
            });
            !kinds.is_empty()
        });
    }
}

/// The refusals that are counted at present.
#[derive(Debug)]
pub(super) struct Refusals {
    principals: Mutex<Groups>,
    anonymous: Mutex<Groups>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { principals: Groups::new(PRINCIPALS), anonymous: Groups::new(ANONYMOUS) }
    }
}

impl Refusals {
    /// Counts a refusal of a principal, or of an anonymous request from the address of the record. Returns the
    /// record if it is the first of its kind, to be written now.
    pub(super) fn add(
        &self,
        principal: Option<&str>,
        kind: Kind,
        record: NewAuditRecord,
    ) -> Option<NewAuditRecord> {
        match principal {
            Some(principal) => lock(&self.principals).add(principal, kind, record),
            None => lock(&self.anonymous).add(&record.address.clone(), kind, record),
        }
    }

    /// Removes and returns the records of groups whose time is over, or of all with `None`.
    pub(super) fn take(&self, now: Option<Timestamp>) -> Vec<NewAuditRecord> {
        let mut taken = Vec::new();
        for groups in [&self.principals, &self.anonymous] {
            lock(groups).take(now, &mut taken);
        }
        taken
    }
}

fn lock(groups: &Mutex<Groups>) -> MutexGuard<'_, Groups> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds the number of refusals to a record.
fn counted(mut record: NewAuditRecord, count: u64) -> NewAuditRecord {
    if let Ok(Value::Object(mut detail)) = serde_json::from_str(&record.detail) {
        detail.insert("count".to_owned(), Value::String(count.to_string()));
        record.detail = Value::Object(detail).to_string();
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::identity::AuditOutcome;

    fn record(at: i64) -> NewAuditRecord {
        NewAuditRecord {
            at: Timestamp(at),
            actor: "anonymous".to_owned(),
            address: String::new(),
            user_agent: String::new(),
            action: "request.refused".to_owned(),
            resource: format!("/path/{at}"),
            project: None,
            outcome: AuditOutcome::Denied,
            request_id: String::new(),
            trace_id: String::new(),
            revision: None,
            detail: "{}".to_owned(),
        }
    }

    fn kind(operation: &str) -> Kind {
        Kind { operation: operation.to_owned(), code: "forbidden".to_owned(), project: None }
    }

    /// 50,000 refusals with different paths give two records a minute.
    #[test]
    fn equal_refusals_are_counted() {
        let refusals = Refusals::default();
        let at_once = (0..50_000).filter_map(|n| refusals.add(Some("k"), kind("get"), record(n))).count();
        assert_eq!(at_once, 1);
        assert!(refusals.take(Some(Timestamp(PRINCIPALS.ms - 1))).is_empty());
        let folded = refusals.take(Some(Timestamp(PRINCIPALS.ms)));
        assert_eq!(folded.len(), 1);
        assert_eq!(
            (folded[0].detail.as_str(), folded[0].resource.as_str()),
            (r#"{"count":"49999"}"#, "/path/1")
        );
        assert!(
            refusals.add(Some("k"), kind("get"), record(1)).is_some(),
            "the next one is recorded at once again"
        );
        assert!(refusals.take(None).is_empty(), "one alone is told once");
    }

    #[test]
    fn many_kinds_and_many_callers_are_bounded() {
        let refusals = Refusals::default();
        let mut at_once = 0;
        for n in 0..1000 {
            at_once += refusals.add(Some("k"), kind(&n.to_string()), record(0)).iter().count();
        }
        assert_eq!(at_once, PRINCIPALS.kinds_max + 1);
        for n in 0..10_000 {
            at_once += refusals.add(Some(&format!("c{n}")), kind("get"), record(0)).iter().count();
        }
        assert_eq!(at_once, PRINCIPALS.kinds_max + 1 + PRINCIPALS.callers_max);
        let counted = |record: &NewAuditRecord| -> u64 {
            let detail: Value = serde_json::from_str(&record.detail).expect("JSON");
            detail["count"].as_str().and_then(|count| count.parse().ok()).expect("a count")
        };
        let told: u64 = refusals.take(None).iter().map(counted).sum();
        assert_eq!(told + at_once as u64, 11_000, "nothing is lost");
    }

    /// Whatever anonymous clients do for a day, they cause at most 594 records an hour and never suppress
    /// those of principals.
    #[test]
    fn anonymous_callers_are_recorded_rarely() {
        let refusals = Refusals::default();
        let mut written = 0;
        for minute in 0..24 * 60_i64 {
            let now = minute * 60_000;
            for address in 0..100 {
                for operation in 0..10 {
                    let address = format!("{address}-{}", minute / 7);
                    let record = NewAuditRecord { address, ..record(now) };
                    let first = refusals.add(None, kind(&operation.to_string()), record);
                    written += usize::from(first.is_some());
                }
            }
            written += refusals.take(Some(Timestamp(now))).len();
        }
        assert!(written <= 24 * 594, "{written} records in a day");
        assert!(written > 24 * 250, "{written}: callers are counted separately as far as that allows");
        assert!(refusals.add(Some("k"), kind("get"), record(0)).is_some());
    }
}
