//! The simulated network of the nodes.

use adapter_raft::network::{Socket, SocketListener, Sockets};
use async_trait::async_trait;
use std::io;
use std::net::SocketAddr;

/// turmoil's TCP.
#[derive(Clone, Copy, Debug)]
pub struct SimNetwork;

struct Listener(turmoil::net::TcpListener);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

#[async_trait]
impl Sockets for SimNetwork {
    async fn bind(&self, addr: SocketAddr) -> io::Result<Box<dyn SocketListener>> {
        Ok(Box::new(Listener(turmoil::net::TcpListener::bind(addr).await?)))
    }

    async fn connect(&self, addr: &str) -> io::Result<Box<dyn Socket>> {
        Ok(Box::new(turmoil::net::TcpStream::connect(addr).await?))
    }
}

#[async_trait]
impl SocketListener for Listener {
    async fn accept(&self) -> io::Result<(Box<dyn Socket>, SocketAddr)> {
        let (stream, addr) = self.0.accept().await?;
        Ok((Box::new(stream), addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
