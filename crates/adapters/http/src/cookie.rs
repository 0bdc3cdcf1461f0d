//! Browser sessions: two cookies that scripts cannot read, and protection against cross-site request forgery.
//!
//! The CSRF token is derived from the refresh token. Every node can check it without stored state, and only
//! the holder of the session can compute it.

use crate::problem::{Code, Problem};
use application::identity::Signed;
use domain::Digest;
use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use secrecy::ExposeSecret;

/// The cookie with the access token.
pub(crate) const ACCESS: &str = "__Host-guardian_session";
/// The cookie with the refresh token.
pub(crate) const REFRESH: &str = "__Host-guardian_refresh";
/// The cookie that binds a sign-in through an identity provider to the browser that started it.
pub(crate) const STATE: &str = "__Host-guardian_state";
/// The header with the CSRF token.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
/// The browser's statement about the origin of a request.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Lifetime of the state cookie, in seconds.
const STATE_SECONDS: i64 = 600;

/// The value of a cookie; `None` if it is absent or duplicated. Browsers never send a `__Host-` cookie twice.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let first = found.next().filter(|value| !value.is_empty())?;
    found.next().is_none().then_some(first)
}

/// Sets the session cookies.
pub(crate) fn give(headers: &mut HeaderMap, signed: &Signed) {
    // A session that was just opened or refreshed was used now.
    let ends_in = (signed.session.ends_at.0 - signed.session.used_at.0) / 1000;
    let access_seconds = i64::try_from(signed.expires_in_s).unwrap_or(i64::MAX);
    set(headers, ACCESS, signed.access.expose_secret(), access_seconds, "Strict");
    set(headers, REFRESH, signed.refresh.expose_secret(), ends_in, "Strict");
}

/// Deletes the session cookies.
pub(crate) fn take(headers: &mut HeaderMap) {
    set(headers, ACCESS, "", 0, "Strict");
    set(headers, REFRESH, "", 0, "Strict");
}

/// Sets the state cookie of a sign-in. It must be sent with the cross-site redirect back from the provider.
pub(crate) fn remember(headers: &mut HeaderMap, state: &str) {
    set(headers, STATE, state, STATE_SECONDS, "Lax");
}

/// Deletes the state cookie.
pub(crate) fn forget(headers: &mut HeaderMap) {
    set(headers, STATE, "", 0, "Lax");
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, seconds: i64, same_site: &str) {
    let seconds = seconds.max(0);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    if let Ok(mut value) = HeaderValue::try_from(text) {
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
    }
}

/// The CSRF token of the session with this refresh token; required in every change.
pub(crate) fn csrf_token(refresh: &str) -> String {
    Digest::of(&[b"guardian csrf token\0", refresh.as_bytes()]).to_string()
}

/// Checks the origin and the CSRF token of a change.
pub(crate) fn check_change(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    check_origin(headers, uri, true)?;
    let shown = headers.get(CSRF).map(HeaderValue::as_bytes);
    let expected = get(headers, REFRESH).map(csrf_token);
    match (shown, expected) {
        // Digests are compared, so that the duration reveals nothing.
        (Some(shown), Some(expected)) if Digest::of(&[shown]) == Digest::of(&[expected.as_bytes()]) => Ok(()),
        _ => Err(Problem::new(Code::CsrfFailed, "X-CSRF-Token must be the csrf_token of the session")),
    }
}

/// Whether the request comes from a page of this host without TLS, although clients use TLS. An attacker on
/// the network can inject such a page.
pub(crate) fn is_of_unsafe_page(headers: &HeaderMap, uri: &Uri, https: bool) -> bool {
    let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or(host);
    https && origin.is_some_and(|origin| origin.strip_prefix("http://").is_some_and(|own| Some(own) == host))
}

/// Refuses a request from another site. `silent`: accept a client that states no origin.
pub(crate) fn check_origin(headers: &HeaderMap, uri: &Uri, silent: bool) -> Result<(), Problem> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = match (text(&FETCH_SITE), text(&ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = uri.authority().map(http::uri::Authority::as_str).or(text(&HOST));
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let is_page = origin.starts_with("https://") || origin.starts_with("http://");
            is_page && authority.is_some() && authority == host
        }
        (None, None) => silent,
    };
    if own { Ok(()) } else { Err(Problem::new(Code::CsrfFailed, "the request comes from another site")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).expect("a name"), HeaderValue::try_from(*value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn check(pairs: &[(&str, &str)], silent: bool, passes: bool) {
        let result = check_origin(&headers(pairs), &Uri::from_static("/x"), silent);
        assert_eq!(result.is_ok(), passes, "{pairs:?}");
    }

    #[test]
    fn other_sites_are_refused() {
        check(&[("sec-fetch-site", "same-origin")], false, true);
        check(&[("sec-fetch-site", "none")], false, true);
        check(&[("sec-fetch-site", "same-site")], true, false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://h"), ("host", "h")], true, false);
        check(&[("origin", "https://h:8443"), ("host", "h:8443")], false, true);
        check(&[("origin", "https://evil"), ("host", "h")], true, false);
        check(&[("origin", "null"), ("host", "null")], true, false);
        check(&[], true, true);
        check(&[], false, false);
    }

    #[test]
    fn pages_without_tls_are_told_apart() {
        let uri = Uri::from_static("/x");
        let own = headers(&[("origin", "http://h"), ("host", "h")]);
        assert!(is_of_unsafe_page(&own, &uri, true) && !is_of_unsafe_page(&own, &uri, false));
        let good = headers(&[("origin", "https://h"), ("host", "h")]);
        assert!(!is_of_unsafe_page(&good, &uri, true));
        check(&[("origin", "ftp://h"), ("host", "h")], true, false);
    }

    #[test]
    fn cookies_are_found_by_name() {
        let all = headers(&[("cookie", "a=1; __Host-guardian_session=tok=en; b=2")]);
        assert_eq!(get(&all, ACCESS), Some("tok=en"));
        assert_eq!(get(&all, REFRESH), None);
        assert_eq!(get(&headers(&[("cookie", "x=1; x=2")]), "x"), None);
    }
}
