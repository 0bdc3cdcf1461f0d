//! Early checks of a request: host header and content negotiation.

use crate::problem::{Code, Problem};
use axum::extract::{ConnectInfo, Request};
use http::header::{ACCEPT, HOST};
use http::uri::Authority;
use http::{HeaderMap, Version};
use std::net::SocketAddr;

/// Requires exactly one `Host` in HTTP/1.1 (RFC 9112 section 3.2). Otherwise intermediaries could route the
/// request differently.
pub(super) fn host(request: &Request) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let refused = |detail| Err(Problem::new(Code::InvalidHost, detail).with("header", "Host"));
    match (first, second) {
        (_, Some(_)) => refused("there is more than one Host header"),
        (None, None) if came_by_http11(request) && request.uri().authority().is_none() => {
            refused("a request of HTTP/1.1 must have a Host header")
        }
        (Some(host), None) if !host.is_empty() && Authority::try_from(host.as_bytes()).is_err() => {
            refused("the Host header is no host")
        }
        _ => Ok(()),
    }
}

/// Whether the request came over HTTP/1.1. In-process requests have no connection and no host.
fn came_by_http11(request: &Request) -> bool {
    request.version() == Version::HTTP_11 && request.extensions().get::<ConnectInfo<SocketAddr>>().is_some()
}

/// Refuses a response that the client does not accept. `produces` are the available media types; empty for a
/// response without a body.
pub(super) fn accept(headers: &HeaderMap, produces: &[String]) -> Result<(), Problem> {
    let lines: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range<'_>> =
        lines.iter().flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
    if ranges.is_empty() || produces.is_empty() || produces.iter().any(|kind| is_accepted(&ranges, kind)) {
        return Ok(());
    }
    let detail = format!("the answer is to be had as {}", produces.join(" or "));
    let problem = Problem::new(Code::NotAcceptable, detail).with("header", "Accept");
    Err(problem.with("available", produces.to_vec()))
}

/// A media range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subkind: &'a str,
    is_refused: bool,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subkind) = match parts.next()? {
            // Sent by some old clients.
            "*" => ("*", "*"),
            range => range.split_once('/')?,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_refused = weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        Some(Self { kind, subkind, is_refused })
    }

    /// How specifically the range matches; `None` if it does not match.
    fn fits(&self, kind: &str, subkind: &str) -> Option<u8> {
        match (self.kind, self.subkind) {
            ("*", "*") => Some(0),
            (own, "*") if own.eq_ignore_ascii_case(kind) => Some(1),
            (own, sub) if own.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subkind) => Some(2),
            _ => None,
        }
    }
}

/// Whether the most specific matching range accepts the type (RFC 9110 section 12.5.1).
fn is_accepted(ranges: &[Range<'_>], produced: &str) -> bool {
    let essence = produced.split(';').next().unwrap_or_default().trim();
    let (kind, subkind) = essence.split_once('/').unwrap_or((essence, ""));
    let fitting = ranges.iter().filter_map(|range| Some((range.fits(kind, subkind)?, range)));
    fitting.max_by_key(|(fit, _)| *fit).is_some_and(|(_, range)| !range.is_refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn accepted(header: &str, produces: &[&str]) -> bool {
        let headers = HeaderMap::from_iter([(ACCEPT, header.parse().expect("a value"))]);
        let produces: Vec<String> = produces.iter().map(ToString::to_string).collect();
        accept(&headers, &produces).is_ok()
    }

    #[test]
    fn the_range_that_fits_best_decides() {
        let json = ["application/json"];
        for good in [
            "",
            "*/*",
            "*",
            "application/*",
            "APPLICATION/JSON",
            "text/html, */*;q=0.1",
            "application/json; q=1",
        ] {
            assert!(accepted(good, &json), "{good}");
        }
        for bad in
            ["text/html", "text/*", "application/xml;q=1", "application/json;q=0", "*/*;q=0", "*/*;q=0.000"]
        {
            assert!(!accepted(bad, &json), "{bad}");
        }
        assert!(!accepted("*/*, application/json;q=0", &json));
        assert!(accepted("*/*;q=0, application/json", &json));
        assert!(accepted("text/html", &[]), "there is no body");
        assert!(accepted("text/csv", &["application/json", "text/csv"]));
    }

    #[test]
    fn a_request_names_one_host() {
        let check = |version, target: &str, hosts: &[&str]| {
            let mut request = Request::new(Body::empty());
            *request.version_mut() = version;
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 4000))));
            *request.uri_mut() = target.parse().expect("a target");
            for host in hosts {
                request.headers_mut().append(HOST, host.parse().expect("a value"));
            }
            super::host(&request).is_ok()
        };
        assert!(check(Version::HTTP_11, "/", &["h:8080"]) && check(Version::HTTP_11, "/", &[""]));
        assert!(check(Version::HTTP_10, "/", &[]) && check(Version::HTTP_2, "http://h/", &[]));
        assert!(!check(Version::HTTP_11, "/", &[]));
        assert!(!check(Version::HTTP_11, "/", &["a", "b"]) && !check(Version::HTTP_11, "/", &["a", "a"]));
        assert!(!check(Version::HTTP_11, "/", &["a b"]) && !check(Version::HTTP_2, "http://h/", &["a", "b"]));
    }
}
