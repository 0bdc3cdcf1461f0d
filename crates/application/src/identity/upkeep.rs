//! Forgetting what is over.

use super::rights::millis;
use super::shared::Shared;
use super::throttle::WINDOW_LONGEST_MS;
use crate::Error;
use domain::Timestamp;
use std::sync::Arc;

/// For how long sessions that are over are kept, in milliseconds: a token of theirs that comes back is known.
const ENDED_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Most of each kind that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 5000;
/// For how long each kind is forgotten at most before something else has its turn, in milliseconds.
const BUDGET_MS: i64 = 2000;

/// Forgets what is over.
#[derive(Clone, Debug)]
pub struct Upkeep {
    shared: Arc<Shared>,
}

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tidied {
    /// Sessions.
    pub sessions: u64,
    /// What slows down those who guess.
    pub attempts: u64,
    /// Records of the audit.
    pub records: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sessions,
    Attempts,
    Records,
}

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Forgets sessions, attempts and records of the audit that are too old, in batches, until none of a kind are left
    /// or its time is over. To be called every minute or so.
    pub async fn tidy(&self) -> Result<Tidied, Error> {
        Ok(Tidied {
            sessions: self.forget(Kind::Sessions).await?,
            attempts: self.forget(Kind::Attempts).await?,
            records: self.forget(Kind::Records).await?,
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
            Kind::Records => {
                ports.audit.prune(before(millis(self.shared.rules.audit_kept)), FORGOTTEN_AT_ONCE).await?
            }
        })
    }
}
