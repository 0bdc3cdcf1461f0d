//! A whole node in the simulation: the real core, use cases and HTTP API, on simulated disks, clock and
//! network.

use crate::observer::Seen;
use crate::platform::{Disks, SkewedClock};
use crate::watch::HEARTBEAT;
use adapter_http::{EdgeRules, HttpObserver, Outside, Probes, Readiness, WatchRules};
use adapter_raft::log_store::OnFatal;
use adapter_raft::network::PeerTls;
use adapter_raft::{NodeConfig, NodeMember, RaftNode};
use adapter_schema::JsonSchemaEngine;
use adapter_security::ApiKeyMint;
use adapter_system::RandomIds;
use anyhow::Context as _;
use application::ports::KeyMint as _;
use application::{Application, Env, Ports};
use axum::Router;
use domain::{ApiKeyId, ClusterId, KeyLabel, NewApiKey, Permission, Timestamp};
use futures::FutureExt as _;
use guardian::housekeeping;
use guardian::pki::ClusterCa;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use turmoil::net::{TcpListener, TcpStream};

/// The port for clients.
pub const HTTP_PORT: u16 = 8080;
const PEER_PORT: u16 = 9090;
/// The time of the certificates, in milliseconds after 1970, at which TLS assumes a simulation starts.
const CERTIFICATES_MS: i64 = 3_600_000;
/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Small, so that a short simulation also makes snapshots because of the log's size.
const SNAPSHOT_EVERY_BYTES: u64 = 256 * 1024;
/// How long a stopping node answers pending requests.
const DRAIN: Duration = Duration::from_millis(300);

/// The configuration of a cluster.
pub struct Plan {
    cluster_id: ClusterId,
    /// All machines that may become members; the initial ones first.
    members: Vec<NodeMember>,
    /// The initial number of members.
    first: usize,
    tls: Vec<PeerTls>,
    admin: NewApiKey,
    /// The secret of the administrator key.
    pub secret: String,
    pub snapshot_every_entries: u64,
    /// Interval of housekeeping.
    pub housekeeping: Duration,
}

/// The host name of a node.
pub fn host(number: usize) -> String {
    format!("n{}", number + 1)
}

impl Plan {
    /// A cluster of `first` nodes, and `spares` machines that may be added.
    pub fn new(
        first: usize,
        spares: usize,
        snapshot_every_entries: u64,
        housekeeping: Duration,
    ) -> anyhow::Result<Self> {
        let cluster_id = ClusterId::parse("sim").context("an id")?;
        let ca = ClusterCa::new(&cluster_id, Timestamp(CERTIFICATES_MS))?;
        let ca_pem = ca.credentials().cert_pem;
        let (mut members, mut tls) = (Vec::new(), Vec::new());
        for number in 0..first + spares {
            let (id, name) = (number as u64 + 1, host(number));
            let own = ca.issue(id)?;
            let (chain, key) = (own.cert_pem.as_bytes(), own.key_pem.as_bytes());
            tls.push(PeerTls::from_pem(cluster_id.as_str(), id, ca_pem.as_bytes(), chain, key)?);
            let (peer_addr, api_url) = (format!("{name}:{PEER_PORT}"), format!("http://{name}:{HTTP_PORT}"));
            members.push(NodeMember { id, name, peer_addr, api_url });
        }
        let key = ApiKeyMint.mint();
        let admin = NewApiKey {
            id: ApiKeyId::parse("admin")?,
            name: KeyLabel::parse("first administrator")?,
            hash: key.hash,
            prefix: String::new(),
            permissions: Permission::ALL.iter().copied().collect(),
            environments: None,
            key_prefixes: None,
            expires_at: None,
        };
        let secret = key.secret;
        Ok(Self { cluster_id, members, first, tls, admin, secret, snapshot_every_entries, housekeeping })
    }
}

impl Plan {
    /// The API requests that add each machine.
    pub fn requests(&self) -> Vec<Value> {
        let request = |member: &NodeMember| {
            json!({ "id": member.id.to_string(), "name": member.name, "peer_addr": member.peer_addr,
                "api_url": member.api_url })
        };
        self.members.iter().map(request).collect()
    }
}

/// A machine: the state that survives its processes.
pub struct Machine {
    pub number: usize,
    pub disks: Disks,
    pub clock: SkewedClock,
    data_dir: PathBuf,
    plan: Arc<Plan>,
    /// The fatal error of the process, if any.
    pub fatal: Arc<Mutex<Option<String>>>,
    terminate: Notify,
    /// Whether it was ever started.
    pub on: AtomicBool,
    /// Whether its disk was erased.
    pub wiped: AtomicBool,
    /// Whether the process has stopped cleanly.
    pub stopped: AtomicBool,
    /// The observations of the core, over all lives.
    pub seen: Arc<Seen>,
    node: Mutex<Weak<RaftNode>>,
}

