//! Slowing down those who guess. Shared by all nodes.

use super::IdentityError;
use async_trait::async_trait;
use domain::Timestamp;

/// How often something may fail. After `free` failures each further one doubles the wait, from
/// `delay_ms` to `delay_max_ms`; what is older than `window_ms` is forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThrottleRule {
    /// Failures that cost nothing.
    pub free: u32,
    /// The first wait, in milliseconds.
    pub delay_ms: i64,
    /// The longest wait, in milliseconds.
    pub delay_max_ms: i64,
    /// For how long a failure counts, in milliseconds.
    pub window_ms: i64,
}

/// How long an attempt may be under way before it counts as a failure, in milliseconds: whoever began it is gone.
pub const PENDING_MS_MAX: i64 = 30_000;

/// An attempt that may fail.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What is counted: a digest of kind, name and network, never the name itself.
    pub keys: Vec<(String, ThrottleRule)>,
    /// When.
    pub at: Timestamp,
    /// Whether its outcome is told later by `succeed`, `fail` or `withdraw`. Otherwise it has failed already.
    pub pending: bool,
}

/// Counts failures by key in a sliding window.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Counts the attempt as failed for the time being, unless one of the keys must wait: then nothing is
    /// counted and the milliseconds to wait are given. In one transaction, so many at once count as many.
    /// A key that would only have to wait because of pending attempts is waited for, up to a deadline: many
    /// correct sign-ins at once are no failures.
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError>;

    /// The attempt succeeded: forgets what was counted for its first key, and this one attempt for the others.
    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// The attempt failed: it is not pending any more.
    async fn fail(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// Nobody looked at the attempt: it counts for none of its keys.
    async fn withdraw(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// Forgets at most `limit` keys whose newest attempt was before `before`; says how many. Windows are not known
    /// here, so `before` must be longer ago than the longest of them.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
