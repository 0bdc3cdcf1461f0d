//! JSON bodies: checked for size, time and depth before they are parsed.
//!
//! The handler parses the body, so that a document in it is borrowed and not copied.

use super::patch::is;
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::strict::{self, Strict};
use application::string_end;
use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use domain::limits::NESTING_MAX;
use futures::StreamExt;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use serde::Deserialize;
use serde_json::error::Category;
use std::time::Duration;

/// Maximum size of a body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Maximum size of a transaction's body, in bytes.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Maximum number of bytes read from a refused body. A client that is still sending when the connection
/// closes does not receive the refusal.
const DRAIN_BYTES_MAX: usize = 2 * TRANSACTION_BYTES_MAX;
/// Maximum duration of that.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum buffer allocated before the first byte arrives.
const BODY_RESERVE_MAX: usize = 64 * 1024;

/// A JSON body of at most `BYTES` bytes. `ENVELOPE` is the number of levels around a document, which may have
/// the maximum nesting.
pub(crate) struct BoundedBody<const BYTES: usize, const ENVELOPE: usize>(Bytes);

/// The body of most changes: a document in an object.
pub(crate) type JsonBody = BoundedBody<BODY_BYTES_MAX, 1>;
/// The body of a transaction: documents in a list of objects in an object.
pub(crate) type TransactionBytes = BoundedBody<TRANSACTION_BYTES_MAX, 3>;

impl<const BYTES: usize, const ENVELOPE: usize> BoundedBody<BYTES, ENVELOPE> {
    /// The raw bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Parses the body as `T`, which may borrow from it.
    pub(crate) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        strict::from_slice(&self.0).map_err(|error| self.refused::<T>(&error))
    }

    /// Parses again to locate the error; only for refused bodies.
    fn refused<'a, T: Deserialize<'a>>(&'a self, error: &serde_json::Error) -> Problem {
        let message = error.to_string();
        if error.classify() != Category::Data || message.starts_with("duplicate field") {
            return Problem::new(Code::InvalidJson, message)
                .with("line", error.line())
                .with("column", error.column());
        }
        let mut deserializer = serde_json::Deserializer::from_slice(&self.0);
        let field = match serde_path_to_error::deserialize::<_, T>(Strict::new(&mut deserializer)) {
            Err(located) => located.path().to_string(),
            Ok(_) => ".".to_owned(),
        };
        if let Some(rest) = message.strip_prefix("unknown field `") {
            let name: String = rest.split('`').next().unwrap_or_default().chars().take(64).collect();
            return Problem::new(Code::UnknownField, message).with("field", name);
        }
        if let Some(rest) = message.strip_prefix("missing field `") {
            let name = rest.split('`').next().unwrap_or_default().to_owned();
            return Problem::new(Code::InvalidBody, message).with("field", name);
        }
        Problem::new(Code::InvalidBody, message).with("field", field)
    }
}

impl<const BYTES: usize, const ENVELOPE: usize> FromRequest<Api> for BoundedBody<BYTES, ENVELOPE> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        receive(request, api, &["application/json"], Limits { bytes: BYTES, envelope: ENVELOPE })
            .await
            .map(Self)
    }
}

/// Limits of a body.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Maximum size, in bytes.
    pub(super) bytes: usize,
    /// Levels around a document.
    pub(super) envelope: usize,
}

