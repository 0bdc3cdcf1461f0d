//! The four connections to a peer, so that no kind of traffic delays another. Each connects on first use and
//! reconnects after a failure.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use super::authorize::Stamp;
use super::tls::peer_server_name;
use super::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, KEEP_ALIVE, MESSAGE_BYTES_MAX, PeerTls, STREAM_WINDOW_BYTES,
    Socket, Sockets, TlsError, peer_dns_name,
};
use crate::codec::proto::peer_client::PeerClient;

/// Time limit for the address in the membership, if the settings have another one to try next.
const FIRST_ADDRESS_TIMEOUT: Duration = Duration::from_secs(1);

/// A gRPC client of one peer.
pub(super) type Client = PeerClient<InterceptedService<Channel, Stamp>>;

/// The addresses of a peer. Its certificate proves its identity, so several may be tried.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The first known address: that of the settings.
    first: Arc<str>,
    /// The latest known address: that of the membership.
    last: Mutex<Arc<str>>,
}

impl Addresses {
    pub(super) fn new(addr: &str) -> Self {
        Self { first: addr.into(), last: Mutex::new(addr.into()) }
    }

    /// Sets the address for further connections.
    pub(super) fn change(&self, addr: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if **last != *addr {
            *last = addr.into();
        }
    }

    fn both(&self) -> (Arc<str>, Option<Arc<str>>) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = (self.first != last).then(|| self.first.clone());
        (last, first)
    }
}

/// The connections to one peer.
#[derive(Clone, Debug)]
pub(super) struct PeerChannels {
    /// Log replication.
    pub(super) append: Client,
    /// Heartbeats, votes and leadership transfer.
    pub(super) control: Client,
    /// Snapshots.
    pub(super) snapshot: Client,
    /// Forwarded proposals, read barriers, status.
    pub(super) forward: Client,
}

impl PeerChannels {
    pub(super) fn new(
        sockets: &Arc<dyn Sockets>,
        tls: &PeerTls,
        node_id: u64,
        addresses: &Arc<Addresses>,
    ) -> Result<Self, TlsError> {
        let client = || connect_lazily(sockets, tls, node_id, addresses);
        Ok(Self { append: client()?, control: client()?, snapshot: client()?, forward: client()? })
    }
}

fn connect_lazily(
    sockets: &Arc<dyn Sockets>,
    tls: &PeerTls,
    node_id: u64,
    addresses: &Arc<Addresses>,
) -> Result<Client, TlsError> {
    let dns_name = peer_dns_name(tls.cluster_id(), node_id);
    let server_name = peer_server_name(tls.cluster_id(), node_id)?;
    let connector = TlsConnector::from(tls.client_config());
    let (sockets, addresses) = (sockets.clone(), addresses.clone());
    let dial = tower::service_fn(move |_| {
        let dialled = dial(sockets.clone(), connector.clone(), addresses.clone(), server_name.clone());
        async move { dialled.await.map(TokioIo::new) }
    });
    // The scheme is http, because the connector does TLS rather than tonic.
    let channel = Endpoint::from_shared(format!("http://{dns_name}"))
        .map_err(|_| TlsError::BadName(dns_name))?
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(dial);
    let stamped = InterceptedService::new(channel, Stamp::new(tls, node_id)?);
    Ok(PeerClient::new(stamped)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX))
}

async fn dial(
    sockets: Arc<dyn Sockets>,
    connector: TlsConnector,
    addresses: Arc<Addresses>,
    name: ServerName<'static>,
) -> io::Result<TlsStream<Box<dyn Socket>>> {
    let (last, first) = addresses.both();
    let Some(first) = first else { return dial_at(&sockets, &connector, &last, name).await };
    // The settings have the right address if the member moved while the membership could not be changed.
    match timeout(FIRST_ADDRESS_TIMEOUT, dial_at(&sockets, &connector, &last, name.clone())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) | Err(_) => dial_at(&sockets, &connector, &first, name).await,
    }
}

async fn dial_at(
    sockets: &Arc<dyn Sockets>,
    connector: &TlsConnector,
    addr: &str,
    name: ServerName<'static>,
) -> io::Result<TlsStream<Box<dyn Socket>>> {
    let socket = sockets.connect(addr).await?;
    connector.connect(name, socket).await
}
