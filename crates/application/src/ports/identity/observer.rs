//! Metrics of sign-ins and users. They contain counts and never names.

/// A counted event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Observation {
    /// A user signed in.
    SignedIn,
    /// A sign-in failed.
    SignInFailed,
    /// An attempt was refused by a throttle.
    Throttled,
    /// A used refresh token was presented again.
    RefreshReused,
    /// An address exceeded the number of failures that is considered suspicious.
    Suspicious,
    /// Number of audit records that were lost because the queue was full.
    AuditDropped(u64),
    /// Number of users whose epochs are still to be raised.
    EpochsPending(u64),
}

/// Counts events. Must not block and cannot fail.
pub trait IdentityObserver: Send + Sync {
    /// Counts an event.
    fn observe(&self, observation: Observation);
}