/// Reads a body of one of these types within the limits.
pub(super) async fn receive(
    request: Request,
    api: &Api,
    types: &[&'static str],
    limits: Limits,
) -> Result<Bytes, Problem> {
    if let Err(problem) = acceptable(request.headers(), types, limits.bytes) {
        let (parts, body) = request.into_parts();
        refuse(&parts.headers, &mut body.into_data_stream()).await;
        return Err(problem);
    }
    // Half of the request timeout, so that a late body is refused before anything is proposed.
    let limit = api.outside.request_timeout / 2;
    let body = tokio::time::timeout(limit, read(request, limits.bytes)).await.map_err(|_| {
        Problem::new(Code::RequestTimeout, "the body did not arrive in time; nothing was changed")
    })??;
    no_mark(&body)?;
    if is_too_deep(&body, NESTING_MAX + limits.envelope) {
        let detail = format!("documents may be nested {NESTING_MAX} levels deep");
        return Err(Problem::new(Code::NestingTooDeep, detail).with("limit", NESTING_MAX));
    }
    Ok(body)
}

fn acceptable(headers: &HeaderMap, types: &[&'static str], bytes_max: usize) -> Result<(), Problem> {
    if headers.contains_key(CONTENT_ENCODING) {
        let detail = "bodies must not be compressed: send no Content-Encoding";
        return Err(Problem::new(Code::UnsupportedMediaType, detail).with("header", "Content-Encoding"));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !types.iter().any(|expected| is(kind, expected)) {
        let detail = format!("bodies must have the Content-Type {}", types.join(" or "));
        return Err(Problem::new(Code::UnsupportedMediaType, detail).with("header", "Content-Type"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    Ok(())
}

/// Reads the body up to the limit, with or without `Content-Length`.
async fn read(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut chunks = request.into_body().into_data_stream();
    let broken = |_| Problem::new(Code::InvalidJson, "the body broke off");
    let Some(first) = chunks.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(broken)?;
    if first.len() > bytes_max {
        drain(&mut chunks).await;
        return Err(too_large(bytes_max));
    }
    let Some(second) = chunks.next().await else { return Ok(first) };
    let mut body = BytesMut::with_capacity(length.unwrap_or(0).min(BODY_RESERVE_MAX).max(first.len()));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(broken)?;
        if body.len() + chunk.len() > bytes_max {
            drain(&mut chunks).await;
            return Err(too_large(bytes_max));
        }
        body.extend_from_slice(&chunk);
        next = chunks.next().await;
    }
    Ok(body.freeze())
}

/// Refuses a body. A client that sent `Expect: 100-continue` sends no body; from others the body is read, so
/// that they receive the refusal.
pub(super) async fn refuse(headers: &HeaderMap, chunks: &mut BodyDataStream) {
    if !headers.contains_key(EXPECT) {
        drain(chunks).await;
    }
}

/// Refuses a byte order mark, which JSON does not permit (RFC 8259 section 8.1) and editors hide.
pub(super) fn no_mark(text: &[u8]) -> Result<(), Problem> {
    const MARKS: [(&[u8], &str); 3] =
        [(b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")];
    let found = MARKS.iter().find(|(mark, _)| text.starts_with(mark));
    found.map_or(Ok(()), |(_, encoding)| {
        let detail = format!("the body begins with a byte order mark of {encoding}: send UTF-8 without one");
        Err(Problem::new(Code::InvalidJson, detail).with("line", 1).with("column", 1))
    })
}

/// Reads and discards the rest of a refused body, within bounds.
pub(super) async fn drain(chunks: &mut BodyDataStream) {
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes += chunk.len();
            if bytes > DRAIN_BYTES_MAX {
                return;
            }
        }
    };
    // The refusal does not depend on how much was read.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body may have at most {bytes_max} bytes");
    Problem::new(Code::BodyTooLarge, detail).with("limit_bytes", bytes_max)
}

/// Counts brackets outside strings. Does not check the JSON grammar.
fn is_too_deep(body: &[u8], nesting_max: usize) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = body.get(at) {
        at = if *byte == b'"' { string_end(body, at + 1) } else { at + 1 };
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > nesting_max {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!is_too_deep(nested(65).as_bytes(), 65));
        assert!(is_too_deep(nested(66).as_bytes(), 65));
        assert!(is_too_deep("{".repeat(100_000).as_bytes(), 65));
        assert!(!is_too_deep(format!("\"{}\\\"{}\"", "[".repeat(99), "[".repeat(99)).as_bytes(), 65));
    }
}
