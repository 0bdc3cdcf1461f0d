//! Pruning of expired records.

use super::KEY_USES_KEPT_DAYS;
use super::chain::{follows, holds};
use super::rights::millis;
use super::shared::Shared;
use super::throttle::WINDOW_LONGEST_MS;
use crate::ports::identity::ChainPlace;
use crate::{Error, RequestContext};
use domain::{Actor, AuditAnchor, Command, Timestamp};
use std::sync::Arc;

/// How long expired sessions are stored, in milliseconds.
const ENDED_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// How long the last use of an API key is stored, in milliseconds.
const KEY_USES_KEPT_MS: i64 = KEY_USES_KEPT_DAYS * 24 * 60 * 60 * 1000;
/// Most records of a kind that are pruned in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 5000;
/// Longest time for pruning one kind before the next, in milliseconds.
const BUDGET_MS: i64 = 2000;
/// The interval of anchoring the audit log in the replicated state and of pruning it, in milliseconds.
const ANCHOR_EVERY_MS: i64 = 60 * 60 * 1000;

/// The audit log does not agree with its anchor, so none of it is pruned.
#[derive(Debug, thiserror::Error)]
#[error("the audit does not agree with what the cluster knows of it; see 'guardian audit verify'")]
struct Tampered;

/// Prunes expired records.
#[derive(Clone, Debug)]
pub struct Upkeep {
    shared: Arc<Shared>,
}

/// The numbers of pruned records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tidied {
    /// Sessions.
    pub sessions: u64,
    /// Counters of failed attempts.
    pub attempts: u64,
    /// Last uses of API keys.
    pub key_uses: u64,
    /// Audit records.
    pub records: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sessions,
    Attempts,
    KeyUses,
}

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Prunes expired sessions, counters of attempts, uses of API keys and audit records, in batches, until
    /// none are left or the time for a kind is over. Must be called about every minute.
    pub async fn tidy(&self) -> Result<Tidied, Error> {
        Ok(Tidied {
            sessions: self.forget(Kind::Sessions).await?,
            attempts: self.forget(Kind::Attempts).await?,
            key_uses: self.forget(Kind::KeyUses).await?,
            records: self.forget_records().await?,
        })
    }

    async fn forget(&self, kind: Kind) -> Result<u64, Error> {
        let until = Timestamp(self.shared.now().0 + BUDGET_MS);
        let mut forgotten = 0;
        loop {
            let batch = self.batch(kind).await?;
            forgotten += batch;
            if batch < u64::from(FORGOTTEN_AT_ONCE) || self.shared.now() >= until {
                return Ok(forgotten);
            }
        }
    }

    async fn batch(&self, kind: Kind) -> Result<u64, Error> {
        let (ports, now) = (&self.shared.ports, self.shared.now());
        let before = |kept_ms: i64| Timestamp(now.0 - kept_ms);
        Ok(match kind {
            Kind::Sessions => ports.sessions.prune(before(ENDED_KEPT_MS), FORGOTTEN_AT_ONCE).await?,
            Kind::Attempts => ports.throttle.prune(before(WINDOW_LONGEST_MS), FORGOTTEN_AT_ONCE).await?,
            Kind::KeyUses => ports.key_uses.prune(before(KEY_USES_KEPT_MS), FORGOTTEN_AT_ONCE).await?,
        })
    }

    /// Anchors the audit log in the replicated state, and prunes expired records. Never prunes records that
    /// the anchor does not cover, nor any if the chain is altered.
    async fn forget_records(&self) -> Result<u64, Error> {
        let shared = &*self.shared;
        let before = Timestamp(shared.now().0 - millis(shared.rules.audit_kept));
        let anchor = shared.view().await?.0.state.header().audit_anchor;
        // An anchor older than the retention may refer to a database that was lost, so it is ignored.
        let mut anchor = anchor.filter(|anchor| anchor.at >= before);
        if anchor.is_some_and(|anchor| shared.now().0 < anchor.at.0 + ANCHOR_EVERY_MS) {
            return Ok(0);
        }
        let until = Timestamp(shared.now().0 + BUDGET_MS);
        let mut forgotten = 0;
        loop {
            let page = shared.ports.audit.chain(1, FORGOTTEN_AT_ONCE).await?;
            if anchor.is_some_and(|anchor| !holds(&anchor, &page)) {
                return Err(Error::Internal(Box::new(Tampered)));
            }
            let mut cut = page.forgotten;
            for record in page.records.iter().take_while(|record| record.record.at < before) {
                if !follows(cut, record) {
                    return Err(Error::Internal(Box::new(Tampered)));
                }
                cut = ChainPlace { number: record.number, head: record.head };
            }
            let ctx = RequestContext::new(Actor::System, shared.core.env.ids.request_id());
            shared.core.commit(&ctx, Command::AnchorAudit { cut, end: page.end }).await?;
            anchor = Some(AuditAnchor { cut, end: page.end, at: shared.now() });
            if cut == page.forgotten {
                return Ok(forgotten);
            }
            forgotten += shared.ports.audit.prune(cut).await?;
            if page.records.len() < FORGOTTEN_AT_ONCE as usize || shared.now() >= until {
                return Ok(forgotten);
            }
        }
    }
}
