//! Building answers: JSON, entity tags, and the headers that say which state was seen.

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

/// An answer in the making.
pub(crate) struct Reply(Response);

impl Reply {
    /// A JSON body.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let text = serde_json::to_vec(body).map_err(Problem::internal)?;
        Ok(Self::body(status, JSON, Body::from(text)))
    }

    /// The answer to a change. A dry run says so in its body, with what would have changed.
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

    /// The answer to a change that leaves nothing.
    pub(crate) fn gone<T>(changed: &Changed<T>) -> Result<Self, Problem> {
        let reply = match &changed.how {
            How::DryRun(effects) => Self::json(StatusCode::OK, &Tried::new(&Nothing {}, effects))?,
            How::Made | How::Replayed => Self::empty(StatusCode::NO_CONTENT),
        };
        Ok(reply.how(changed))
    }

    /// Which state the change made or was tried on.
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

    /// A body of any type.
    pub(crate) fn body(status: StatusCode, content_type: HeaderValue, body: Body) -> Self {
        let mut reply = Self::empty(status);
        *reply.0.body_mut() = body;
        reply.0.headers_mut().insert(CONTENT_TYPE, content_type);
        reply
    }

    /// JSON text that is ready.
    pub(crate) fn json_text(text: Body) -> Self {
        Self::body(StatusCode::OK, JSON, text)
    }

    /// No body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response)
    }

    /// The strong entity tag of a version; a dry run made none.
    pub(crate) fn etag(self, version: u64) -> Self {
        if self.is_dry_run() {
            return self;
        }
        self.header(ETAG, HeaderValue::try_from(format!("\"{version}\"")))
    }

    /// The weak entity tag, in quotes, of what has several versions in it.
    pub(crate) fn weak_etag(self, opaque: &str) -> Self {
        self.header(ETAG, HeaderValue::try_from(format!("W/{opaque}")))
    }

    /// Where the new thing is; a dry run made none.
    pub(crate) fn location(self, path: String) -> Self {
        if self.is_dry_run() {
            return self;
        }
        self.header(LOCATION, HeaderValue::try_from(path))
    }

    /// Lets the edge compress the answer.
    pub(crate) fn compressible(mut self) -> Self {
        self.0.extensions_mut().insert(Compressible);
        self
    }

    /// Lets caches keep the answer when they ask before each use; those of the caller alone.
    pub(crate) fn revalidated(self) -> Self {
        self.header::<()>(CACHE_CONTROL, Ok(HeaderValue::from_static("private, no-cache")))
    }

    /// As [`Self::revalidated`], for what anybody may read.
    pub(crate) fn public(self) -> Self {
        self.header::<()>(CACHE_CONTROL, Ok(HeaderValue::from_static("no-cache")))
    }

    /// The revision that a change made.
    pub(crate) fn revision(self, revision: Revision) -> Self {
        self.header::<()>(REVISION, Ok(HeaderValue::from(revision.0)))
    }

    /// The state that a read saw.
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

    /// The finished answer.
    pub(crate) fn done(self) -> Response {
        self.0
    }
}

/// A time as clients see it: RFC 3339, UTC, milliseconds.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000)
        .ok()
        .and_then(|time| time.format(RFC3339_MS).ok())
        .unwrap_or_default()
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotATime {
    /// It does not have the form.
    Form,
    /// It cannot be told in UTC.
    Range,
}

/// A time as clients write it: RFC 3339 with any offset; what is finer than a millisecond is cut off.
pub(crate) fn from_rfc3339(text: &str) -> Result<Timestamp, NotATime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime::Form)?;
    // Answers show the time in UTC, where RFC 3339 ends with the year 9999, whatever the offset says.
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
