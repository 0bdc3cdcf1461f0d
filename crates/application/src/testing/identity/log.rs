//! The throttle and the audit.

use super::MemoryPeople;
use super::tables::Tables;
use crate::identity::next_head;
use crate::ports::identity::{
    Attempt, AuditCursor, AuditLog, AuditQuery, AuditRecord, ChainPage, ChainPlace, IdentityError,
    NewAuditRecord, Projected, Throttle, ThrottleRule,
};
use async_trait::async_trait;
use domain::{Revision, Timestamp};

/// How long to wait after these failures, in milliseconds; 0 for not at all.
fn wait(failures: &[Timestamp], rule: ThrottleRule, at: Timestamp) -> i64 {
    let counted: Vec<&Timestamp> = failures.iter().filter(|one| at.0 - one.0 < rule.window_ms).collect();
    let Some(over) = counted.len().checked_sub(rule.free as usize + 1) else { return 0 };
    let doubled = 1_i64.checked_shl(u32::try_from(over).unwrap_or(u32::MAX)).filter(|factor| *factor > 0);
    let delay = doubled.map_or(rule.delay_max_ms, |factor| rule.delay_ms.saturating_mul(factor));
    let last = counted.last().map_or(0, |last| last.0);
    (last + delay.min(rule.delay_max_ms) - at.0).max(0)
}

#[async_trait]
impl Throttle for MemoryPeople {
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError> {
        self.change(|tables| {
            let waits = attempt.keys.iter().map(|(key, rule)| {
                tables.failures.get(key).map_or(0, |failures| wait(failures, *rule, attempt.at))
            });
            if let Some(wait) = waits.max().filter(|wait| *wait > 0) {
                return Ok(Some(wait));
            }
            for (key, rule) in &attempt.keys {
                let failures = tables.failures.entry(key.clone()).or_default();
                failures.retain(|one| attempt.at.0 - one.0 < rule.window_ms);
                failures.push(attempt.at);
            }
            Ok(None)
        })
    }

    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.change(|tables| {
            for (place, (key, _)) in attempt.keys.iter().enumerate() {
                let Some(failures) = tables.failures.get_mut(key) else { continue };
                if place == 0 {
                    failures.clear();
                } else if let Some(this) = failures.iter().position(|one| *one == attempt.at) {
                    failures.remove(this);
                }
            }
            tables.failures.retain(|_, failures| !failures.is_empty());
            Ok(())
        })
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let old = tables.failures.iter().filter(|(_, times)| times.iter().all(|one| *one < before));
            let old: Vec<String> = old.take(limit as usize).map(|(key, _)| key.clone()).collect();
            tables.failures.retain(|key, _| !old.contains(key));
            Ok(old.len() as u64)
        })
    }
}

impl Tables {
    fn append(&mut self, records: &[NewAuditRecord]) {
        for record in records {
            let number = self.end.number + 1;
            let head = next_head(self.end.head, number, record);
            self.audit.push(AuditRecord { number, record: record.clone(), head });
            self.end = ChainPlace { number, head };
        }
    }
}

/// Whether a text is what is looked for; a `*` at the end stands for anything.
fn matches(wanted: Option<&String>, text: &str) -> bool {
    wanted.is_none_or(|wanted| match wanted.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == wanted,
    })
}

fn found(query: &AuditQuery, record: &NewAuditRecord) -> bool {
    query.actor.as_ref().is_none_or(|actor| *actor == record.actor)
        && matches(query.action.as_ref(), &record.action)
        && matches(query.resource.as_ref(), &record.resource)
        && query.project.as_ref().is_none_or(|project| Some(project) == record.project.as_ref())
        && query.outcome.is_none_or(|outcome| outcome == record.outcome)
        && query.from.is_none_or(|from| record.at >= from)
        && query.until.is_none_or(|until| record.at < until)
}

#[async_trait]
impl AuditLog for MemoryPeople {
    async fn append(&self, records: &[NewAuditRecord]) -> Result<(), IdentityError> {
        self.audit_is_there()?;
        self.change(|tables| {
            tables.append(records);
            Ok(())
        })
    }

    async fn project(
        &self,
        from: Revision,
        through: Revision,
        records: &[NewAuditRecord],
    ) -> Result<bool, IdentityError> {
        self.change(|tables| {
            let first = tables.projected.revision == from;
            if first {
                tables.append(records);
                tables.projected = Projected { revision: through };
            }
            Ok(first)
        })
    }

    async fn projected(&self) -> Result<Projected, IdentityError> {
        self.read(|tables| tables.projected)
    }

    async fn search(
        &self,
        query: &AuditQuery,
        before: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, IdentityError> {
        self.read(|tables| {
            let older =
                tables.audit.iter().rev().filter(|one| before.is_none_or(|before| one.number < before));
            older.filter(|one| found(query, &one.record)).take(limit as usize).cloned().collect()
        })
    }

    async fn chain(&self, from: u64, limit: u32) -> Result<ChainPage, IdentityError> {
        self.read(|tables| {
            let rest = tables.audit.iter().filter(|one| one.number >= from);
            let records = rest.take(limit as usize).cloned().collect();
            ChainPage { forgotten: tables.forgotten, end: tables.end, records }
        })
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let old = tables.audit.iter().take_while(|one| one.record.at < before);
            let count = old.take(limit as usize).count();
            if let Some(last) = count.checked_sub(1).map(|last| &tables.audit[last]) {
                tables.forgotten = ChainPlace { number: last.number, head: last.head };
            }
            tables.audit.drain(..count);
            Ok(count as u64)
        })
    }
}
