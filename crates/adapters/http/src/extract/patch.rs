//! Patch bodies: the format depends on the media type. Refusals list the supported types (RFC 5789).

use super::body::{BODY_BYTES_MAX, Limits, receive};
use crate::problem::{Code, Problem};
use crate::router::Api;
use application::Patch;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

/// JSON Merge Patch (RFC 7396).
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
/// JSON Patch (RFC 6902).
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPTED: HeaderValue =
    HeaderValue::from_static("application/merge-patch+json, application/json-patch+json");

/// Limits of a patch: a value of maximum nesting inside an operation inside a list.
const LIMITS: Limits = Limits { bytes: BODY_BYTES_MAX, envelope: 1 };

/// A patch body within the limits, and its format.
pub(crate) struct PatchBody {
    bytes: Bytes,
    is_merge: bool,
}

impl PatchBody {
    /// The raw bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Parses the body by its format.
    pub(crate) fn parse(&self) -> Result<Patch, Problem> {
        let text = std::str::from_utf8(&self.bytes)
            .map_err(|_| Problem::new(Code::InvalidJson, "the body is not UTF-8"))?;
        Ok(if self.is_merge { Patch::merge(text)? } else { Patch::operations(text)? })
    }
}

impl FromRequest<Api> for PatchBody {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_merge = is(kind.unwrap_or_default(), MERGE_PATCH);
        match receive(request, api, &[MERGE_PATCH, JSON_PATCH], LIMITS).await {
            Ok(bytes) => Ok(Self { bytes, is_merge }),
            Err(problem) => {
                let unsupported = problem.code() == Code::UnsupportedMediaType;
                let mut response = problem.into_response();
                if unsupported {
                    response.headers_mut().insert(ACCEPT_PATCH, ACCEPTED);
                }
                Err(response)
            }
        }
    }
}

/// Whether a `Content-Type` has this media type, ignoring parameters.
pub(super) fn is(kind: &str, expected: &str) -> bool {
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}
