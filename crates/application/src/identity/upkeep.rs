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

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Forgets sessions, attempts and records of the audit that are too old, at most one batch of each. To be called every minute or so.
    pub async fn tidy(&self) -> Result<Tidied, Error> {
        let (ports, now) = (&self.shared.ports, self.shared.now());
        let kept_since = Timestamp(now.0 - millis(self.shared.rules.audit_kept));
        Ok(Tidied {
            sessions: ports.sessions.prune(Timestamp(now.0 - ENDED_KEPT_MS), FORGOTTEN_AT_ONCE).await?,
            attempts: ports.throttle.prune(Timestamp(now.0 - WINDOW_LONGEST_MS), FORGOTTEN_AT_ONCE).await?,
            records: ports.audit.prune(kept_since, FORGOTTEN_AT_ONCE).await?,
        })
    }
}
