//! Settings of rate limits.

/// A number of requests per window; the same number is the maximum burst.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// The number of requests.
    pub requests: u32,
    /// The window, in seconds.
    pub window_seconds: u32,
}

/// The rate limits of this node; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LimitRules {
    /// Reads, per principal.
    pub read: Option<Limit>,
    /// Changes, per principal.
    pub write: Option<Limit>,
    /// Opened watches, per principal.
    pub watch_open: Option<Limit>,
    /// Sign-ins, refreshes and registrations, per address.
    pub sign_in: Option<Limit>,
    /// Requests without a credential or with an invalid one, per address.
    pub anonymous: Option<Limit>,
}
