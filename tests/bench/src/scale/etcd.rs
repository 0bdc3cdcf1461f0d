//! One etcd node: creates configs in transactions, puts one at a time.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use bytes::Bytes;

use super::document::{BYTES, key_name, write};
use super::server::Server;
use super::system::{Creator, Node, until};
use crate::cluster::{Client, Cluster as _, Operation, System};
use crate::etcd::{EtcdClient, Header, PUT, PutRequest, PutResponse, RANGE, RangeRequest, RangeResponse};

const TRANSACT: &str = "/etcdserverpb.KV/Txn";
/// More than any size needs; the default of 2 GB holds a million configs only just.
const QUOTA_BYTES: u64 = 16 * 1024 * 1024 * 1024;

#[derive(Clone, PartialEq, prost::Message)]
struct Transaction {
    #[prost(message, repeated, tag = "2")]
    success: Vec<Step>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Step {
    #[prost(message, optional, tag = "2")]
    put: Option<PutRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TransactionAnswer {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(bool, tag = "2")]
    succeeded: bool,
}

/// A node that was started here.
#[derive(Debug)]
pub struct EtcdNode {
    server: Server,
    folder: PathBuf,
    etcd: crate::etcd::Etcd,
}

impl EtcdNode {
    /// Starts an empty node in `folder` on `port` and the port after it.
    pub async fn start(folder: PathBuf, port: u16) -> Result<Self> {
        let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", port + 1));
        let arguments = [
            ("--name", "scale"),
            ("--data-dir", &folder.display().to_string()),
            ("--logger", "zap"),
            ("--log-level", "error"),
            ("--listen-client-urls", &client),
            ("--advertise-client-urls", &client),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &peer),
            ("--initial-cluster", &format!("scale={peer}")),
            ("--quota-backend-bytes", &QUOTA_BYTES.to_string()),
        ];
        let arguments = arguments.iter().flat_map(|(name, value)| [name.into(), (*value).into()]).collect();
        let log = folder.with_extension("log");
        let server = Server::start(Path::new("etcd"), arguments, log)?;
        let node = Self { server, folder, etcd: crate::etcd::Etcd::new(&[client], Vec::new())? };
        until(|| node.ready()).await?;
        Ok(node)
    }

    /// The node's version.
    pub async fn version(&self) -> Result<String> {
        self.etcd.version().await
    }
}

impl Node for EtcdNode {
    type Client = EtcdPutter;

    const SYSTEM: System = System::Etcd;

    fn server(&self) -> &Server {
        &self.server
    }

    fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    async fn connect(&self) -> Result<EtcdPutter> {
        Ok(EtcdPutter { client: self.etcd.connect(0).await?, revision: 0 })
    }

    async fn ready(&self) -> Result<()> {
        self.etcd.check_ready(0).await
    }

    async fn read(&self, key: usize) -> Result<()> {
        let request = RangeRequest { key: key_name(key).into(), serializable: false };
        let answer: RangeResponse = self.etcd.connect(0).await?.unary(RANGE, request).await?;
        ensure!(answer.kvs.len() == 1 && answer.kvs[0].value.len() == BYTES, "not the value");
        Ok(())
    }
}

/// One connection.
pub struct EtcdPutter {
    client: EtcdClient,
    /// The revision of this client's last write: the next must be higher.
    revision: i64,
}

impl EtcdPutter {
    fn follows(&mut self, header: Option<Header>) -> Result<()> {
        let revision = header.unwrap_or_default().revision;
        ensure!(revision > self.revision, "revision {revision} after {}", self.revision);
        self.revision = revision;
        Ok(())
    }
}

fn put(key: usize, sequence: u64) -> PutRequest {
    let mut text = String::with_capacity(BYTES);
    write(&mut text, key, sequence);
    PutRequest { key: key_name(key).into(), value: Bytes::from(text) }
}

impl Creator for EtcdPutter {
    async fn create(&mut self, keys: Range<usize>) -> Result<()> {
        let success = keys.map(|key| Step { put: Some(put(key, 0)) }).collect();
        let answer: TransactionAnswer = self.client.unary(TRANSACT, Transaction { success }).await?;
        ensure!(answer.succeeded, "a transaction without conditions did not succeed");
        self.follows(answer.header)
    }
}

impl Client for EtcdPutter {
    async fn call(&mut self, _: Operation, key: usize, sequence: u64) -> Result<()> {
        let answer: PutResponse = self.client.unary(PUT, put(key, sequence)).await?;
        self.follows(answer.header)
    }
}
