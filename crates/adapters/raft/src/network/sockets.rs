//! The transport between nodes: TCP in production, a simulated network in a simulation. TLS and everything
//! above are the same.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A bidirectional byte stream.
pub trait Socket: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Socket for T {}

/// A bound port.
#[async_trait]
pub trait SocketListener: fmt::Debug + Send + Sync {
    /// Accepts a connection; returns it with the address of the client.
    async fn accept(&self) -> io::Result<(Box<dyn Socket>, SocketAddr)>;

    /// The bound address.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Creates listeners and connections.
#[async_trait]
pub trait Sockets: fmt::Debug + Send + Sync {
    /// Binds a port.
    async fn bind(&self, addr: SocketAddr) -> io::Result<Box<dyn SocketListener>>;

    /// Connects to `host:port`.
    async fn connect(&self, addr: &str) -> io::Result<Box<dyn Socket>>;
}

/// TCP of the operating system, with `TCP_NODELAY`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

#[async_trait]
impl Sockets for Tcp {
    async fn bind(&self, addr: SocketAddr) -> io::Result<Box<dyn SocketListener>> {
        Ok(Box::new(TcpListener::bind(addr).await?))
    }

    async fn connect(&self, addr: &str) -> io::Result<Box<dyn Socket>> {
        let tcp = TcpStream::connect(addr).await?;
        tcp.set_nodelay(true)?;
        Ok(Box::new(tcp))
    }
}

#[async_trait]
impl SocketListener for TcpListener {
    async fn accept(&self) -> io::Result<(Box<dyn Socket>, SocketAddr)> {
        let (tcp, addr) = Self::accept(self).await?;
        tcp.set_nodelay(true)?;
        Ok((Box::new(tcp), addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}
