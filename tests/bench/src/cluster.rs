//! What the load needs of a system under test: three nodes, and a client that does one checked operation.
//! Knows neither protocol.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::settings::Endpoints;

/// How long a system may take to answer a linearizable read on every node after its start.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The systems that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum System {
    Etcd,
    Guardian,
}

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Makes a key before the measurement.
    Create,
    Write,
    LinearizableRead,
    StaleRead,
}

impl Operation {
    /// The rows of the report.
    pub const MEASURED: [Self; 3] = [Self::Write, Self::LinearizableRead, Self::StaleRead];

    /// The operation's name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Write => "write",
            Self::LinearizableRead => "linearizable read",
            Self::StaleRead => "stale read",
        }
    }
}

/// One connection to one node.
pub trait Client: Send + 'static {
    /// Does `operation` on key number `key` and checks the answer; `sequence` makes each write different.
    fn call(
        &mut self,
        operation: Operation,
        key: usize,
        sequence: u64,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Three nodes of one system.
pub trait Cluster {
    type Client: Client;

    /// Which system this is.
    fn system(&self) -> System;
    /// Process ids of the nodes.
    fn pids(&self) -> &[u32];
    /// How many nodes there are.
    fn nodes(&self) -> usize;
    /// Opens a new connection to node number `node`.
    fn connect(&self, node: usize) -> impl Future<Output = Result<Self::Client>>;
    /// Whether node number `node` can take load now.
    fn check_ready(&self, node: usize) -> impl Future<Output = Result<()>>;
    /// Whether node number `node` says that it leads.
    fn leads(&self, node: usize) -> impl Future<Output = Result<bool>>;

    /// Waits until every node is ready.
    async fn wait_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        for node in 0..self.nodes() {
            loop {
                let answer = timeout(Duration::from_secs(2), self.check_ready(node)).await;
                match answer.context("no answer within 2 s").flatten() {
                    Ok(()) => break,
                    Err(error) if Instant::now() > deadline => {
                        return Err(error.context(format!("{:?} node {node} is not ready", self.system())));
                    }
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
        }
        Ok(())
    }

    /// `count` connections, spread as `endpoints` says.
    async fn connect_clients(&self, endpoints: Endpoints, count: usize) -> Result<Vec<Self::Client>> {
        let mut nodes = Vec::new();
        for node in 0..self.nodes() {
            if self.leads(node).await? {
                nodes.insert(0, node);
            } else if endpoints == Endpoints::All {
                nodes.push(node);
            }
        }
        anyhow::ensure!(!nodes.is_empty(), "{:?} has no leader", self.system());
        let mut clients = Vec::with_capacity(count);
        for client in 0..count {
            clients.push(self.connect(nodes[client % nodes.len()]).await?);
        }
        Ok(clients)
    }
}

/// The `host:port` of a plain `http://` URL.
pub fn authority(url: &str) -> Result<&str> {
    url.trim_end_matches('/')
        .strip_prefix("http://")
        .with_context(|| format!("{url}: expected http://host:port"))
}

/// A connection without Nagle's delay.
pub async fn dial(authority: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(authority).await.with_context(|| format!("connect to {authority}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
