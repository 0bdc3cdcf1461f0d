//! Check that ports are free before anything starts.

use anyhow::Context as _;
use std::net::{SocketAddr, TcpListener};

/// Fails with the first address that cannot be bound.
pub(super) fn require_free(addresses: impl IntoIterator<Item = SocketAddr>) -> anyhow::Result<()> {
    for address in addresses {
        TcpListener::bind(address).with_context(|| {
            format!(
                "port {} is not free on {}; stop what uses it, or choose another --port",
                address.port(),
                address.ip()
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        let error = require_free([address]).expect_err("it is taken").to_string();
        assert!(error.contains(&address.port().to_string()), "{error}");
        drop(taken);
        require_free([address]).expect("free again");
    }
}
