//! Mutual TLS between nodes: only TLS 1.3, only the cluster's own CA, one DNS name for each node. The crypto
//! provider is given explicitly, without a process-wide default.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// The protocol for ALPN.
const ALPN_H2: &[u8] = b"h2";

/// The reason why peer TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The input is not PEM or contains something unexpected.
    #[error("{what} is not valid PEM")]
    Pem {
        /// The input.
        what: &'static str,
        /// The cause.
        #[source]
        cause: rustls_pki_types::pem::Error,
    },
    /// The file contains no certificate.
    #[error("{0} holds no certificate")]
    Empty(&'static str),
    /// The CA certificate cannot be used to verify peers.
    #[error("the cluster's CA cannot verify peers")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The certificate or its key cannot be used.
    #[error("the peer certificate or key is not usable")]
    Rustls(#[from] rustls::Error),
    /// The certificate is for another node or cluster.
    #[error("the peer certificate is not valid for {0}")]
    WrongName(String),
    /// The cluster id does not fit into a DNS name.
    #[error("{0} is not a valid DNS name: is the cluster id made of letters, digits and hyphens?")]
    BadName(String),
}

/// The DNS name in the certificate of a node.
pub fn peer_dns_name(cluster_id: &str, node_id: u64) -> String {
    format!("node-{node_id}.{cluster_id}.guardian.internal")
}

pub(super) fn peer_server_name(cluster_id: &str, node_id: u64) -> Result<ServerName<'static>, TlsError> {
    let name = peer_dns_name(cluster_id, node_id);
    ServerName::try_from(name.clone()).map_err(|_| TlsError::BadName(name))
}

/// Checks that a certificate is that of a node. Its chain must have been verified before.
pub(super) fn certificate_names(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), webpki::Error> {
    webpki::EndEntityCert::try_from(certificate)?.verify_is_valid_for_subject_name(name)
}

/// The TLS credentials of a node for its peers.
#[derive(Clone, Debug)]
pub struct PeerTls {
    cluster_id: Arc<str>,
    node_id: u64,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl PeerTls {
    /// Takes the CA, the node's certificate chain and its key, all as PEM. Fails if the certificate is not
    /// for this node of this cluster.
    pub fn from_pem(
        cluster_id: &str,
        node_id: u64,
        ca: &[u8],
        chain: &[u8],
        key: &[u8],
    ) -> Result<Self, TlsError> {
        let ca = certificates("the CA file", ca)?;
        let chain = certificates("the peer certificate file", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|cause| TlsError::Pem { what: "the peer key file", cause })?;
        Self::new(cluster_id, node_id, ca, chain, &key)
    }

    /// As [`Self::from_pem`], with DER.
    pub fn new(
        cluster_id: &str,
        node_id: u64,
        ca: Vec<CertificateDer<'static>>,
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let name = peer_server_name(cluster_id, node_id)?;
        // Checks that DNS names can be formed for all node ids.
        peer_server_name(cluster_id, u64::MAX)?;
        let own = chain.first().ok_or(TlsError::Empty("the peer certificate file"))?;
        certificate_names(own, &name).map_err(|_| TlsError::WrongName(peer_dns_name(cluster_id, node_id)))?;

        let mut roots = RootCertStore::empty();
        for certificate in ca {
            roots.add(certificate)?;
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = [&rustls::version::TLS13];

        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())?;
        server.alpn_protocols = vec![ALPN_H2.to_vec()];
        // Resumed sessions are not verified again, and peers connect rarely, so resumption is disabled.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;

        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key.clone_key())?;
        client.alpn_protocols = vec![ALPN_H2.to_vec()];
        client.resumption = rustls::client::Resumption::disabled();

        Ok(Self {
            cluster_id: cluster_id.into(),
            node_id,
            client: Arc::new(client),
            server: Arc::new(server),
        })
    }

    /// The cluster of the credentials.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The node of the credentials.
    pub fn node_id(&self) -> u64 {
        self.node_id
    }

    /// The same credentials with a false node id.
    #[cfg(test)]
    pub(super) fn claiming(mut self, node_id: u64) -> Self {
        self.node_id = node_id;
        self
    }

    pub(super) fn client_config(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }

    pub(super) fn server_config(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|cause| TlsError::Pem { what, cause })?;
    if found.is_empty() {
        return Err(TlsError::Empty(what));
    }
    Ok(found)
}
