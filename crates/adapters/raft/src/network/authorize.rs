//! Authorisation of peers. The client sends cluster, sender and target as metadata of every call; the server
//! checks them against the certificate of the connection.

use std::sync::Arc;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::listener::PeerCertificate;
use super::tls::{certificate_names, peer_server_name};
use super::{PeerTls, TlsError, WIRE_VERSION};

const CLUSTER: &str = "guardian-cluster";
const FROM: &str = "guardian-from";
const TO: &str = "guardian-to";
const WIRE: &str = "guardian-wire";

/// Adds the metadata to every call to one peer.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    cluster: MetadataValue<Ascii>,
    from: MetadataValue<Ascii>,
    to: MetadataValue<Ascii>,
}

impl Stamp {
    pub(super) fn new(tls: &PeerTls, to: u64) -> Result<Self, TlsError> {
        let cluster = tls.cluster_id().parse();
        Ok(Self {
            cluster: cluster.map_err(|_| TlsError::BadName(tls.cluster_id().to_owned()))?,
            from: tls.node_id().into(),
            to: to.into(),
        })
    }
}

impl Interceptor for Stamp {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert(CLUSTER, self.cluster.clone());
        metadata.insert(FROM, self.from.clone());
        metadata.insert(TO, self.to.clone());
        metadata.insert(WIRE, WIRE_VERSION.into());
        Ok(request)
    }
}

/// The sender of a request, as proved by its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sender(pub(super) u64);

impl Sender {
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let sender = request.extensions().get::<Self>().copied();
        sender.ok_or_else(|| Status::internal("the call was not authorised"))
    }

    /// Refuses a message on behalf of another node.
    pub(super) fn must_be(self, node_id: u64) -> Result<(), Status> {
        if self.0 == node_id {
            Ok(())
        } else {
            Err(Status::permission_denied(format!("node {} speaks for node {node_id}", self.0)))
        }
    }
}

/// Admits only calls of members of this cluster that are addressed to this node.
#[derive(Clone, Debug)]
pub(super) struct Authorize {
    cluster_id: Arc<str>,
    node_id: u64,
}

impl Authorize {
    pub(super) fn new(tls: &PeerTls) -> Self {
        Self { cluster_id: tls.cluster_id().into(), node_id: tls.node_id() }
    }

    fn sender(&self, request: &Request<()>) -> Result<Sender, Status> {
        let metadata = request.metadata();
        let wire = number(metadata, WIRE)?;
        if wire != u64::from(WIRE_VERSION) {
            return Err(Status::failed_precondition(format!(
                "wire version {wire} is not spoken here, only {WIRE_VERSION}"
            )));
        }
        if text(metadata, CLUSTER)? != &*self.cluster_id {
            return Err(Status::failed_precondition("the call is for another cluster"));
        }
        if number(metadata, TO)? != self.node_id {
            return Err(Status::failed_precondition("the call is for another node"));
        }
        let from = number(metadata, FROM)?;
        let certificate = request
            .extensions()
            .get::<PeerCertificate>()
            .and_then(|peer| peer.0.as_ref())
            .ok_or_else(|| Status::permission_denied("the caller has no certificate"))?;
        let name =
            peer_server_name(&self.cluster_id, from).map_err(|cause| Status::internal(cause.to_string()))?;
        certificate_names(certificate, &name).map_err(|_| {
            Status::permission_denied("the caller's certificate is not that of the node it claims")
        })?;
        Ok(Sender(from))
    }
}

impl Interceptor for Authorize {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let sender = self.sender(&request)?;
        request.extensions_mut().insert(sender);
        Ok(request)
    }
}

fn text<'a>(metadata: &'a MetadataMap, key: &str) -> Result<&'a str, Status> {
    metadata
        .get(key)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Status::failed_precondition(format!("the metadata {key} is missing")))
}

fn number(metadata: &MetadataMap, key: &str) -> Result<u64, Status> {
    let value = text(metadata, key)?;
    value.parse().map_err(|_| Status::failed_precondition(format!("the metadata {key} is not a number")))
}
