//! The networks of IP addresses, by which failures are counted.

use std::net::IpAddr;

/// The network of an address: the first 24 bits of IPv4, 64 of IPv6.
pub(super) fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => "unknown".to_owned(),
    }
}

/// The unit that one host controls: an IPv4 address, or an IPv6 network of 64 bits.
pub(super) fn source(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        _ => network(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_network() {
        for (address, expected, host) in [
            ("192.0.2.7", "192.0.2.0/24", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.0/24", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::/64"),
            ("", "unknown", "unknown"),
            ("not an address", "unknown", "unknown"),
        ] {
            assert_eq!((network(address).as_str(), source(address).as_str()), (expected, host));
        }
    }
}
