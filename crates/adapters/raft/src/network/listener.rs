//! Accepting peers: a connection, and a TLS handshake with a deadline. Handshakes run concurrently, and
//! accepting never waits for one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::handshakes::{Handshake, Handshakes};
use super::{CONNECTIONS_WAITING_MAX, HANDSHAKE_TIMEOUT, PeerTls, Socket, SocketListener, Sockets};
use crate::observe::Observer;

/// Pause after a failed `accept`, for example without free file descriptors.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);

/// A bound port for peers.
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

    /// Starts accepting. Connections are sent to the channel after their handshake.
    pub(super) fn accept(
        self,
        shutdown: CancellationToken,
        observer: Arc<dyn Observer>,
    ) -> mpsc::Receiver<io::Result<PeerStream>> {
        let (ready, incoming) = mpsc::channel(CONNECTIONS_WAITING_MAX);
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.accept_loop(ready, Handshakes::new(observer)) => {}
            }
        });
        incoming
    }

    async fn accept_loop(self, ready: mpsc::Sender<io::Result<PeerStream>>, handshakes: Arc<Handshakes>) {
        let acceptor = TlsAcceptor::from(self.tls.server_config());
        loop {
            if ready.is_closed() {
                return;
            }
            match self.socket.accept().await {
                Ok((socket, addr)) => {
                    let place = handshakes.enter(addr);
                    let made = handshake(acceptor.clone(), socket, place);
                    let (ready, handshakes) = (ready.clone(), handshakes.clone());
                    tokio::spawn(async move {
                        match made.await {
                            // The receiver is only gone if the server has stopped.
                            Ok(peer) => drop(ready.send(Ok(peer)).await),
                            Err(cause) => handshakes.failed(addr, &cause),
                        }
                    });
                }
                Err(cause) => {
                    tracing::warn!(%cause, "a peer connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

/// Frees its place when it ends.
async fn handshake(
    acceptor: TlsAcceptor,
    socket: Box<dyn Socket>,
    place: Handshake,
) -> Result<PeerStream, String> {
    tokio::select! {
        made = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)) => match made {
            Ok(Ok(tls)) => Ok(PeerStream { tls }),
            Ok(Err(cause)) => Err(cause.to_string()),
            Err(_elapsed) => Err("it took too long".to_owned()),
        },
        () = place.given_up.cancelled() => Err("it made room for later ones".to_owned()),
    }
}

/// A verified connection from a peer.
#[derive(Debug)]
pub(super) struct PeerStream {
    tls: TlsStream<Box<dyn Socket>>,
}

/// The verified certificate of a request's connection.
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
