//! What operators decide about limits.

/// So many requests in so much time, and as many at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// How many requests.
    pub requests: u32,
    /// In how many seconds.
    pub window_seconds: u32,
}

/// The limits of this node; `None` is none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LimitRules {
    /// Reads of one principal.
    pub read: Option<Limit>,
    /// Changes of one principal.
    pub write: Option<Limit>,
    /// Watches that one principal opens.
    pub watch_open: Option<Limit>,
    /// Sign-ins, refreshes and registrations from one address.
    pub sign_in: Option<Limit>,
    /// Requests without a credential, or with one that is no good, from one address.
    pub anonymous: Option<Limit>,
}
