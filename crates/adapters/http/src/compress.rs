//! Compression of responses (gzip, zstd) on request: lists, exports and the `OpenAPI` document. Single
//! configs are never compressed, because their strong entity tag identifies bytes (RFC 9110 section 8.8.3).

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::FromRequestParts;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream::{BoxStream, Stream, StreamExt as _, try_unfold};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use std::convert::Infallible;
use std::io::{self, Write as _};
use tokio::sync::Semaphore;

/// Responses smaller than this many bytes are not compressed.
const BYTES_MIN: usize = 1024;
/// Responses larger than this many bytes are compressed on a blocking thread.
const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of those at a time; further responses are sent uncompressed.
const AT_ONCE_MAX: usize = 2;
/// The fastest level.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// Response extension: the response may be compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compressible;

/// A content coding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

/// Extractor: the coding that the client accepts, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(pub(crate) Option<Coding>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Coding::of(&parts.headers)))
    }
}

impl Coding {
    /// The coding with the highest weight in `Accept-Encoding`; zstd among equals. `*` is ignored.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let (mut best, mut most) = (None, 0.0);
        for part in lines.flat_map(|line| line.split(',')) {
            let mut words = part.split(';').map(str::trim);
            let coding = match words.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Self::Gzip,
                "zstd" => Self::Zstd,
                _ => continue,
            };
            let weight = words.find_map(|word| word.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
            let weight = weight.unwrap_or(0.0);
            if weight > most || (weight >= most && weight > 0.0 && coding == Self::Zstd) {
                (best, most) = (Some(coding), weight);
            }
        }
        best
    }

    fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }

    /// Compresses a whole text.
    pub(crate) fn compress(self, text: &[u8]) -> io::Result<Bytes> {
        let mut all = Compressor::new(self)?;
        let begin = all.write(text)?;
        Ok([begin, all.finish()?].concat().into())
    }
}

/// Sets the headers of a response that is compressed, or that could have been.
pub(crate) fn mark(headers: &mut HeaderMap, coding: Option<Coding>) {
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, coding.name());
        headers.remove(CONTENT_LENGTH);
    }
}

/// Compresses a complete response, if it is marked as [`Compressible`] and large enough.
pub(crate) async fn whole(response: Response, coding: Option<Coding>) -> Response {
    if response.extensions().get::<Compressible>().is_none() {
        return response;
    }
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let (mut parts, body) = response.into_parts();
    let (Some(coding), Some(bytes)) = (coding, bytes.filter(|bytes| *bytes >= BYTES_MIN)) else {
        mark(&mut parts.headers, None);
        return Response::from_parts(parts, body);
    };
    // The body is already in memory.
    let Ok(plain) = to_bytes(body, bytes).await else { return Response::from_parts(parts, Body::empty()) };
    let compressed = if bytes <= INLINE_BYTES_MAX {
        coding.compress(&plain).ok()
    } else if let Ok(_turn) = TURNS.try_acquire() {
        let text = plain.clone();
        let done = tokio::task::spawn_blocking(move || coding.compress(&text)).await;
        done.ok().and_then(Result::ok)
    } else {
        None
    };
    mark(&mut parts.headers, compressed.is_some().then_some(coding));
    Response::from_parts(parts, Body::from(compressed.unwrap_or(plain)))
}

/// Compresses a stream of chunks.
pub(crate) fn stream(
    chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    coding: Option<Coding>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let Some(coding) = coding else { return chunks.boxed() };
    let begin = (chunks.boxed(), None::<Compressor>, false);
    try_unfold(begin, move |(mut chunks, compressor, ended)| async move {
        if ended {
            return Ok(None);
        }
        let mut compressor = match compressor {
            Some(compressor) => compressor,
            None => Compressor::new(coding)?,
        };
        loop {
            let Some(chunk) = chunks.next().await.transpose()? else {
                return Ok(Some((compressor.finish()?, (chunks, None, true))));
            };
            let text = compressor.write(&chunk)?;
            if !text.is_empty() {
                return Ok(Some((text, (chunks, Some(compressor), false))));
            }
        }
    })
    .boxed()
}

/// An incremental compressor.
enum Compressor {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Compressor {
    fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    /// Compresses a piece; returns the output available so far.
    fn write(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        Ok(Bytes::from(match self {
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
            Self::Zstd(encoder) => {
                encoder.write_all(piece)?;
                std::mem::take(encoder.get_mut())
            }
        }))
    }

    /// Finishes; returns the remaining output.
    fn finish(self) -> io::Result<Bytes> {
        Ok(Bytes::from(match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn asked(header: &str) -> Option<Coding> {
        Coding::of(&HeaderMap::from_iter([(ACCEPT_ENCODING, header.parse().expect("a value"))]))
    }

    #[test]
    fn the_heaviest_coding_is_taken() {
        assert_eq!(asked("gzip"), Some(Coding::Gzip));
        assert_eq!(asked("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(asked("zstd, gzip"), Some(Coding::Zstd));
        assert_eq!(asked("zstd;q=0.5, gzip;q=0.8"), Some(Coding::Gzip));
        for none in ["", "identity", "*", "gzip;q=0", "br", "gzip;q=x"] {
            assert_eq!(asked(none), None, "{none}");
        }
    }

    #[tokio::test]
    async fn what_is_compressed_can_be_read() {
        let pieces: Vec<Bytes> =
            (0..50).map(|n| Bytes::from(format!("{n} {}\n", "x".repeat(n * 100)))).collect();
        let plain = pieces.concat();
        for coding in [Coding::Gzip, Coding::Zstd] {
            let parts = stream(futures::stream::iter(pieces.clone().into_iter().map(Ok)), Some(coding));
            let parts: Vec<Bytes> = parts.map(|part| part.expect("compressed")).collect().await;
            for text in [parts.concat(), coding.compress(&plain).expect("compressed").to_vec()] {
                let mut read = Vec::new();
                match coding {
                    Coding::Gzip => flate2::read::GzDecoder::new(&*text).read_to_end(&mut read),
                    Coding::Zstd => {
                        zstd::stream::read::Decoder::new(&*text).expect("zstd").read_to_end(&mut read)
                    }
                }
                .expect("it is whole");
                assert!(read == plain && text.len() < plain.len() / 4, "{coding:?}");
            }
        }
    }
}
