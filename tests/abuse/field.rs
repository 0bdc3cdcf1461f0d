//! The cluster, the attacker's project and keys, and external measurements of the nodes.

use domain::Digest;
use e2e::{Options, Project, TestClient, TestCluster};
use postgres_fixture::Server;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const TOKEN: &str = "once-and-never-again-0123456789";
/// The password of all users.
pub const PASSWORD: &str = "seven quiet otters by the river";
/// The first administrator.
pub const ROOT: &str = "root@example.org";
/// A member that restarts during an attack must be ready within this time.
const READY_AT_LAST: Duration = Duration::from_secs(90);
/// The number of documents in the attacker's large list; `LARGE_BYTES` is the size of each.
const LARGE: usize = 200;
const LARGE_BYTES: usize = 50_000;
/// The permissions of a tenant in its own project.
pub const OWN: &[&str] = &[
    "project:environment:read",
    "config:document:read",
    "config:document:write",
    "config:document:delete",
    "config:schema:read",
    "config:schema:write",
];

/// The environment of the attacks.
#[derive(Debug)]
pub struct Field {
    pub cluster: TestCluster,
    /// The `host:port` of each node for clients.
    pub http: Vec<String>,
    /// The `host:port` of each node for peers.
    pub peers: Vec<String>,
    /// The attacker's project, with a key that has all permissions in it.
    pub hostile: Project,
    /// A read-only key of the attacker.
    pub viewer: String,
    /// Whether this is the short form.
    pub short: bool,
    // Held until the nodes have ended.
    _database: Server,
}

impl Field {
    /// Starts a cluster with two tenants and one user.
    pub async fn prepare(short: bool) -> Self {
        let database = Server::start();
        let settings = [
            ("identity.database", database.empty()),
            ("identity.bcrypt_cost", "10".to_owned()),
            ("identity.bootstrap_token_sha256", Digest::of(&[TOKEN.as_bytes()]).to_string()),
            ("log.format", "text".to_owned()),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value)).to_vec();
        let cluster = TestCluster::with(Options { settings, ..Options::default() }).await;
        let node = cluster.client(0);
        let body = json!({ "token": TOKEN, "email": ROOT, "name": "Root", "password": PASSWORD });
        node.anonymous().post("/api/v1/auth/bootstrap").json(&body).send().await.is(201);
        let project = Project::create(node).await;
        let hostile = project.key_with(OWN).await;
        let viewer = project
            .key_with(&["project:environment:read", "config:document:read", "config:schema:read"])
            .await;
        let viewer = viewer.client.key().expect("a key").to_owned();
        let http =
            (0..cluster.size()).map(|at| cluster.node(at).url().trim_start_matches("http://").to_owned());
        let peers = peers(&cluster.client(0).get("/api/v1/cluster").send().await.is(200).json());
        let field =
            Self { http: http.collect(), peers, hostile, viewer, short, _database: database, cluster };
        field.fill().await;
        field
    }

    /// Creates documents for large lists.
    async fn fill(&self) {
        let count = if self.short { LARGE / 4 } else { LARGE };
        for number in 0..count {
            let content = json!({ "text": "x".repeat(LARGE_BYTES) });
            let put = self.hostile.client.put(&self.hostile.config(&format!("large.{number}")));
            put.if_absent().json(&json!({ "content": content })).send().await.is(201);
        }
    }

    /// A client with the platform key.
    pub fn admin(&self) -> TestClient {
        self.cluster.client(0)
    }

    /// Creates a project with these quotas; returns a client with all permissions in it.
    pub async fn project(&self, quotas: Value) -> Project {
        let project = Project::create(self.admin()).await;
        let body = json!({ "quotas": quotas });
        project.client.patch(&project.path("")).json(&body).send().await.is(200);
        project.key_with(OWN).await
    }

    /// The maximum memory use of a node, in MiB.
    pub fn memory_mib(&self) -> u64 {
        let nodes = (0..self.cluster.size()).filter_map(|at| self.cluster.node(at).pid());
        nodes.filter_map(resident_kib).max().unwrap_or_default() / 1024
    }

    /// The disk use of all nodes, in bytes.
    pub fn kept_bytes(&self) -> u64 {
        (0..self.cluster.size()).map(|at| below(&self.cluster.node(at).data_dir())).sum()
    }

    /// The nodes that have ended or panicked.
    pub fn ended(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for at in 0..self.cluster.size() {
            let node = self.cluster.node(at);
            if !node.is_up() {
                let text = node.log_text();
                faults.push(format!("{} ended: {}", node.name(), text.lines().last().unwrap_or_default()));
                node.kill();
                node.spawn();
            } else if let Some(line) = node.log_text().lines().find(|line| line.contains("panicked at")) {
                faults.push(format!("{}: {line}", node.name()));
            }
        }
        faults
    }

    /// Restarts a node; returns an error if it is not ready within the time.
    pub async fn restart(&self, at: usize, within: Duration) -> Option<String> {
        let node = self.cluster.node(at);
        node.kill();
        node.spawn();
        let client = self.cluster.client(at).timeout(Duration::from_secs(2));
        let began = Instant::now();
        while began.elapsed() < READY_AT_LAST {
            if client.get("/readyz").try_send().await.is_ok_and(|answer| answer.status == 200) {
                let late = began.elapsed() > within;
                return late.then(|| format!("{} was ready after {:?}", node.name(), began.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(format!("{} was not ready within {READY_AT_LAST:?}", node.name()))
    }
}

fn peers(view: &Value) -> Vec<String> {
    let members = view["members"].as_array().expect("members");
    members.iter().map(|member| member["peer_addr"].as_str().expect("an address").to_owned()).collect()
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

fn below(folder: &std::path::Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
