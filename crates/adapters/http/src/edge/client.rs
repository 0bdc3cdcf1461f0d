//! The address of the client. Forwarding headers count only as far as trusted proxies wrote them.

use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client, as far as it is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Client {
    /// The address.
    pub(crate) address: Option<IpAddr>,
    /// Whether the client connected through TLS.
    pub(crate) https: bool,
}

impl Client {
    /// Determines the client behind `trusted_proxies` proxies, each of which appends the address that it saw.
    /// With fewer entries than proxies the request bypassed them, and the address of the connection counts.
    pub(super) fn of(request: &Request, trusted_proxies: usize) -> Self {
        let socket = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let socket = socket.map(|ConnectInfo(addr)| addr.ip().to_canonical());
        if trusted_proxies == 0 {
            return Self { address: socket, https: false };
        }
        let headers = request.headers();
        let forwarded = from_right(headers, &FORWARDED_FOR, trusted_proxies).and_then(address);
        // Some proxies replace this header instead of appending to it.
        let scheme = from_right(headers, &FORWARDED_PROTO, trusted_proxies)
            .or_else(|| from_right(headers, &FORWARDED_PROTO, 1));
        Self {
            address: forwarded.or(socket),
            https: scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        }
    }
}

/// Whether the request has a forwarding header.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(&FORWARDED_FOR)
}

/// The entry at this position from the right, from 1, over all headers of the name. Invalid entries are
/// counted too, so that client input cannot shift the entries of proxies.
fn from_right<'a>(headers: &'a HeaderMap, name: &HeaderName, place: usize) -> Option<&'a str> {
    let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let entries: Vec<&[u8]> = lines.flat_map(|line| line.split(|byte| *byte == b',')).collect();
    let wanted = entries.len().checked_sub(place).map(|at| entries[at])?;
    std::str::from_utf8(wanted.trim_ascii()).ok()
}

/// Parses an address with an optional port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let parsed = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|addr| addr.ip()));
    parsed.ok().map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn check<V: AsRef<[u8]>>(proxies: usize, headers: &[(&str, V)], address: &str, https: bool) {
        let mut request = Request::new(Body::empty());
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a name");
            let value = HeaderValue::from_bytes(value.as_ref()).expect("a value");
            request.headers_mut().append(name, value);
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 9], 4000))));
        let expected = Client { address: Some(address.parse().expect("an address")), https };
        assert_eq!(Client::of(&request, proxies), expected, "{proxies} {:?}", request.headers());
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let one = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
        check(0, &one, "10.0.0.9", false);
        check(1, &one, "203.0.113.7", true);
        check(2, &one, "10.0.0.9", true);
        // Entries of the client are further left.
        check(1, &[("x-forwarded-for", "1.1.1.1, 203.0.113.7")], "203.0.113.7", false);
        check(2, &[("x-forwarded-for", "1.1.1.1, 203.0.113.7, 10.0.0.8")], "203.0.113.7", false);
        check(1, &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2001:db8::1")], "2001:db8::1", false);
        check(1, &[("x-forwarded-for", "203.0.113.7:55")], "203.0.113.7", false);
        check(1, &[("x-forwarded-for", "[2001:db8::1]:55")], "2001:db8::1", false);
        check(1, &[("x-forwarded-for", "unknown")], "10.0.0.9", false);
        check::<&str>(1, &[], "10.0.0.9", false);
    }

    #[test]
    fn what_the_client_wrote_hides_nothing() {
        let name = "x-forwarded-for";
        check(1, &[(name, b"\xff, 203.0.113.7".as_slice())], "203.0.113.7", false);
        check(1, &[(name, b"\xff".as_slice()), (name, b"203.0.113.7")], "203.0.113.7", false);
        check(2, &[(name, b"\xff,203.0.113.7\t, 10.0.0.8".as_slice())], "203.0.113.7", false);
        check(2, &[(name, b"203.0.113.7, \xff".as_slice())], "203.0.113.7", false);
        check(1, &[(name, b"203.0.113.7, \xff".as_slice())], "10.0.0.9", false);
        check(2, &[(name, b"\xff".as_slice())], "10.0.0.9", false);
        check(1, &[("x-forwarded-proto", b"\xff, https".as_slice())], "10.0.0.9", true);
    }
}
