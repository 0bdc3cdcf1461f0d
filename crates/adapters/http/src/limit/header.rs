//! Rate limit headers of draft-ietf-httpapi-ratelimit-headers-11. Everything specific to the draft is here.

use super::{Class, Limit};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header with the limit.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The header with the remaining requests.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The state of one limit for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    class: Class,
    limit: Limit,
    remaining: u32,
    seconds: u64,
}

impl Standing {
    /// A state with `remaining` requests.
    pub(super) fn left(class: Class, limit: Limit, remaining: u32) -> Self {
        // The time until the full limit is available again, rounded up.
        let used = u64::from(limit.requests.saturating_sub(remaining));
        let seconds = (used * u64::from(limit.window_seconds)).div_ceil(u64::from(limit.requests));
        Self { class, limit, remaining, seconds }
    }

    /// A state without remaining requests for `seconds`.
    pub(super) fn spent(class: Class, limit: Limit, seconds: u64) -> Self {
        Self { class, limit, remaining: 0, seconds }
    }

    /// The number of remaining requests.
    #[cfg(test)]
    pub(super) fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Writes the headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { class, limit, remaining, seconds } = self;
        let name = class.as_str();
        let policy = format!("\"{name}\";q={};w={}", limit.requests, limit.window_seconds);
        let standing = format!("\"{name}\";r={remaining};t={seconds}");
        for (header, text) in [(POLICY, policy), (LIMIT, standing)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(header, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_structured_fields() {
        let mut headers = HeaderMap::new();
        let limit = Limit { requests: 100, window_seconds: 60 };
        Standing::left(Class::Read, limit, 80).write(&mut headers);
        assert_eq!(headers[POLICY], "\"read\";q=100;w=60");
        assert_eq!(headers[LIMIT], "\"read\";r=80;t=12");
    }
}
