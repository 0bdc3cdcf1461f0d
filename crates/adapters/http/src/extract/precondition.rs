//! Conditional requests (RFC 9110 section 13): preconditions of changes, and versions that a reader already
//! has.

use crate::problem::{Code, Problem};
use axum::extract::{FromRequestParts, Query};
use domain::{Precondition, SchemaVersion, Version};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Extractor: the required precondition of a change of an existing config.
pub(crate) struct Guard(pub(crate) Precondition);

/// Extractor: the required precondition of a put, which may also create the config.
pub(crate) struct PutGuard(pub(crate) Precondition);

/// Extractor: the required precondition of a rollback, which may also restore a deleted config.
pub(crate) struct RollbackGuard(pub(crate) Precondition);

/// Extractor: the optional precondition of a schema change.
pub(crate) struct SchemaGuard(pub(crate) Option<SchemaVersion>);

/// Extractor: the entity tags of a reader (`If-None-Match`).
pub(crate) struct Known(Vec<HeaderValue>);

enum Match {
    Any,
    Version(u64),
}

impl<S: Send + Sync> FromRequestParts<S> for PutGuard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match (given(&parts.headers)?, overwrites(parts)) {
            (Some(_), true) => {
                Err(invalid("If-Match", "and If-None-Match cannot be combined with overwrite=true"))
            }
            (None, true) => Ok(Self(Precondition::Any)),
            (Some(expected), false) => Ok(Self(expected)),
            (None, false) => Err(required(
                "If-Match: \"<version>\" to change, If-None-Match: * to create, or ?overwrite=true for either",
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RollbackGuard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = "If-Match: \"<version>\", or If-None-Match: * to bring back what was deleted";
        given(&parts.headers)?.map(Self).ok_or_else(|| required(missing))
    }
}

/// The precondition in the headers, including `If-None-Match: *`.
fn given(headers: &HeaderMap) -> Result<Option<Precondition>, Problem> {
    match (if_match(headers)?, absent(headers)?) {
        (Some(_), true) => Err(invalid("If-None-Match", "cannot be combined with If-Match")),
        (None, true) => Ok(Some(Precondition::Absent)),
        (expected, false) => Ok(expected.map(Into::into)),
    }
}

/// Whether the query has `overwrite=true`; other values are refused later.
fn overwrites(parts: &Parts) -> bool {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    pairs.is_ok_and(|pairs| pairs.0.iter().any(|(name, value)| name == "overwrite" && value == "true"))
}

impl<S: Send + Sync> FromRequestParts<S> for Guard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.headers.contains_key(IF_NONE_MATCH) {
            return Err(invalid("If-None-Match", "is not allowed here; use If-Match"));
        }
        let expected = if_match(&parts.headers)?.ok_or_else(|| required("If-Match: \"<version>\""))?;
        Ok(Self(expected.into()))
    }
}

impl From<Match> for Precondition {
    fn from(expected: Match) -> Self {
        match expected {
            Match::Any => Self::Present,
            Match::Version(version) => Self::Version(Version(version)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SchemaGuard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.headers.contains_key(IF_NONE_MATCH) {
            return Err(invalid("If-None-Match", "is not allowed here; use If-Match"));
        }
        Ok(Self(match if_match(&parts.headers)? {
            Some(Match::Version(version)) => Some(SchemaVersion(version)),
            Some(Match::Any) | None => None,
        }))
    }
}

impl Known {
    /// Whether the reader has this version, by weak comparison; `*` matches any.
    pub(crate) fn has(&self, version: u64) -> bool {
        self.any(|tag| tag == "*" || unquoted(tag) == Some(version))
    }

    /// Whether the reader has this tag, given in quotes, by weak comparison.
    pub(crate) fn has_tag(&self, opaque: &str) -> bool {
        self.any(|tag| tag == "*" || tag == opaque)
    }

    /// Whether the reader knows that the config does not exist (version 0).
    pub(crate) fn has_nothing(&self) -> bool {
        self.any(|tag| unquoted(tag) == Some(0))
    }

    /// Whether any tag satisfies the predicate, ignoring the weak prefix.
    fn any(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let lists = self.0.iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(tags).any(|tag| match tag.strip_prefix("W/") {
            Some("*") => false,
            Some(opaque) => wanted(opaque),
            None => wanted(tag),
        })
    }

    /// Whether the reader sent any tag.
    pub(crate) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parts.headers.get_all(IF_NONE_MATCH).iter().cloned().collect()))
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<Match>, Problem> {
    let Some(text) = single(headers, &IF_MATCH, "If-Match")? else { return Ok(None) };
    if text == "*" {
        return Ok(Some(Match::Any));
    }
    if text.starts_with("W/") {
        return Err(invalid("If-Match", "must be a strong entity tag; a weak one never matches"));
    }
    match unquoted(text) {
        Some(version) => Ok(Some(Match::Version(version))),
        None => Err(invalid("If-Match", "must be one version in double quotes, such as \"7\", or *")),
    }
}

/// Whether the request has `If-None-Match: *`.
fn absent(headers: &HeaderMap) -> Result<bool, Problem> {
    match single(headers, &IF_NONE_MATCH, "If-None-Match")? {
        None => Ok(false),
        Some("*") => Ok(true),
        Some(_) => Err(invalid("If-None-Match", "must be * on a change")),
    }
}

fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(shown, "must appear only once"));
    }
    first.to_str().map(str::trim).map(Some).map_err(|_| invalid(shown, "must be ASCII"))
}

/// Parses a tag such as `"7"`. Tags are compared as text, so `"07"` is not a version.
fn unquoted(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let canonical = digits == "0" || !digits.starts_with('0');
    digits.parse().ok().filter(|_| canonical && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Splits a list of tags; commas inside quotes do not separate.
fn tags(list: &str) -> Vec<&str> {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    list.split(ends).map(str::trim).filter(|tag| !tag.is_empty()).collect()
}

fn invalid(header: &'static str, rule: &str) -> Problem {
    Problem::new(Code::InvalidPrecondition, format!("{header} {rule}")).with("header", header)
}

fn required(what: &str) -> Problem {
    Problem::new(Code::PreconditionRequired, format!("send {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &[&'static str], version: u64, expected: bool) {
        let header = Known(sent.iter().map(|list| HeaderValue::from_static(list)).collect());
        assert_eq!(header.has(version), expected, "{sent:?} {version}");
        assert_eq!(header.has_nothing(), sent.iter().any(|list| list.contains("\"0\"")), "{sent:?}");
    }

    #[test]
    fn tags_are_compared_as_text() {
        check(&["\"7\""], 7, true);
        check(&["W/\"7\""], 7, true);
        check(&["\"1\", W/\"0\" ,\"7\""], 7, true);
        check(&["\"1\"", "\"7\""], 7, true);
        check(&["*"], 7, true);
        for other in ["\"07\"", "\"+7\"", "\" 7\"", "7", "\"7", "\"x,7\"", "w/\"7\"", "\"7.0\"", "\"00\""] {
            check(&[other], 7, false);
        }
    }

    #[test]
    fn a_precondition_is_one_canonical_version() {
        assert_eq!((unquoted("\"0\""), unquoted("\"10\"")), (Some(0), Some(10)));
        for other in ["\"01\"", "\"+1\"", "\" 1\"", "\"1 \"", "\"\"", "\"1", "1", "\"18446744073709551616\""]
        {
            assert_eq!(unquoted(other), None, "{other}");
        }
    }
}
