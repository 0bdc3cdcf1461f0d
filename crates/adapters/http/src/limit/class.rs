//! What kinds of requests are counted apart.

use super::{Limit, LimitRules};
use http::Method;

/// Where everything that opens or carries on a session is.
const AUTH: &str = "/api/v1/auth/";
/// What of that a person who is signed in asks for.
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

/// A kind of request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Reads of one principal.
    Read,
    /// Changes of one principal.
    Write,
    /// Watches that one principal opens.
    WatchOpen,
    /// Sign-ins and what goes with them, from one address.
    SignIn,
    /// Requests without a credential, or with one that is no good, from one address.
    Anonymous,
}

impl Class {
    /// Every class.
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

    /// Its name in headers.
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

    /// The routes that the router has.
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
