//! Refused requests, equal ones folded into one record with a count: a client that is refused again and again must
//! not fill the audit.
//!
//! The first refusal of a kind is recorded at once. Those of the same kind that follow within a minute, or within an
//! hour for anonymous callers, are only counted, and become one more record when it is over. The path is not part of
//! the kind, because a client may choose it.
//!
//! The records of the audit are one chain and are deleted in its order, so records of anonymous callers cannot be
//! deleted earlier than others. Instead there are few: at most 594 an hour of each node, whatever anonymous callers
//! do.

use crate::ports::identity::NewAuditRecord;
use domain::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::mem::discriminant;
use std::sync::{Mutex, PoisonError};

/// How finely refusals are told apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold {
    /// How long refusals of a kind are counted together, in milliseconds.
    pub(super) ms: i64,
    /// Most kinds of one caller that are told apart at a time.
    pub(super) kinds_max: usize,
    /// Most callers that are told apart at a time; all further ones are counted as one.
    pub(super) callers_max: usize,
}

/// Refusals of principals.
pub(super) const KNOWN: Fold = Fold { ms: 60_000, kinds_max: 16, callers_max: 256 };
/// Refusals of anonymous callers, who are told apart by their address.
pub(super) const ANONYMOUS: Fold = Fold { ms: 60 * 60_000, kinds_max: 8, callers_max: 32 };
/// Stands for what is not told apart any more.
const ANY: &str = "*";

/// Who is refused.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Refused {
    /// A principal.
    Known(String),
    /// A caller without a valid credential, by address.
    Anonymous(String),
}

impl Refused {
    fn fold(&self) -> Fold {
        match self {
            Self::Known(_) => KNOWN,
            Self::Anonymous(_) => ANONYMOUS,
        }
    }

    /// Stands for all callers of its sort that are not told apart.
    fn any(&self) -> Self {
        match self {
            Self::Known(_) => Self::Known(ANY.to_owned()),
            Self::Anonymous(_) => Self::Anonymous(ANY.to_owned()),
        }
    }
}

/// What is refused: the operation, the code of the answer and the project.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Kind {
    pub(super) operation: String,
    pub(super) code: String,
    pub(super) project: Option<String>,
}

/// Refusals of one kind since the first of them was recorded.
#[derive(Debug)]
struct Folded {
    /// The first of them that was not recorded, for the record of all; `None` while there is none.
    next: Option<NewAuditRecord>,
    since: Timestamp,
    count: u64,
}

type Callers = HashMap<Refused, HashMap<Kind, Folded>>;

#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Callers>);

impl Refusals {
    /// Counts a refusal; gives the record back when it is the first of its kind, to be written now.
    pub(super) fn add(&self, caller: Refused, kind: Kind, record: NewAuditRecord) -> Option<NewAuditRecord> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fold, any) = (caller.fold(), caller.any());
        let same = |other: &&Refused| discriminant(*other) == discriminant(&caller) && **other != any;
        let room = callers.contains_key(&caller) || callers.keys().filter(same).count() < fold.callers_max;
        let kinds = callers.entry(if room { caller } else { any }).or_default();
        let apart = kinds.contains_key(&kind) || kinds.len() < fold.kinds_max;
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

    /// Takes the records of what was counted for long enough, or all with `None`.
    pub(super) fn take(&self, now: Option<Timestamp>) -> Vec<NewAuditRecord> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        callers.retain(|caller, kinds| {
            let ms = caller.fold().ms;
            let over = |folded: &Folded| now.is_none_or(|now| (now.0 - folded.since.0).abs() >= ms);
            kinds.retain(|_, folded| {
                let over = over(folded);
                if over && let Some(record) = folded.next.take() {
                    taken.push(counted(record, folded.count));
                }
                !over
            });
            !kinds.is_empty()
        });
        taken
    }
}

/// The record with the number of refusals that it stands for.
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

    fn known(name: &str) -> Refused {
        Refused::Known(name.to_owned())
    }

    fn kind(operation: &str) -> Kind {
        Kind { operation: operation.to_owned(), code: "forbidden".to_owned(), project: None }
    }

    /// 50,000 refusals, of ever other paths: two records a minute.
    #[test]
    fn equal_refusals_are_counted() {
        let refusals = Refusals::default();
        let at_once = (0..50_000).filter_map(|n| refusals.add(known("k"), kind("get"), record(n))).count();
        assert_eq!(at_once, 1);
        assert!(refusals.take(Some(Timestamp(KNOWN.ms - 1))).is_empty());
        let folded = refusals.take(Some(Timestamp(KNOWN.ms)));
        assert_eq!(folded.len(), 1);
        assert_eq!(
            (folded[0].detail.as_str(), folded[0].resource.as_str()),
            (r#"{"count":"49999"}"#, "/path/1")
        );
        assert!(
            refusals.add(known("k"), kind("get"), record(1)).is_some(),
            "the next one is recorded at once again"
        );
        assert!(refusals.take(None).is_empty(), "one alone is told once");
    }

    #[test]
    fn many_kinds_and_many_callers_are_bounded() {
        let refusals = Refusals::default();
        let mut at_once = 0;
        for n in 0..1000 {
            at_once += refusals.add(known("k"), kind(&n.to_string()), record(0)).iter().count();
        }
        assert_eq!(at_once, KNOWN.kinds_max + 1);
        for n in 0..10_000 {
            at_once += refusals.add(known(&format!("c{n}")), kind("get"), record(0)).iter().count();
        }
        assert_eq!(at_once, KNOWN.kinds_max + 1 + KNOWN.callers_max);
        let counted = |record: &NewAuditRecord| -> u64 {
            let detail: Value = serde_json::from_str(&record.detail).expect("JSON");
            detail["count"].as_str().and_then(|count| count.parse().ok()).expect("a count")
        };
        let told: u64 = refusals.take(None).iter().map(counted).sum();
        assert_eq!(told + at_once as u64, 11_000, "nothing is lost");
    }

    /// Whatever anonymous callers do for a day: at most 594 records an hour, and those of principals go on.
    #[test]
    fn anonymous_callers_are_recorded_rarely() {
        let refusals = Refusals::default();
        let mut written = 0;
        for minute in 0..24 * 60_i64 {
            let now = minute * 60_000;
            for address in 0..100 {
                for operation in 0..10 {
                    let caller = Refused::Anonymous(format!("{address}-{}", minute / 7));
                    let first = refusals.add(caller, kind(&operation.to_string()), record(now));
                    written += usize::from(first.is_some());
                }
            }
            written += refusals.take(Some(Timestamp(now))).len();
        }
        assert!(written <= 24 * 594, "{written} records in a day");
        assert!(written > 24 * 250, "{written}: they are told apart as far as that allows");
        assert!(refusals.add(known("k"), kind("get"), record(0)).is_some());
    }
}
