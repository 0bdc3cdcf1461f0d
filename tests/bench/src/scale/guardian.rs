//! One Guardian node: creates configs in transactions, puts one at a time, lists and exports them.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::document::{BYTES, SCHEMA, key_name, schema, write};
use super::server::{End, Server};
use super::system::{Creator, Node, until};
use crate::cluster::{Client, Cluster as _, Operation, System};
use crate::guardian::{Guardian, GuardianClient, text};

/// How long `guardian dev` may take.
const FORMED_WITHIN: Duration = Duration::from_mins(1);
/// Configs on a page, the most that are allowed.
const PAGE: usize = 1000;

/// A node that was started here.
#[derive(Debug)]
pub struct GuardianNode {
    server: Server,
    folder: PathBuf,
    guardian: Guardian,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read {
    pub configs: usize,
    pub bytes: u64,
}

impl GuardianNode {
    /// Lets `guardian dev` make a cluster of one node in `folder`, and then runs that node by itself.
    pub async fn start(program: &Path, folder: PathBuf, port: u16) -> Result<Self> {
        let log = folder.with_extension("log");
        let arguments = ["dev", "--nodes", "1", "--port", &port.to_string(), "--data-dir"];
        let arguments = arguments.iter().map(Into::into).chain([folder.clone().into()]).collect();
        let mut dev = Server::start(program, arguments, log.clone())?;
        let record = folder.join("dev.json");
        let formed = async {
            while !record.exists() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(FORMED_WITHIN, formed).await.context("`guardian dev` wrote no dev.json")?;
        let guardian = Guardian::open(&record)?;
        dev.end(End::Stop).await?;
        let settings = folder.join("node1/guardian.toml");
        let arguments = vec!["server".into(), "--config".into(), settings.into()];
        let server = Server::start(program, arguments, log)?;
        let node = Self { server, folder, guardian };
        until(|| node.ready()).await?;
        node.guardian.register(SCHEMA, &schema()).await?;
        Ok(node)
    }

    /// Reads `count` configs with their content, page by page.
    pub async fn list(&self, count: usize) -> Result<Read> {
        let mut client = self.guardian.connect(0).await?;
        let base = self.guardian.environment_path();
        let (mut read, mut token) = (Read::default(), String::new());
        while read.configs < count {
            let size = PAGE.min(count - read.configs);
            let uri = format!("{base}/configs?include=content&page_size={size}{token}").parse()?;
            let (status, body) = client.get(uri).await?;
            ensure!(status == StatusCode::OK, "{status} {}", text(&body));
            let page: Value = serde_json::from_slice(&body)?;
            let items = page["items"].as_array().context("a page without items")?;
            ensure!(items.iter().all(|item| item["content"]["key"] == item["key"]), "not the documents");
            read.configs += items.len();
            read.bytes += body.len() as u64;
            let next = page["next_page_token"].as_str().unwrap_or_default();
            ensure!(!next.is_empty() || read.configs >= count, "the list ended after {}", read.configs);
            token = format!("&page_token={next}");
        }
        Ok(read)
    }

    /// Reads the export of the project as it comes, and counts its configs.
    pub async fn export(&self) -> Result<Read> {
        let mut client = self.guardian.connect(0).await?;
        let uri = format!("{}/export", self.guardian.project_path()).parse()?;
        let mut read = Read::default();
        let mut start = true;
        let status = client
            .stream(uri, |bytes| {
                read.bytes += bytes.len() as u64;
                // Each config is a line that begins with its kind.
                for byte in bytes {
                    read.configs += usize::from(start && *byte == b'{');
                    start = *byte == b'\n';
                }
            })
            .await?;
        ensure!(status == StatusCode::OK, "{status}");
        Ok(read)
    }
}

impl Node for GuardianNode {
    type Client = GuardianPutter;

    const SYSTEM: System = System::Guardian;

    fn server(&self) -> &Server {
        &self.server
    }

    fn server_mut(&mut self) -> &mut Server {
        &mut self.server
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    async fn connect(&self) -> Result<GuardianPutter> {
        let client = self.guardian.connect(0).await?;
        let transactions = format!("{}/transactions", self.guardian.project_path()).parse()?;
        let configs = format!("{}/configs/", self.guardian.environment_path());
        let environment = self.guardian.environment().to_owned();
        Ok(GuardianPutter { client, transactions, configs, environment })
    }

    async fn ready(&self) -> Result<()> {
        self.guardian.check_ready(0).await
    }

    async fn read(&self, key: usize) -> Result<()> {
        let base = self.guardian.environment_path();
        let uri = format!("{base}/configs/{}/content", key_name(key)).parse()?;
        let (status, body) = self.guardian.connect(0).await?.get(uri).await?;
        ensure!(status == StatusCode::OK && body.len() == BYTES, "{status} {}", text(&body));
        Ok(())
    }
}

/// One connection.
pub struct GuardianPutter {
    client: GuardianClient,
    transactions: Uri,
    configs: String,
    environment: String,
}

impl Creator for GuardianPutter {
    async fn create(&mut self, keys: Range<usize>) -> Result<()> {
        let mut body = String::with_capacity(keys.len() * (BYTES + 256));
        body.push_str(r#"{"operations":["#);
        for key in keys {
            // A `String` takes all that is written.
            let _ = write!(
                body,
                r#"{}{{"op":"put","environment":"{}","key":"{}","expected_version":0,"schema":{},"content":"#,
                if body.ends_with('[') { "" } else { "," },
                self.environment,
                key_name(key),
                json!({ "name": SCHEMA })
            );
            write(&mut body, key, 0);
            body.push('}');
        }
        body.push_str("]}");
        let (uri, headers) = (self.transactions.clone(), self.client.headers.body.clone());
        let (status, answer) = self.client.send(Method::POST, uri, headers, Bytes::from(body)).await?;
        ensure!(status == StatusCode::OK, "{status} {}", text(&answer));
        Ok(())
    }
}

impl Client for GuardianPutter {
    async fn call(&mut self, _: Operation, key: usize, sequence: u64) -> Result<()> {
        let mut body = String::with_capacity(BYTES + 16);
        body.push_str(r#"{"content":"#);
        write(&mut body, key, sequence);
        body.push('}');
        let uri = format!("{}{}", self.configs, key_name(key)).parse()?;
        let headers = self.client.headers.write.clone();
        let (status, answer) = self.client.send(Method::PUT, uri, headers, Bytes::from(body)).await?;
        ensure!(status == StatusCode::OK, "{status} {}", text(&answer));
        Ok(())
    }
}
