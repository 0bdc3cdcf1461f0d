//! A cluster of three real nodes, created as in the manual: `guardian init`, `guardian server`.

use crate::disk::Disk;
use crate::network::{self, NODES};
use crate::node::{Birthplace, Node};
use crate::shell::run;
use crate::wait;
use anyhow::{Context as _, bail};
use reqwest::Method;
use serde_json::Value;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// Maximum time until a node is ready, on a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(20);
const LEADER_WITHIN: Duration = Duration::from_secs(15);
const VIEW_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of a request; longer than a node takes to refuse.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
const FLUSHES: &str = "guardian_raft_log_flush_duration_seconds";
const HTTP_PORT: u16 = 8080;
const PEER_PORT: u16 = 9080;

/// The required properties of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The nodes with a separate disk, and its size in MiB.
    pub disks: Option<(&'static [usize], u64)>,
    /// `raft.snapshot_every_entries`.
    pub snapshot_every: Option<u64>,
}

/// Where a cluster is created.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The program under test.
    pub program: &'a Path,
    /// An empty folder.
    pub folder: &'a Path,
    /// Whether each node has a network namespace.
    pub spaces: bool,
}

/// A running cluster and its administrator key. Nodes are identified by index, from 0.
#[derive(Debug)]
pub struct Cluster {
    // Before the disks: processes must end before their disks are unmounted.
    nodes: Vec<Node>,
    disks: Vec<Option<Disk>>,
    key: String,
    http: reqwest::Client,
}

impl Cluster {
    /// Creates and starts a cluster; returns when all nodes are ready.
    pub async fn start(place: Place<'_>, wish: Wish) -> anyhow::Result<Self> {
        let addresses = addresses(place.spaces)?;
        let home = place.folder.join("cluster");
        let key = init(place.program, &home, &addresses).await?;
        let mut disks = Vec::new();
        for at in 0..NODES {
            disks.push(match wish.disks {
                Some((nodes, mib)) if nodes.contains(&at) => {
                    Some(Disk::create(place.folder, &name(at), mib).await?)
                }
                _ => None,
            });
        }
        let node = |(at, address): (usize, &Address)| {
            let folder = home.join(name(at));
            let mut settings = Vec::new();
            if !place.spaces {
                settings.push(("http.listen".to_owned(), format!("{}:{}", address.ip, address.http)));
                settings.push(("peer.listen".to_owned(), format!("{}:{}", address.ip, address.peer)));
            }
            let every = wish.snapshot_every;
            settings.extend(every.map(|n| ("raft.snapshot_every_entries".to_owned(), n.to_string())));
            let data = disks[at].as_ref().map_or(folder.clone(), |disk| disk.path().to_owned()).join("data");
            let enter = if place.spaces { network::enter(at) } else { Vec::new() };
            let (name, url, program) = (name(at), address.url(), place.program.to_owned());
            Node::new(Birthplace { name, program, folder, data, url, settings, enter })
        };
        let nodes: Vec<Node> = addresses.iter().enumerate().map(node).collect();
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(1));
        let http = http.tcp_nodelay(true).build()?;
        let cluster = Self { nodes, disks, key, http };
        for node in &cluster.nodes {
            node.spawn()?;
        }
        for at in 0..NODES {
            cluster.ready(at).await?;
        }
        Ok(cluster)
    }

    /// A node.
    pub fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The separate disk of a node.
    pub fn disk(&self, at: usize) -> anyhow::Result<&Disk> {
        self.disks[at].as_ref().context("this node has no disk of its own")
    }

    /// The administrator key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The HTTP client.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request to a node; returns status and JSON.
    pub async fn ask(
        &self,
        at: usize,
        method: Method,
        path: &str,
        header: Option<(&str, &str)>,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.nodes[at].url());
        let mut request = self.http.request(method, url).timeout(ASK_TIMEOUT).bearer_auth(&self.key);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// The cluster as a node reports it.
    pub async fn view(&self, at: usize) -> Option<Value> {
        let asked = self.ask(at, Method::GET, "/api/v1/cluster", None, None);
        match tokio::time::timeout(VIEW_TIMEOUT, asked).await {
            Ok(Ok((200, view))) => Some(view),
            _ => None,
        }
    }

    /// Whether a node reports that it is ready.
    pub async fn is_ready(&self, at: usize) -> bool {
        let asked = self.ask(at, Method::GET, "/readyz", None, None);
        matches!(tokio::time::timeout(VIEW_TIMEOUT, asked).await, Ok(Ok((200, _))))
    }

    /// Waits until a node is ready; fails if it ends.
    pub async fn ready(&self, at: usize) -> anyhow::Result<()> {
        let node = &self.nodes[at];
        let ready = wait::within(READY_WITHIN, async || {
            if let Some(status) = node.ended() {
                return Some(Err(status));
            }
            self.is_ready(at).await.then_some(Ok(()))
        });
        match ready.await {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => {
                bail!("{} ended instead of getting ready: {status}: {}", node.name(), last_line(node))
            }
            None => bail!("{} is not ready within {READY_WITHIN:?}", node.name()),
        }
    }

    /// Starts a stopped node and waits until it is ready.
    pub async fn restart(&self, at: usize) -> anyhow::Result<()> {
        self.nodes[at].spawn()?;
        self.ready(at).await
    }

    /// The leader according to a majority.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        wait::until("a majority has one leader", LEADER_WITHIN, async || self.agreed().await).await
    }

    async fn agreed(&self) -> Option<usize> {
        let asked = futures::future::join_all((0..NODES).map(|at| self.view(at))).await;
        let leads = |view: &Value| view["leader_id"] == view["node_id"];
        let newest = asked.iter().flatten().filter(|view| leads(view)).max_by_key(|view| term(view))?;
        let with = |view: &&Value| view["leader_id"] == newest["node_id"] && term(view) == term(newest);
        let many = asked.iter().flatten().filter(with).count() > NODES / 2;
        let place = asked.iter().position(|view| view.as_ref().is_some_and(|view| view == newest))?;
        many.then_some(place)
    }

    /// The number of log flushes of a node, and their total duration in seconds.
    pub async fn flushes(&self, at: usize) -> anyhow::Result<(f64, f64)> {
        let (_, text) = self.ask(at, Method::GET, "/metrics", None, None).await?;
        let value = |name: &str| {
            let lines = text.as_str().unwrap_or_default().lines();
            let mut values = lines.filter_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            values.next().with_context(|| format!("no metric {name}"))
        };
        Ok((value(&format!("{FLUSHES}_count"))?, value(&format!("{FLUSHES}_sum"))?))
    }

    /// The highest term known to any node.
    pub async fn term(&self) -> u64 {
        let asked = futures::future::join_all((0..NODES).map(|at| self.view(at))).await;
        asked.iter().flatten().map(term).max().unwrap_or_default()
    }

    /// Waits until all nodes are at one revision without concurrent writes; returns their audit heads.
    pub async fn heads(&self, within: Duration) -> anyhow::Result<Vec<String>> {
        wait::until("all nodes are at one revision", within, async || {
            let views = futures::future::join_all((0..NODES).map(|at| self.view(at))).await;
            let views: Vec<Value> = views.into_iter().collect::<Option<_>>()?;
            let same = views.iter().all(|view| view["revision"] == views[0]["revision"]);
            same.then(|| views.iter().map(|view| view["audit_head"].to_string()).collect())
        })
        .await
    }
}

