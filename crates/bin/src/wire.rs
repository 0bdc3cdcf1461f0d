//! The composition root: straight-line code that builds one node from its settings. The only module that
//! knows every concrete type.

use crate::forwarded::ForwardedFor;
use crate::housekeeping::{self, INTERVAL};
use crate::http_server::{self, AccessLog, ConnectionRules, HttpServer, descriptor_limit};
use crate::observe::{HttpMetrics, ProcessLog, RaftMetrics, metrics_text};
use crate::people::People;
use crate::probes::NodeProbes;
use crate::settings::ServerSettings;
use adapter_http::{EdgeRules, NodeLog, Outside, WatchRules};
use adapter_raft::log_store::OnFatal;
use adapter_raft::{NodeConfig, RaftNode};
use adapter_schema::JsonSchemaEngine;
use adapter_security::ApiKeyMint;
use adapter_system::{RandomIds, SystemClock};
use adapter_telemetry::Metrics;
use anyhow::Context as _;
use application::{Application, Env, Ports};
use domain::{ApiKeyId, Digest, KeyLabel, NewApiKey, Permission};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running node.
#[derive(Debug)]
pub struct RunningServer {
    node: Arc<RaftNode>,
    http: HttpServer,
    housekeeping: JoinHandle<()>,
    people: Option<Arc<People>>,
    /// The background work of the identity services.
    beside: Option<JoinHandle<()>>,
    drain: Duration,
    /// Set to true to end every watch.
    stopping: watch::Sender<bool>,
}

/// Builds and starts a node. `on_fatal` is called on a fatal error.
pub async fn start(settings: ServerSettings, on_fatal: OnFatal) -> anyhow::Result<RunningServer> {
    for warning in settings.warnings() {
        tracing::warn!(setting = warning.key, "{}", warning.message);
    }
    let listener = http_server::listen(settings.http_listen)
        .with_context(|| format!("{} (http.listen) cannot be bound", settings.http_listen))?;
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))?);
    let ids = Arc::new(RandomIds);
    let env = Env { clock: Arc::new(SystemClock), ids: ids.clone() };
    let data_dir = settings.data_dir.clone();
    let node = RaftNode::start(NodeConfig {
        cluster_id: settings.cluster_id,
        node_id: settings.node_id,
        data_dir: settings.data_dir,
        peer_listen: settings.peer_listen,
        peer_tls: settings.peer_tls,
        members: settings.members,
        join: settings.join,
        admin_key: admin_key(settings.admin_key_hash)?,
        snapshot_every_entries: settings.snapshot_every_entries,
        snapshot_every_bytes: settings.snapshot_every_bytes,
        large_bytes_per_second: settings.large_bytes_per_second,
        space: settings.space,
        clock: Arc::new(SystemClock),
        observer: Arc::new(RaftMetrics(metrics.clone())),
        on_fatal,
    })
    .await
    .context("the node did not start")?;
    let ports = Ports {
        consensus: node.clone(),
        state: node.clone(),
        schemas: Arc::new(JsonSchemaEngine::default()),
        keys: Arc::new(ApiKeyMint),
        cluster: node.clone(),
        membership: node.clone(),
        env,
    };
    let mut app = Application::new(&ports);
    let people = match settings.identity {
        Some(identity) => Some(Arc::new(People::open(identity, &ports, metrics.clone()).await?)),
        None => None,
    };
    if let Some(people) = &people {
        app = app.with_identity(people.identity.clone());
    }
    let beside = people.as_ref().map(|people| people.spawn(node.clone(), data_dir.clone()));
    let housekeeping = tokio::spawn(housekeeping::run(node.clone(), app.housekeeping.clone(), INTERVAL));
    let stopping = watch::Sender::new(false);
    let forwarded = ForwardedFor::new(&data_dir, settings.edge.trusted_proxies);
    let outside = Outside {
        probes: Arc::new(NodeProbes {
            node: node.clone(),
            people: people.as_ref().map(|people| people.reachable()),
        }),
        observer: Arc::new(HttpMetrics { metrics: metrics.clone(), forwarded }),
        metrics: {
            let (node, people) = (node.clone(), people.clone());
            Arc::new(move || metrics_text(&metrics, &node, people.as_deref()))
        },
        ids,
        request_timeout: settings.request_timeout,
        watch: WatchRules {
            watchers_max: settings.watchers_max,
            heartbeat: settings.watch_heartbeat,
            stopping: stopping.subscribe(),
        },
        edge: EdgeRules { log: NodeLog(Some(Arc::new(ProcessLog))), ..settings.edge },
    };
    let connections = settings.connections;
    let rules = ConnectionRules {
        watchers_max: settings.watchers_max,
        per_address_max: connections.per_address_max,
        idle_timeout: connections.idle_timeout,
        age_max: connections.age_max,
        write_timeout: connections.write_timeout,
        descriptors: descriptor_limit(),
    };
    let log = AccessLog::new(settings.access_every, settings.node_name);
    let http = HttpServer::start(listener, adapter_http::router(app, outside), rules, log)?;
    tracing::info!(node_id = settings.node_id, http = %http.addr(), peers = %settings.peer_listen, "the node runs");
    Ok(RunningServer { node, http, housekeeping, people, beside, drain: settings.drain, stopping })
}

impl RunningServer {
    /// The bound address for clients, with the actual port if the settings have port 0.
    pub fn http_addr(&self) -> SocketAddr {
        self.http.addr()
    }

    /// The replicated core, for tests.
    pub fn node(&self) -> &Arc<RaftNode> {
        &self.node
    }

    /// Stops cleanly: readiness off, leadership transferred, watches ended, requests finished, state on disk.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.housekeeping.abort();
        if let Some(beside) = &self.beside {
            beside.abort();
        }
        self.node.hand_over().await;
        self.stopping.send_replace(true);
        self.http.stop(self.drain).await;
        if let Some(people) = &self.people {
            people.close().await;
        }
        self.node.shutdown().await.context("the last checkpoint failed")
    }
}

/// The first administrator key: platform scope, every permission, no expiry; identical on every member.
fn admin_key(hash: Digest) -> anyhow::Result<NewApiKey> {
    Ok(NewApiKey {
        id: ApiKeyId::parse("admin")?,
        name: KeyLabel::parse("first administrator")?,
        hash,
        // The secret is not known here.
        prefix: String::new(),
        permissions: Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_files::{self, Plan, PlannedMember, SETTINGS_FILE};
    use crate::settings::{Identity, load_with};
    use std::collections::BTreeMap;
    use tokio::net::TcpListener;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_node_starts_becomes_ready_and_stops() {
        let dir = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let peer = free.local_addr().expect("an address");
        drop(free);
        let member = PlannedMember {
            name: "a".to_owned(),
            peer_addr: peer.to_string(),
            api_url: "http://127.0.0.1:8080".to_owned(),
            http_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            peer_listen: peer,
        };
        let cluster_id = cluster_files::random_cluster_id("test").expect("an id");
        let plan =
            Plan { cluster_id, members: vec![member], log_format: "text", identity: Identity::default() };
        let files = dir.path().join("c");
        cluster_files::create(&files, &plan).expect("files");
        let settings =
            load_with(&files.join("a").join(SETTINGS_FILE), Some(BTreeMap::new()), &[]).expect("settings");
        let server = start(settings, Arc::new(|error| panic!("{error}"))).await.expect("a server");
        let url = format!("http://{}/readyz", server.http_addr());
        let ready = async {
            while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ready).await.expect("ready in time");
        server.stop().await.expect("a clean stop");
        assert!(reqwest::get(&url).await.is_err(), "nobody listens any more");
    }
}
