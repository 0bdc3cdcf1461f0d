//! Building responses: JSON, entity tags, and the headers of revision and consistency.

use crate::compress::Compressible;
use crate::problem::Problem;
use crate::v1::{Nothing, Tried};
use application::ports::{Consistency, Freshness};
use application::{Changed, How};
use axum::body::Body;
use axum::response::Response;
use domain::{Revision, Timestamp};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const REVISION: HeaderName = HeaderName::from_static("guardian-revision");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const DRY_RUN: HeaderName = HeaderName::from_static("guardian-dry-run");
const CONSISTENCY: HeaderName = HeaderName::from_static("guardian-consistency");
const STALE_FOR_MS: HeaderName = HeaderName::from_static("guardian-stale-for-ms");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const RFC3339_MS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A response under construction.
pub(crate) struct Reply(Response);

impl Reply {
    /// A response with a JSON body.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let text = serde_json::to_vec(body).map_err(Problem::internal)?;
        Ok(Self::body(status, JSON, Body::from(text)))
    }

    /// The response to a change. The body of a dry run also contains its effects.
    pub(crate) fn changed<T>(
        status: StatusCode,
        body: &impl Serialize,
        changed: &Changed<T>,
    ) -> Result<Self, Problem> {
        let reply = match &changed.how {
            How::DryRun(effects) => Self::json(status, &Tried::new(body, effects))?,
            How::Made | How::Replayed => Self::json(status, body)?,
        };
        Ok(reply.how(changed))
    }

    /// The response to a change without a body; a dry run has a body.
    pub(crate) fn gone<T>(changed: &Changed<T>) -> Result<Self, Problem> {
        let reply = match &changed.how {
            How::DryRun(effects) => Self::json(StatusCode::OK, &Tried::new(&Nothing {}, effects))?,
            How::Made | How::Replayed => Self::empty(StatusCode::NO_CONTENT),
        };
        Ok(reply.how(changed))
    }

    /// Adds the revision, and whether the change was replayed or a dry run.
    fn how<T>(self, changed: &Changed<T>) -> Self {
        let yes = HeaderValue::from_static("true");
        let reply = self.revision(changed.revision);
        match changed.how {
            How::Made => reply,
            How::Replayed => reply.header::<()>(REPLAYED, Ok(yes)),
            How::DryRun(_) => reply.header::<()>(DRY_RUN, Ok(yes)),
        }
    }

    fn is_dry_run(&self) -> bool {
        self.0.headers().contains_key(DRY_RUN)
    }

    /// A response with a body of any type.
    pub(crate) fn body(status: StatusCode, content_type: HeaderValue, body: Body) -> Self {
        let mut reply = Self::empty(status);
        *reply.0.body_mut() = body;
        reply.0.headers_mut().insert(CONTENT_TYPE, content_type);
        reply
    }

    /// A response with serialized JSON.
    pub(crate) fn json_text(text: Body) -> Self {
        Self::body(StatusCode::OK, JSON, text)
    }

    /// A response without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response)
    }

    /// Sets the strong entity tag of a version; not on a dry run.
    pub(crate) fn etag(self, version: u64) -> Self {
        if self.is_dry_run() {
            return self;
        }
        self.header(ETAG, HeaderValue::try_from(format!("\"{version}\"")))
    }

    /// Sets a weak entity tag, given in quotes, of a response that contains several versions.
    pub(crate) fn weak_etag(self, opaque: &str) -> Self {
        self.header(ETAG, HeaderValue::try_from(format!("W/{opaque}")))
    }

    /// Sets the path of a created resource; not on a dry run.
    pub(crate) fn location(self, path: String) -> Self {
        if self.is_dry_run() {
            return self;
        }
        self.header(LOCATION, HeaderValue::try_from(path))
    }

    /// Permits compression at the edge.
    pub(crate) fn compressible(mut self) -> Self {
        self.0.extensions_mut().insert(Compressible);
        self
    }

    /// Permits storage in private caches, with revalidation before each use.
    pub(crate) fn revalidated(self) -> Self {
        self.header::<()>(CACHE_CONTROL, Ok(HeaderValue::from_static("private, no-cache")))
    }

    /// As [`Self::revalidated`], also in shared caches.
    pub(crate) fn public(self) -> Self {
        self.header::<()>(CACHE_CONTROL, Ok(HeaderValue::from_static("no-cache")))
    }

    /// Sets the revision of a change.
    pub(crate) fn revision(self, revision: Revision) -> Self {
        self.header::<()>(REVISION, Ok(HeaderValue::from(revision.0)))
    }

    /// Sets the revision and the consistency of a read.
    pub(crate) fn seen(self, revision: Revision, asked: Freshness, stale_for_ms: Option<u64>) -> Self {
        let stale = asked.consistency == Consistency::Stale || stale_for_ms.is_some();
        let name = HeaderValue::from_static(if stale { "stale" } else { "linearizable" });
        let reply = self.revision(revision).header::<()>(CONSISTENCY, Ok(name));
        match stale_for_ms {
            Some(ms) => reply.header::<()>(STALE_FOR_MS, Ok(HeaderValue::from(ms))),
            None => reply,
        }
    }

    fn header<E>(mut self, name: HeaderName, value: Result<HeaderValue, E>) -> Self {
        if let Ok(value) = value {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// The finished response.
    pub(crate) fn done(self) -> Response {
        self.0
    }
}

/// Formats a time as RFC 3339, in UTC with milliseconds.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000)
        .ok()
        .and_then(|time| time.format(RFC3339_MS).ok())
        .unwrap_or_default()
}

/// Why a text is not a valid time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotATime {
    /// It is not RFC 3339.
    Form,
    /// It is out of range in UTC.
    Range,
}

/// Parses an RFC 3339 time with any offset, truncated to milliseconds.
pub(crate) fn from_rfc3339(text: &str) -> Result<Timestamp, NotATime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime::Form)?;
    // Responses show times in UTC, where RFC 3339 ends with the year 9999; the offset could exceed it.
    let utc = time.checked_to_offset(UtcOffset::UTC).ok_or(NotATime::Range)?;
    let ms = utc.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(ms).map(Timestamp).map_err(|_| NotATime::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp(1_795_251_633_007)), "2026-11-21T09:00:33.007Z");
    }
}
