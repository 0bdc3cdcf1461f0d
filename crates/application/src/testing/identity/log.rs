//! The throttle and the audit log.

use super::MemoryPeople;
use super::tables::{Failure, Tables};
use crate::identity::next_head;
use crate::ports::identity::{
    Attempt, AuditCursor, AuditLog, AuditQuery, AuditRecord, ChainPage, ChainPlace, IdentityError, KeyUses,
    NewAuditRecord, PENDING_MS_MAX, Projected, Throttle, ThrottleRule,
};
use async_trait::async_trait;
use domain::{ApiKeyId, KeyRef, ProjectName, Revision, Timestamp};
use std::future::poll_fn;
use std::task::Poll;

/// How often the fake polls for pending attempts before it gives up.
const LOOKS: u32 = 1000;

/// The delay after these failures, in milliseconds; 0 for none.
fn wait(failures: &[Failure], rule: ThrottleRule, at: Timestamp, with_pending: bool) -> i64 {
    let counts = |one: &&Failure| with_pending || !one.pending || at.0 - one.at.0 >= PENDING_MS_MAX;
    let counted: Vec<&Failure> =
        failures.iter().filter(|one| at.0 - one.at.0 < rule.window_ms).filter(counts).collect();
    let Some(over) = counted.len().checked_sub(rule.free as usize + 1) else { return 0 };
    let doubled = 1_i64.checked_shl(u32::try_from(over).unwrap_or(u32::MAX)).filter(|factor| *factor > 0);
    let delay = doubled.map_or(rule.delay_max_ms, |factor| rule.delay_ms.saturating_mul(factor));
    let last = counted.iter().map(|one| one.at.0).max().unwrap_or_default();
    (last + delay.min(rule.delay_max_ms) - at.0).max(0)
}

/// Yields to other futures of the task.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Tables {
    fn end(&mut self, attempt: &Attempt, forgotten: Option<&str>, failed: bool) {
        for (key, _) in &attempt.keys {
            let failures = self.failures.entry(key.clone()).or_default();
            if Some(key.as_str()) == forgotten {
                failures.clear();
                continue;
            }
            let this = Failure { at: attempt.at, pending: true };
            if let Some(place) = failures.iter().position(|one| *one == this) {
                failures.remove(place);
            }
            if failed {
                failures.push(Failure { pending: false, ..this });
            }
        }
        self.failures.retain(|_, failures| !failures.is_empty());
    }
}

#[async_trait]
impl KeyUses for MemoryPeople {
    async fn save(&self, uses: &[(KeyRef, Timestamp)]) -> Result<(), IdentityError> {
        self.change(|tables| {
            for (key, at) in uses {
                tables.key_uses.entry(key.clone()).and_modify(|last| *last = (*last).max(*at)).or_insert(*at);
            }
            Ok(())
        })
    }

    async fn last(
        &self,
        project: Option<&ProjectName>,
        first: &ApiKeyId,
        last: &ApiKeyId,
    ) -> Result<Vec<(ApiKeyId, Timestamp)>, IdentityError> {
        self.change(|tables| {
            let uses = tables.key_uses.iter().filter(|(key, _)| key.project.as_ref() == project);
            let found = uses.filter(|(key, _)| *first <= key.id && key.id <= *last);
            Ok(found.map(|(key, at)| (key.id.clone(), *at)).collect())
        })
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let old = tables.key_uses.iter().filter(|(_, at)| **at < before).take(limit as usize);
            let old: Vec<KeyRef> = old.map(|(key, _)| key.clone()).collect();
            tables.key_uses.retain(|key, _| !old.contains(key));
            Ok(old.len() as u64)
        })
    }
}

#[async_trait]
impl Throttle for MemoryPeople {
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError> {
        let mut looks = 0;
        loop {
            let (refused, waits) = self.change(|tables| {
                let longest = |with_pending| {
                    let waits = attempt.keys.iter().map(|(key, rule)| {
                        let failures = tables.failures.get(key);
                        failures.map_or(0, |failures| wait(failures, *rule, attempt.at, with_pending))
                    });
                    waits.max().unwrap_or_default()
                };
                let (refused, waits) = (longest(false), longest(true));
                if waits == 0 {
                    for (key, rule) in &attempt.keys {
                        let failures = tables.failures.entry(key.clone()).or_default();
                        failures.retain(|one| attempt.at.0 - one.at.0 < rule.window_ms);
                        failures.push(Failure { at: attempt.at, pending: attempt.pending });
                    }
                }
                Ok((refused, waits))
            })?;
            if waits == 0 {
                return Ok(None);
            }
            looks += 1;
            if refused > 0 || looks > LOOKS {
                return Ok(Some(refused.max(waits)));
            }
            yield_now().await;
        }
    }

    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.end(attempt, attempt.keys.first().map(|(key, _)| key.as_str()), false);
            Ok(())
        })
    }

    async fn fail(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.end(attempt, None, true);
            Ok(())
        })
    }

    async fn withdraw(&self, attempt: &Attempt) -> Result<(), IdentityError> {
        self.change(|tables| {
            tables.end(attempt, None, false);
            Ok(())
        })
    }

    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let old = tables.failures.iter().filter(|(_, all)| all.iter().all(|one| one.at < before));
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

/// Whether a text matches a filter; a trailing `*` matches any suffix.
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

    async fn prune(&self, through: ChainPlace) -> Result<u64, IdentityError> {
        self.change(|tables| {
            let place = |one: &AuditRecord| ChainPlace { number: one.number, head: one.head };
            let Some(last) = tables.audit.iter().position(|one| place(one) == through) else { return Ok(0) };
            tables.forgotten = through;
            tables.audit.drain(..=last);
            Ok(last as u64 + 1)
        })
    }
}
