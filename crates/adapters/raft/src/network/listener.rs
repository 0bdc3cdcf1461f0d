//! Accepting peers: a connection, a TLS handshake with a deadline, and no more than a fixed
//! number of handshakes at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, PeerTls, Socket, SocketListener, Sockets};

/// Pause after a failed `accept`, for example when no file descriptors are left.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);

/// A bound port of the peer plane.
#[derive(Debug)]
pub struct PeerListener {
    socket: Box<dyn SocketListener>,
    tls: PeerTls,
}

impl PeerListener {
    /// Binds the port.
    pub async fn bind(sockets: &dyn Sockets, addr: SocketAddr, tls: PeerTls) -> io::Result<Self> {
        Ok(Self { socket: sockets.bind(addr).await?, tls })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn tls(&self) -> &PeerTls {
        &self.tls
    }

    /// Starts accepting; the connections that finished their handshake arrive in the channel.
    pub(super) fn accept(self, shutdown: CancellationToken) -> mpsc::Receiver<io::Result<PeerStream>> {
        let (ready, incoming) = mpsc::channel(HANDSHAKES_MAX);
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.accept_loop(ready) => {}
            }
        });
        incoming
    }

    async fn accept_loop(self, ready: mpsc::Sender<io::Result<PeerStream>>) {
        let acceptor = TlsAcceptor::from(self.tls.server_config());
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            let Ok(permit) = handshakes.clone().acquire_owned().await else {
                return;
            };
            if ready.is_closed() {
                return;
            }
            match self.socket.accept().await {
                Ok((socket, addr)) => {
                    let work = handshake(acceptor.clone(), socket, addr, ready.clone(), permit);
                    tokio::spawn(work);
                }
                Err(cause) => {
                    tracing::warn!(%cause, "a peer connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    socket: Box<dyn Socket>,
    addr: SocketAddr,
    ready: mpsc::Sender<io::Result<PeerStream>>,
    _permit: OwnedSemaphorePermit,
) {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
        Ok(Ok(tls)) => {
            // The receiver is gone only when the server has stopped.
            drop(ready.send(Ok(PeerStream { tls })).await);
        }
        Ok(Err(cause)) => tracing::warn!(%addr, %cause, "a peer's TLS handshake failed"),
        Err(_) => tracing::warn!(%addr, "a peer's TLS handshake took too long"),
    }
}

/// A verified connection from a peer.
#[derive(Debug)]
pub(super) struct PeerStream {
    tls: TlsStream<Box<dyn Socket>>,
}

/// What a request can know about its connection.
#[derive(Clone, Debug)]
pub(super) struct PeerCertificate(pub(super) Option<Arc<CertificateDer<'static>>>);

impl Connected for PeerStream {
    type ConnectInfo = PeerCertificate;

    fn connect_info(&self) -> PeerCertificate {
        let (_, session) = self.tls.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        PeerCertificate(certificate.map(|der| Arc::new(der.clone().into_owned())))
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }
}
