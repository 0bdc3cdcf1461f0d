//! Conditional requests (RFC 9110 section 13): what a change expects, and what a reader knows already.

use crate::problem::{Code, Problem};
use axum::extract::FromRequestParts;
use domain::{Precondition, SchemaVersion, Version};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What a change of a config that exists expects. Every such change must say.
pub(crate) struct Guard(pub(crate) Precondition);

/// What a change expects that may also create the config.
pub(crate) struct PutGuard(pub(crate) Precondition);

/// What a change of a schema expects, when it says.
pub(crate) struct SchemaGuard(pub(crate) Option<SchemaVersion>);

/// What a reader has already (`If-None-Match`).
pub(crate) struct Known(Vec<HeaderValue>);

enum Match {
    Any,
    Version(u64),
}

impl<S: Send + Sync> FromRequestParts<S> for PutGuard {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match (if_match(&parts.headers)?, absent(&parts.headers)?) {
            (Some(_), true) => Err(invalid("If-None-Match", "cannot be combined with If-Match")),
            (None, true) => Ok(Self(Precondition::Absent)),
            (Some(expected), false) => Ok(Self(expected.into())),
            (None, false) => {
                Err(required("If-Match: \"<version>\" to change, or If-None-Match: * to create"))
            }
        }
    }
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
    /// Whether the reader has this version: any of its tags, or `*`, by the weak comparison.
    pub(crate) fn has(&self, version: u64) -> bool {
        let mut tags = self.0.iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        tags.any(|tag| {
            let tag = tag.trim();
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || unquoted(opaque) == Some(version)
        })
    }
}

impl Known {
    /// Whether the reader knows that there is nothing: version 0.
    pub(crate) fn has_nothing(&self) -> bool {
        self.0.iter().any(|value| value == "\"0\"")
    }

    /// Whether the reader knows anything.
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

/// Whether the request says `If-None-Match: *`.
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

/// The number in `"7"`.
fn unquoted(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn invalid(header: &'static str, rule: &str) -> Problem {
    Problem::new(Code::InvalidPrecondition, format!("{header} {rule}")).with("header", header)
}

fn required(what: &str) -> Problem {
    Problem::new(Code::PreconditionRequired, format!("send {what}"))
}
