//! Free ports of the loopback interface.

use rand::Rng as _;
use std::net::TcpListener;

/// Below the range from which the kernel takes ports for outgoing connections, so that nobody takes the
/// port of a node while it is down.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Finds `count` ports that nobody has right now. Somebody else may take one before it is used, so
/// whoever starts a server on one must be ready to try again with others.
pub fn free_ports(count: usize) -> Vec<u16> {
    let mut held: Vec<TcpListener> = Vec::new();
    while held.len() < count {
        held.extend(TcpListener::bind(("127.0.0.1", rand::rng().random_range(PORTS))).ok());
    }
    let port = |listener: &TcpListener| listener.local_addr().expect("a bound socket has an address").port();
    held.iter().map(port).collect()
}