fn term(view: &Value) -> u64 {
    view["term"].as_u64().or_else(|| view["term"].as_str()?.parse().ok()).unwrap_or_default()
}

/// The last log line of a node, without the access log, which may continue until the end of the process.
pub fn last_line(node: &Node) -> String {
    let log = node.log_text();
    let last = log.lines().rfind(|line| !line.contains(r#""target":"access""#));
    last.unwrap_or_default().to_owned()
}

fn name(at: usize) -> String {
    format!("n{}", at + 1)
}

struct Address {
    ip: String,
    http: u16,
    peer: u16,
}

impl Address {
    fn url(&self) -> String {
        format!("http://{}:{}", self.ip, self.http)
    }
}

fn addresses(spaces: bool) -> anyhow::Result<Vec<Address>> {
    if spaces {
        let of = |at| Address { ip: network::address(at), http: HTTP_PORT, peer: PEER_PORT };
        return Ok((0..NODES).map(of).collect());
    }
    let held = (0..2 * NODES).map(|_| TcpListener::bind(("127.0.0.1", 0)));
    let held = held.collect::<Result<Vec<_>, _>>()?;
    let ports = held.iter().map(|one| Ok(one.local_addr()?.port())).collect::<anyhow::Result<Vec<u16>>>()?;
    let of = |pair: &[u16]| Address { ip: "127.0.0.1".to_owned(), http: pair[0], peer: pair[1] };
    Ok(ports.chunks(2).map(of).collect())
}

async fn init(program: &Path, home: &Path, addresses: &[Address]) -> anyhow::Result<String> {
    let home = home.to_string_lossy().into_owned();
    // Each node has its own network namespace, in which the others and the clients reach it.
    let mut args =
        vec!["init".to_owned(), "--out".to_owned(), home, "--http-listen".to_owned(), "0.0.0.0".to_owned()];
    for (at, address) in addresses.iter().enumerate() {
        args.push("--member".to_owned());
        args.push(format!("{}={}:{}={}", name(at), address.ip, address.peer, address.url()));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = run(program.to_str().context("paths are UTF-8")?, &args).await?;
    let key = said.lines().map(str::trim).find(|line| line.starts_with("gdn_"));
    key.map(str::to_owned).context("guardian init shows no key")
}
