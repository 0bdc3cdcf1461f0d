//! Connections to one peer: four, so that no kind of traffic waits behind another. Each connects
//! when first used and again after it broke.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
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

/// A gRPC client of one peer.
pub(super) type Client = PeerClient<InterceptedService<Channel, Stamp>>;

/// The connections to one peer.
#[derive(Clone, Debug)]
pub(super) struct PeerChannels {
    /// Replication.
    pub(super) append: Client,
    /// Heartbeats, votes, leadership transfer.
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
        addr: &str,
    ) -> Result<Self, TlsError> {
        let client = || connect_lazily(sockets, tls, node_id, addr);
        Ok(Self { append: client()?, control: client()?, snapshot: client()?, forward: client()? })
    }
}

fn connect_lazily(
    sockets: &Arc<dyn Sockets>,
    tls: &PeerTls,
    node_id: u64,
    addr: &str,
) -> Result<Client, TlsError> {
    let dns_name = peer_dns_name(tls.cluster_id(), node_id);
    let server_name = peer_server_name(tls.cluster_id(), node_id)?;
    let connector = TlsConnector::from(tls.client_config());
    let (sockets, addr): (_, Arc<str>) = (sockets.clone(), addr.into());
    let dial = tower::service_fn(move |_| {
        let dialled = dial(sockets.clone(), connector.clone(), addr.clone(), server_name.clone());
        async move { dialled.await.map(TokioIo::new) }
    });
    // The scheme is http because TLS is made by the connector, not by tonic.
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
    addr: Arc<str>,
    name: ServerName<'static>,
) -> io::Result<TlsStream<Box<dyn Socket>>> {
    let socket = sockets.connect(&addr).await?;
    connector.connect(name, socket).await
}
