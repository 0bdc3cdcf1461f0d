//! A streamed body of lines (NDJSON). Size, line length and time are bounded; it is never held as a whole.

use super::body::{drain, no_mark, refuse};
use crate::problem::{Code, Problem};
use crate::router::Api;
use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderName};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum size of the body, in bytes.
pub(crate) const LINES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Maximum length of a line, in bytes; a document may contain white space.
pub(crate) const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Maximum time between two chunks.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Minimum number of bytes per [`PROGRESS_MAX`], so that a slow client does not occupy an import slot.
const PROGRESS_BYTES_MIN: usize = 64 * 1024;
/// Maximum time for [`PROGRESS_BYTES_MIN`].
const PROGRESS_MAX: Duration = Duration::from_mins(1);
/// Minimum time that the client has for its next chunk.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Maximum time for the first line.
const FIRST_LINE_MAX: Duration = Duration::from_secs(30);
/// Maximum time for the whole body; lines imported before stay.
const WHOLE_MAX: Duration = Duration::from_mins(9);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The lines of a body.
pub(crate) struct Lines {
    chunks: BodyDataStream,
    buffer: BytesMut,
    /// Length of the buffer prefix without a line end.
    scanned: usize,
    /// Bytes received.
    bytes: usize,
    /// The number of the last returned line, from 1.
    line: u64,
    ended: bool,
    until: Instant,
    /// Whether the client sent `Expect: 100-continue`.
    waits: bool,
    /// When the last required progress was reached, and the bytes received by then.
    progress: (Instant, usize),
}

impl Lines {
    /// The next non-blank line, with its number from 1.
    pub(crate) async fn next(&mut self) -> Result<Option<(u64, Bytes)>, Problem> {
        loop {
            let Some(text) = self.cut() else {
                if self.ended {
                    return Ok(None);
                }
                self.fill().await?;
                continue;
            };
            self.line += 1;
            if !text.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.line, text)));
            }
        }
    }

    /// The first line, within [`FIRST_LINE_MAX`].
    pub(crate) async fn first(&mut self) -> Result<Option<(u64, Bytes)>, Problem> {
        let first = timeout(FIRST_LINE_MAX, self.next()).await.unwrap_or_else(|_elapsed| Err(too_late()))?;
        first.as_ref().map_or(Ok(()), |(_, text)| no_mark(text))?;
        Ok(first)
    }

    /// Reads and discards the rest within bounds, so that the client receives the refusal.
    pub(crate) async fn drain(&mut self) {
        // With `Expect: 100-continue` the client sends nothing before it is asked to.
        if !self.waits || self.bytes > 0 {
            drain(&mut self.chunks).await;
        }
    }

    /// Removes a complete line from the buffer; the last line may lack its end.
    fn cut(&mut self) -> Option<Bytes> {
        let rest = self.buffer.get(self.scanned..).unwrap_or_default();
        if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let line = self.buffer.split_to(self.scanned + at + 1);
            self.scanned = 0;
            return Some(line.freeze());
        }
        self.scanned = self.buffer.len();
        if self.ended && !self.buffer.is_empty() {
            self.scanned = 0;
            return Some(self.buffer.split().freeze());
        }
        None
    }

    async fn fill(&mut self) -> Result<(), Problem> {
        if self.buffer.len() > LINE_BYTES_MAX {
            let detail = format!("a line may have at most {LINE_BYTES_MAX} bytes");
            let problem = Problem::new(Code::BodyTooLarge, detail).with("limit_bytes", LINE_BYTES_MAX);
            return Err(problem.with("line", self.line + 1));
        }
        let now = Instant::now();
        if self.bytes >= self.progress.1 + PROGRESS_BYTES_MIN {
            self.progress = (now, self.bytes);
        }
        // The time that the node spent on earlier lines does not count.
        let waited = (self.progress.0 + PROGRESS_MAX).max(now + PAUSE_MIN);
        let limit = (now + PAUSE_MAX).min(waited).min(self.until);
        let chunk = timeout_at(limit, self.chunks.next()).await.map_err(|_elapsed| too_late())?;
        match chunk {
            None => self.ended = true,
            Some(Err(_)) => return Err(Problem::new(Code::InvalidJson, "the body broke off")),
            Some(Ok(chunk)) => {
                self.bytes += chunk.len();
                if self.bytes > LINES_BYTES_MAX {
                    return Err(too_large());
                }
                self.buffer.extend_from_slice(&chunk);
            }
        }
        Ok(())
    }
}

fn too_late() -> Problem {
    Problem::new(Code::RequestTimeout, "the body did not arrive in time; send it again to go on")
}

fn too_large() -> Problem {
    let detail = format!("the body may have at most {LINES_BYTES_MAX} bytes; send it in parts");
    Problem::new(Code::BodyTooLarge, detail).with("limit_bytes", LINES_BYTES_MAX)
}

impl FromRequest<Api> for Lines {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let refused = acceptable(request.headers()).err();
        let (parts, body) = request.into_parts();
        let mut chunks = body.into_data_stream();
        if let Some(problem) = refused {
            refuse(&parts.headers, &mut chunks).await;
            return Err(problem);
        }
        Ok(Self {
            chunks,
            buffer: BytesMut::new(),
            scanned: 0,
            bytes: 0,
            line: 0,
            ended: false,
            until: Instant::now() + WHOLE_MAX,
            waits: parts.headers.contains_key(EXPECT),
            progress: (Instant::now(), 0),
        })
    }
}

fn acceptable(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        let detail = "an import is repeatable as it is: send it again without Idempotency-Key";
        return Err(Problem::new(Code::InvalidIdempotencyKey, detail).with("header", "Idempotency-Key"));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        let detail = "bodies must not be compressed: send no Content-Encoding";
        return Err(Problem::new(Code::UnsupportedMediaType, detail).with("header", "Content-Encoding"));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-ndjson") {
        let detail = "an import must have the Content-Type application/x-ndjson";
        return Err(Problem::new(Code::UnsupportedMediaType, detail).with("header", "Content-Type"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > LINES_BYTES_MAX) { Err(too_large()) } else { Ok(()) }
}
