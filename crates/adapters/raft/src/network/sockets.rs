//! Where the bytes between nodes go: TCP in production, a simulated network in a simulation. TLS and
//! everything above it is the same on both.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A connection: bytes in order, both ways.
pub trait Socket: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Socket for T {}

/// A bound port.
#[async_trait]
pub trait SocketListener: fmt::Debug + Send + Sync {
    /// The next connection, and who made it.
    async fn accept(&self) -> io::Result<(Box<dyn Socket>, SocketAddr)>;

    /// The address that was bound.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// Makes connections.
#[async_trait]
pub trait Sockets: fmt::Debug + Send + Sync {
    /// Binds a port.
    async fn bind(&self, addr: SocketAddr) -> io::Result<Box<dyn SocketListener>>;

    /// Connects to `host:port`.
    async fn connect(&self, addr: &str) -> io::Result<Box<dyn Socket>>;
}

/// TCP of the operating system, without delay.
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
