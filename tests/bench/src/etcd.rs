//! etcd through its v3 gRPC API: `Put` and `Range` on one HTTP/2 connection for each client.
//!
//! The messages are those of etcd 3.4's `rpc.proto` and `kv.proto`, cut down to the fields in use (unknown
//! fields are skipped). The connection is hyper's own rather than tonic's `Channel`: one connection needs
//! no queue in front of it, and the generator shares its cores with the servers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::Service;
use tonic_prost::ProstCodec;

use crate::cluster::{Client, Cluster, Operation, System, authority, dial};
use crate::document::{Document, KEYS, key_name};

pub const PUT: &str = "/etcdserverpb.KV/Put";
pub const RANGE: &str = "/etcdserverpb.KV/Range";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";

#[derive(Clone, PartialEq, prost::Message)]
pub struct PutRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RangeRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    #[prost(bool, tag = "7")]
    pub serializable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Header {
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PutResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValue {
    #[prost(bytes = "bytes", tag = "5")]
    pub value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(string, tag = "2")]
    version: String,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

/// Three etcd nodes.
#[derive(Debug)]
pub struct Etcd {
    authorities: Vec<String>,
    pids: Vec<u32>,
    keys: Arc<[Bytes]>,
}

impl Etcd {
    pub fn new(urls: &[String], pids: Vec<u32>) -> Result<Self> {
        ensure!(!urls.is_empty(), "--etcd says where the nodes are");
        let authorities = urls.iter().map(|url| authority(url).map(str::to_owned)).collect::<Result<_>>()?;
        let keys = (0..KEYS).map(|key| Bytes::from(format!("bench/{}", key_name(key)))).collect();
        Ok(Self { authorities, pids, keys })
    }

    /// The version of the first node.
    pub async fn version(&self) -> Result<String> {
        Ok(self.status(0).await?.version)
    }

    async fn status(&self, node: usize) -> Result<StatusResponse> {
        self.connect(node).await?.unary(STATUS, StatusRequest {}).await
    }
}

impl Cluster for Etcd {
    type Client = EtcdClient;

    fn system(&self) -> System {
        System::Etcd
    }

    fn pids(&self) -> &[u32] {
        &self.pids
    }

    fn nodes(&self) -> usize {
        self.authorities.len()
    }

    async fn connect(&self, node: usize) -> Result<EtcdClient> {
        let authority = &self.authorities[node];
        let io = TokioIo::new(dial(authority).await?);
        let (send, connection) = handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        let origin = format!("http://{authority}").parse()?;
        Ok(EtcdClient {
            grpc: Grpc::with_origin(Connection(send), origin),
            keys: Arc::clone(&self.keys),
            document: Document::new("", ""),
            revision: 0,
        })
    }

    async fn check_ready(&self, node: usize) -> Result<()> {
        let request = RangeRequest { key: Bytes::from_static(b"bench"), serializable: false };
        let _: RangeResponse = self.connect(node).await?.unary(RANGE, request).await?;
        Ok(())
    }

    async fn leads(&self, node: usize) -> Result<bool> {
        let status = self.status(node).await?;
        Ok(status.header.is_some_and(|header| header.member_id == status.leader))
    }
}

/// One connection to one etcd node.
pub struct EtcdClient {
    pub grpc: Grpc<Connection>,
    keys: Arc<[Bytes]>,
    document: Document,
    /// The revision of this client's last write: the next must be higher.
    revision: i64,
}

impl EtcdClient {
    /// One call and its answer.
    pub async fn unary<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        self.grpc.ready().await?;
        let path = PathAndQuery::from_static(path);
        let answer = self.grpc.unary(tonic::Request::new(request), path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }

    async fn put(&mut self, key: usize, sequence: u64) -> Result<()> {
        let value = Bytes::copy_from_slice(self.document.fill(key, sequence));
        let request = PutRequest { key: self.keys[key].clone(), value };
        let answer: PutResponse = self.unary(PUT, request).await?;
        let revision = answer.header.context("a Put answer without a header")?.revision;
        ensure!(revision > self.revision, "revision {revision} after {}", self.revision);
        self.revision = revision;
        Ok(())
    }

    /// Puts a value under any key.
    pub async fn put_any(&mut self, key: &'static str, value: String) -> Result<()> {
        let request = PutRequest { key: Bytes::from_static(key.as_bytes()), value: value.into() };
        let _: PutResponse = self.unary(PUT, request).await?;
        Ok(())
    }

    async fn range(&mut self, key: usize, serializable: bool) -> Result<()> {
        let request = RangeRequest { key: self.keys[key].clone(), serializable };
        let answer: RangeResponse = self.unary(RANGE, request).await?;
        let [found] = &answer.kvs[..] else { anyhow::bail!("{} values", answer.kvs.len()) };
        ensure!(self.document.matches(key, &found.value), "the value is not the one written");
        Ok(())
    }
}

impl Client for EtcdClient {
    async fn call(&mut self, operation: Operation, key: usize, sequence: u64) -> Result<()> {
        match operation {
            Operation::Create | Operation::Write => self.put(key, sequence).await,
            Operation::LinearizableRead => self.range(key, false).await,
            Operation::StaleRead => self.range(key, true).await,
        }
    }
}

/// hyper's HTTP/2 connection in the form that tonic's client takes.
pub struct Connection(SendRequest<Body>);

impl Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
