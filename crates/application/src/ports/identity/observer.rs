//! What operators are told of people, by number and never by name.

/// Something worth counting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Observation {
    /// Somebody signed in.
    SignedIn,
    /// Somebody failed to sign in.
    SignInFailed,
    /// Somebody had to wait before another attempt.
    Throttled,
    /// A refresh token was presented twice.
    RefreshReused,
    /// One address failed more often in an hour than people do.
    Suspicious,
    /// So many records of refusals could not be kept: the queue was full, or the database away.
    AuditDropped(u64),
    /// So many people's epochs are yet to be raised.
    EpochsPending(u64),
}

/// Counts. Never waits and never fails.
pub trait IdentityObserver: Send + Sync {
    /// It happened.
    fn observe(&self, observation: Observation);
}