impl Machine {
    pub fn new(number: usize, data_dir: PathBuf, plan: Arc<Plan>) -> Arc<Self> {
        Arc::new(Self {
            number,
            disks: Disks::default(),
            clock: SkewedClock::default(),
            data_dir,
            fatal: Arc::default(),
            on: AtomicBool::new(number < plan.first),
            wiped: AtomicBool::new(false),
            terminate: Notify::new(),
            stopped: AtomicBool::new(false),
            seen: Arc::default(),
            node: Mutex::default(),
            plan,
        })
    }

    /// The host name.
    pub fn host(&self) -> String {
        host(self.number)
    }

    /// The running core, if a process runs.
    pub fn node(&self) -> Option<Arc<RaftNode>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Erases the machine's state. No process may be running.
    pub fn wipe(&self) {
        self.wiped.store(true, Ordering::Relaxed);
        self.disks.wipe();
        // The folder may not exist yet.
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }

    /// Requests a clean stop of the process.
    pub fn terminate(&self) {
        self.terminate.notify_one();
    }

    /// Discards a signal that a killed process did not receive, so that the next process does not get it
    /// (seed 413).
    pub fn drop_signal(&self) {
        let _ = self.terminate.notified().now_or_never();
    }

    /// Takes the fatal error of the process.
    pub fn take_fatal(&self) -> Option<String> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs one process. Never returns by itself: the simulation ends it.
    pub async fn run(self: Arc<Self>) -> turmoil::Result {
        if !self.on.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        self.stopped.store(false, Ordering::Relaxed);
        if let Err(error) = self.serve().await {
            let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
            fatal.get_or_insert(format!("{error:#}"));
        }
        std::future::pending().await
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let node = RaftNode::start_on(&self.disks, self.config()).await.context("the node did not start")?;
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&node);
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, HTTP_PORT)).await?;
        let app = self.application(&node);
        let housekeeping =
            tokio::spawn(housekeeping::run(node.clone(), app.housekeeping.clone(), self.plan.housekeeping));
        let serving = tokio::spawn(accept(listener, Self::router(&node, app)));
        self.terminate.notified().await;
        housekeeping.abort();
        node.hand_over().await;
        tokio::time::sleep(DRAIN).await;
        serving.abort();
        node.shutdown().await.context("the last checkpoint failed")?;
        self.stopped.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn config(&self) -> NodeConfig {
        let (fatal, plan) = (self.fatal.clone(), &self.plan);
        let on_fatal: OnFatal = Arc::new(move |error| {
            fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(format!("{error}"));
        });
        NodeConfig {
            cluster_id: plan.cluster_id.clone(),
            node_id: plan.members[self.number].id,
            data_dir: self.data_dir.clone(),
            peer_listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, PEER_PORT)),
            peer_tls: plan.tls[self.number].clone(),
            members: self.declared(),
            join: self.number >= plan.first,
            admin_key: plan.admin.clone(),
            snapshot_every_entries: plan.snapshot_every_entries,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
            large_bytes_per_second: 0,
            space: adapter_raft::space::SpaceLimits::default(),
            clock: Arc::new(self.clock.clone()),
            observer: self.seen.clone(),
            on_fatal,
        }
    }

    /// A joining machine declares itself and the initial members.
    fn declared(&self) -> Vec<NodeMember> {
        let known = |number: usize| number < self.plan.first || number == self.number;
        let members = self.plan.members.iter().enumerate().filter(|(number, _)| known(*number));
        members.map(|(_, member)| member.clone()).collect()
    }

    fn application(&self, node: &Arc<RaftNode>) -> Application {
        Application::new(&Ports {
            consensus: node.clone(),
            state: node.clone(),
            schemas: Arc::new(JsonSchemaEngine::default()),
            keys: Arc::new(ApiKeyMint),
            cluster: node.clone(),
            membership: node.clone(),
            env: Env { clock: Arc::new(self.clock.clone()), ids: Arc::new(RandomIds) },
        })
    }

    fn router(node: &Arc<RaftNode>, app: Application) -> Router {
        let outside = Outside {
            probes: Arc::new(NodeProbes(node.clone())),
            observer: Arc::new(Unheard),
            metrics: Arc::new(String::new),
            ids: Arc::new(RandomIds),
            request_timeout: REQUEST_TIMEOUT,
            watch: WatchRules { heartbeat: HEARTBEAT, ..WatchRules::default() },
            edge: EdgeRules::default(),
        };
        adapter_http::router(app, outside)
    }
}

struct NodeProbes(Arc<RaftNode>);

impl Probes for NodeProbes {
    fn live(&self) -> bool {
        self.0.health().running
    }

    fn ready(&self) -> Readiness {
        let health = self.0.health();
        Readiness { ready: health.bootstrapped && health.leader_known && !health.leaving, checks: Vec::new() }
    }

    fn started(&self) -> bool {
        self.0.health().bootstrapped
    }
}

struct Unheard;

impl HttpObserver for Unheard {
    fn started(&self) {}
    fn finished(&self, _: &str, _: &str, _: u16, _: Option<&'static str>, _: f64) {}
}

async fn accept(listener: TcpListener, router: Router) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, router.clone()));
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new());
    let service = TowerToHyperService::new(router);
    // A disconnected client is not an error.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}
