//! Throttling of failed attempts. Shared by all nodes.

use super::IdentityError;
use async_trait::async_trait;
use domain::Timestamp;

/// A limit on failures. After `free` failures each further one doubles the delay, from `delay_ms` up to
/// `delay_max_ms`. Failures older than `window_ms` do not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThrottleRule {
    /// The number of failures without delay.
    pub free: u32,
    /// The first delay, in milliseconds.
    pub delay_ms: i64,
    /// The longest delay, in milliseconds.
    pub delay_max_ms: i64,
    /// The window in which failures count, in milliseconds.
    pub window_ms: i64,
}

/// Longest time that an attempt may be pending before it counts as a failure, in milliseconds. Its node has
/// probably stopped.
pub const PENDING_MS_MAX: i64 = 30_000;

/// An attempt that is limited by one or more rules.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The counters of the attempt, each with its rule. A key is a digest of kind, name and network, never
    /// the name itself.
    pub keys: Vec<(String, ThrottleRule)>,
    /// The time of the attempt.
    pub at: Timestamp,
    /// Whether `succeed`, `fail` or `withdraw` will report the outcome. Otherwise the attempt counts as
    /// failed.
    pub pending: bool,
}

/// Counts failures by key in a sliding window.
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Counts the attempt as failed until its outcome is reported, unless one of its keys is delayed.
    ///
    /// - Returns the remaining delay in milliseconds if a key is delayed; then nothing is counted.
    /// - Runs in one transaction, so concurrent attempts are all counted.
    /// - If a key is delayed only because of pending attempts, waits for their outcome up to a deadline,
    ///   because concurrent correct sign-ins are no failures.
    async fn begin(&self, attempt: &Attempt) -> Result<Option<i64>, IdentityError>;

    /// Reports success: resets the first key, and withdraws this attempt from the others.
    async fn succeed(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// Reports failure: the attempt is no longer pending.
    async fn fail(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// Withdraws an attempt that was not checked: it counts for none of its keys.
    async fn withdraw(&self, attempt: &Attempt) -> Result<(), IdentityError>;

    /// Deletes at most `limit` keys whose last attempt was before `before`. Returns the number. `before` must
    /// be older than the longest window of all rules, which this port does not know.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
