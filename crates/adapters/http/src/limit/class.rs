//! The classes of requests, each with a separate rate limit.

use super::{Limit, LimitRules};
use http::Method;

/// The path prefix of operations on sessions.
const AUTH: &str = "/api/v1/auth/";
/// The operations below it that need a signed-in user.
const SIGNED_IN: [&str; 10] = [
    "me",
    "sessions",
    "sessions/{session}",
    "password",
    "logout",
    "providers",
    "second-factor/enrolment",
    "second-factor/confirmation",
    "second-factor/removal",
    "second-factor/recovery-codes",
];

/// A class of requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Reads, per principal.
    Read,
    /// Changes, per principal.
    Write,
    /// Opened watches, per principal.
    WatchOpen,
    /// Sign-ins, refreshes and registrations, per address.
    SignIn,
    /// Requests without a credential or with an invalid one, per address.
    Anonymous,
}

impl Class {
    /// All classes.
    pub(super) const ALL: [Self; 5] =
        [Self::Read, Self::Write, Self::WatchOpen, Self::SignIn, Self::Anonymous];

    /// The class of a request to the route template.
    pub(crate) fn of(method: &Method, route: &str) -> Self {
        match route.strip_prefix(AUTH) {
            Some(rest) if !SIGNED_IN.contains(&rest) => Self::SignIn,
            _ if route.ends_with("/watch") => Self::WatchOpen,
            _ if method.is_safe() => Self::Read,
            _ => Self::Write,
        }
    }

    /// The name in headers.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::WatchOpen => "watch-open",
            Self::SignIn => "sign-in",
            Self::Anonymous => "anonymous",
        }
    }

    pub(super) fn limit(self, rules: &LimitRules) -> Option<Limit> {
        let limit = match self {
            Self::Read => rules.read,
            Self::Write => rules.write,
            Self::WatchOpen => rules.watch_open,
            Self::SignIn => rules.sign_in,
            Self::Anonymous => rules.anonymous,
        };
        limit.filter(|limit| limit.requests > 0 && limit.window_seconds > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The route templates of the router.
    fn routes() -> Vec<String> {
        crate::router::documented().into_openapi().paths.paths.into_keys().collect()
    }

    fn check(method: &Method, route: &str, class: Class) {
        assert!(routes().iter().any(|known| known == route), "{route} is no route");
        assert_eq!(Class::of(method, route), class, "{method} {route}");
    }

    #[test]
    fn routes_have_classes() {
        check(&Method::GET, "/api/v1/projects", Class::Read);
        check(&Method::POST, "/api/v1/projects", Class::Write);
        check(&Method::GET, "/api/v1/projects/{project}/environments/{environment}/watch", Class::WatchOpen);
        check(&Method::POST, "/api/v1/auth/login", Class::SignIn);
        check(&Method::POST, "/api/v1/auth/refresh", Class::SignIn);
        check(&Method::GET, "/api/v1/auth/me", Class::Read);
        check(&Method::DELETE, "/api/v1/auth/sessions/{session}", Class::Write);
    }

    #[test]
    fn what_is_listed_is_there() {
        let routes = routes();
        for rest in SIGNED_IN {
            let route = format!("{AUTH}{rest}");
            assert!(routes.contains(&route), "{route} is no route");
        }
    }
}
