//! Guardian through its HTTP/1.1 API: one keep-alive connection for each client.
//!
//! Everything that does not change from request to request (paths, headers, the body around the digits) is
//! made once. Knows the contract of `api.md`, nothing of the server's insides.

mod client;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use http::{Method, StatusCode, Uri};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::{Cluster, System, authority, dial};
use crate::document::{KEYS, SCHEMA, key_name, schema};
pub use client::GuardianClient;

/// What `guardian dev` writes for tools (`dev.json`).
#[derive(Debug, Deserialize)]
struct Dev {
    nodes: Vec<DevNode>,
    api_key: String,
    project: String,
    environment: String,
}

#[derive(Debug, Deserialize)]
struct DevNode {
    url: String,
    pid: u32,
}

/// The paths of every key, shared by all clients.
#[derive(Debug)]
struct Paths {
    configs: Vec<Uri>,
    linearizable: Vec<Uri>,
    stale: Vec<Uri>,
}

impl Paths {
    fn new(dev: &Dev) -> Result<Self> {
        let base = format!("/api/v1/projects/{}/environments/{}/configs", dev.project, dev.environment);
        let all = |after: &str| -> Result<Vec<Uri>> {
            (0..KEYS).map(|key| Ok(format!("{base}/{}{after}", key_name(key)).parse()?)).collect()
        };
        Ok(Self {
            configs: all("")?,
            linearizable: all("/content?consistency=linearizable")?,
            stale: all("/content?consistency=stale")?,
        })
    }
}

/// Three Guardian nodes.
#[derive(Debug)]
pub struct Guardian {
    dev: Dev,
    pids: Vec<u32>,
    paths: Arc<Paths>,
}

impl Guardian {
    /// The cluster that `dev.json` describes.
    pub fn open(dev_json: &Path) -> Result<Self> {
        let text = fs::read_to_string(dev_json).with_context(|| dev_json.display().to_string())?;
        Self::new(serde_json::from_str(&text).with_context(|| dev_json.display().to_string())?)
    }

    fn new(dev: Dev) -> Result<Self> {
        ensure!(!dev.nodes.is_empty(), "dev.json names no nodes");
        let pids = dev.nodes.iter().map(|node| node.pid).collect();
        let paths = Arc::new(Paths::new(&dev)?);
        Ok(Self { dev, pids, paths })
    }

    /// Registers the schema that every document is bound to.
    pub async fn register_schema(&self) -> Result<()> {
        self.register(SCHEMA, &schema()).await
    }

    /// Registers a schema.
    pub async fn register(&self, name: &str, schema: &Value) -> Result<()> {
        let path = format!("{}/schemas", self.project_path()).parse()?;
        let body = serde_json::to_vec(&json!({ "name": name, "schema": schema }))?;
        let mut client = self.connect(0).await?;
        let headers = client.headers.write.clone();
        let (status, answer) = client.send(Method::POST, path, headers, body.into()).await?;
        ensure!(status == StatusCode::CREATED, "register the schema: {status} {}", text(&answer));
        Ok(())
    }

    /// The environment's name.
    pub fn environment(&self) -> &str {
        &self.dev.environment
    }

    /// The project's path.
    pub fn project_path(&self) -> String {
        format!("/api/v1/projects/{}", self.dev.project)
    }

    /// The environment's path.
    pub fn environment_path(&self) -> String {
        format!("{}/environments/{}", self.project_path(), self.dev.environment)
    }

    /// Puts a document without a schema, new or not.
    pub async fn put_unbound(&self, client: &mut GuardianClient, key: &str, document: &str) -> Result<()> {
        let path = format!("{}/configs/{key}", self.environment_path());
        let (change, create) = (client.headers.write.clone(), client.headers.create.clone());
        for headers in [change, create] {
            let body = format!("{{\"content\":{document}}}").into();
            let (status, answer) = client.send(Method::PUT, path.parse()?, headers, body).await?;
            if status.is_success() {
                return Ok(());
            }
            ensure!(status == StatusCode::PRECONDITION_FAILED, "{status} {}", text(&answer));
        }
        anyhow::bail!("the config neither exists nor not")
    }

    /// Where to watch a key at a node, and the request for it.
    pub fn watch_request(&self, node: usize, prefix: &str) -> Result<(&str, String)> {
        let Dev { api_key, nodes, .. } = &self.dev;
        let authority = authority(&nodes[node].url)?;
        let path = format!("{}/watch?prefix={prefix}", self.environment_path());
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {api_key}\r\n\r\n");
        Ok((authority, request))
    }

    async fn get(&self, node: usize, path: &'static str) -> Result<Bytes> {
        let mut client = self.connect(node).await?;
        let headers = client.headers.read.clone();
        let (status, answer) =
            client.send(Method::GET, Uri::from_static(path), headers, Bytes::new()).await?;
        ensure!(status == StatusCode::OK, "GET {path}: {status} {}", text(&answer));
        Ok(answer)
    }
}

impl Cluster for Guardian {
    type Client = GuardianClient;

    fn system(&self) -> System {
        System::Guardian
    }

    fn pids(&self) -> &[u32] {
        &self.pids
    }

    fn nodes(&self) -> usize {
        self.dev.nodes.len()
    }

    async fn connect(&self, node: usize) -> Result<GuardianClient> {
        let authority = authority(&self.dev.nodes[node].url)?;
        let (send, connection) = handshake(TokioIo::new(dial(authority).await?)).await?;
        tokio::spawn(connection);
        let headers = Headers::new(authority, &self.dev.api_key)?;
        Ok(GuardianClient::new(send, Arc::clone(&self.paths), headers))
    }

    async fn check_ready(&self, node: usize) -> Result<()> {
        self.get(node, "/readyz").await.map(|_| ())
    }

    async fn leads(&self, node: usize) -> Result<bool> {
        let cluster: Value = serde_json::from_slice(&self.get(node, "/api/v1/cluster").await?)?;
        Ok(!cluster["leader_id"].is_null() && cluster["leader_id"] == cluster["node_id"])
    }
}

/// The headers of each kind of request on one connection.
#[derive(Debug)]
pub struct Headers {
    pub read: HeaderMap,
    /// With a body, and no precondition.
    pub body: HeaderMap,
    pub write: HeaderMap,
    pub create: HeaderMap,
}

impl Headers {
    fn new(authority: &str, api_key: &str) -> Result<Self> {
        let mut read = HeaderMap::new();
        read.insert(HOST, authority.parse()?);
        read.insert(AUTHORIZATION, format!("Bearer {api_key}").parse()?);
        let mut body = read.clone();
        body.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let any = HeaderValue::from_static("*");
        let (mut write, mut create) = (body.clone(), body.clone());
        write.insert(IF_MATCH, any.clone());
        create.insert(IF_NONE_MATCH, any);
        Ok(Self { read, body, write, create })
    }
}

/// The start of an answer, for an error message.
pub fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(&answer[..answer.len().min(500)]).into_owned()
}
