//! A cluster of real processes on loopback, made as the manual says: `guardian init`, `guardian server`.

use crate::binary::guardian;
use crate::folder::RunFolder;
use crate::{Node, TestClient, free_ports, leaks, wait};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How long a node may take to be ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(45);
/// How long a majority may take to agree on a leader.
const LEADER_WITHIN: Duration = Duration::from_secs(20);
/// How often a cluster is made again when somebody else took one of its ports.
const ATTEMPTS_MAX: usize = 4;
/// What a node's log says when its port is taken.
const PORT_TAKEN: &str = "cannot be bound";

/// Clusters that are disturbed run one at a time, so that time-outs mean something on two cores.
static TURN: Mutex<()> = Mutex::const_new(());

/// What a cluster shall be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many nodes.
    pub nodes: usize,
    /// Settings of every node that differ from the default, such as `raft.snapshot_every_entries`.
    pub settings: Vec<(String, String)>,
    /// Whether it waits until no other such cluster runs in this program.
    pub alone: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 3, settings: Vec::new(), alone: true }
    }
}

/// Running nodes, and the key that may do everything. Nodes are named by their place, from 0.
#[derive(Debug)]
pub struct TestCluster {
    nodes: Vec<Node>,
    settings: Vec<(String, String)>,
    admin_key: String,
    folder: RunFolder,
    turn: Option<MutexGuard<'static, ()>>,
}

impl TestCluster {
    /// Three nodes, ready.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A cluster as wished, ready.
    pub async fn with(options: Options) -> Self {
        let mut turn = if options.alone { Some(TURN.lock().await) } else { None };
        for _ in 0..ATTEMPTS_MAX {
            let cluster = Self::create(&options, turn.take());
            cluster.nodes.iter().for_each(Node::spawn);
            if cluster.all_ready().await {
                return cluster;
            }
            let taken = cluster.nodes.iter().any(|node| node.log_text().contains(PORT_TAKEN));
            assert!(taken, "a node ended instead of getting ready");
            turn = cluster.into_turn();
        }
        panic!("no free ports in {ATTEMPTS_MAX} attempts");
    }

    fn create(options: &Options, turn: Option<MutexGuard<'static, ()>>) -> Self {
        let folder = RunFolder::new();
        let ports = free_ports(2 * options.nodes);
        let places: Vec<(String, String, u16, u16)> = ports
            .chunks(2)
            .enumerate()
            .map(|(at, pair)| {
                (format!("n{}", at + 1), format!("http://127.0.0.1:{}", pair[0]), pair[0], pair[1])
            })
            .collect();
        let members = places.iter().map(|(name, url, _, peer)| format!("{name}=127.0.0.1:{peer}={url}"));
        let home = folder.path().join("cluster");
        let admin_key = init(&home, members);
        let node = |(name, url, http, peer): &(String, String, u16, u16)| {
            let mut settings = vec![
                ("http.listen".to_owned(), format!("127.0.0.1:{http}")),
                ("peer.listen".to_owned(), format!("127.0.0.1:{peer}")),
            ];
            settings.extend(options.settings.iter().cloned());
            Node::new(name, url, &home.join(name), &settings)
        };
        let nodes = places.iter().map(node).collect();
        Self { nodes, settings: options.settings.clone(), admin_key, folder, turn }
    }

    /// Makes one more node that waits to join, and starts it; gives its place and what adds it.
    pub fn another(&mut self, name: &str) -> (usize, Value) {
        let ports = free_ports(2);
        let (http, peer) = (ports[0], ports[1]);
        let url = format!("http://127.0.0.1:{http}");
        let home = self.folder.path().join("cluster");
        let output = Command::new(guardian())
            .arg("add-member")
            .arg("--cluster")
            .arg(&home)
            .arg("--member")
            .arg(format!("{name}=127.0.0.1:{peer}={url}"))
            .output()
            .expect("guardian can be run");
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "guardian add-member: {complained}");
        let body = said.lines().find(|line| line.starts_with('{')).expect("it shows the request");
        let body = serde_json::from_str(body).expect("the request is JSON");
        let mut settings = vec![
            ("http.listen".to_owned(), format!("127.0.0.1:{http}")),
            ("peer.listen".to_owned(), format!("127.0.0.1:{peer}")),
        ];
        settings.extend(self.settings.iter().cloned());
        let node = Node::new(name, &url, &home.join(name), &settings);
        node.spawn();
        self.nodes.push(node);
        (self.nodes.len() - 1, body)
    }

    /// Forgets a node that is no member any more; the places after it move up.
    pub fn forget(&mut self, at: usize) -> Node {
        self.nodes.remove(at)
    }

    fn into_turn(mut self) -> Option<MutexGuard<'static, ()>> {
        self.turn.take()
    }

    /// Waits until every node is ready; false when one has ended.
    async fn all_ready(&self) -> bool {
        for at in 0..self.nodes.len() {
            let client = self.client(at);
            let what = format!("{} is ready", self.nodes[at].name());
            let ready = wait::until(&what, READY_WITHIN, async || {
                if !self.nodes.iter().all(Node::is_up) {
                    return Some(false);
                }
                is_ready(&client).await.then_some(true)
            });
            if !ready.await {
                return false;
            }
        }
        true
    }

    /// How many nodes it has.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// A node.
    pub fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The folder that holds every node's.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The administrator key.
    pub fn admin_key(&self) -> &str {
        &self.admin_key
    }

    /// A client of one node with the administrator key.
    pub fn client(&self, at: usize) -> TestClient {
        TestClient::new(self.nodes[at].url(), Some(&self.admin_key))
    }

    /// A client of each node.
    pub fn clients(&self) -> Vec<TestClient> {
        (0..self.nodes.len()).map(|at| self.client(at)).collect()
    }

    /// SIGKILL.
    pub fn kill(&self, at: usize) {
        self.nodes[at].kill();
    }

    /// SIGTERM.
    pub fn term(&self, at: usize) {
        self.nodes[at].term();
    }

    /// SIGSTOP.
    pub fn pause(&self, at: usize) {
        self.nodes[at].pause();
    }

    /// SIGCONT.
    pub fn resume(&self, at: usize) {
        self.nodes[at].resume();
    }

    /// Starts a node that is down, and waits until it is ready.
    pub async fn restart(&self, at: usize) {
        self.nodes[at].spawn();
        self.ready(at).await;
    }

    /// Waits until a node is ready.
    pub async fn ready(&self, at: usize) {
        let client = self.client(at);
        wait::until(&format!("{} is ready", self.nodes[at].name()), READY_WITHIN, async || {
            assert!(self.nodes[at].is_up(), "{} ended instead of getting ready", self.nodes[at].name());
            is_ready(&client).await.then_some(())
        })
        .await;
    }

    /// The node that a majority calls leader.
    pub async fn leader(&self) -> usize {
        wait::until("a majority has one leader", LEADER_WITHIN, async || self.agreed_leader().await).await
    }

    async fn agreed_leader(&self) -> Option<usize> {
        let mut views: Vec<(usize, Value)> = Vec::new();
        for at in (0..self.nodes.len()).filter(|at| self.nodes[*at].is_up()) {
            let client = self.client(at).timeout(Duration::from_secs(2));
            if let Ok(answer) = client.get("/api/v1/cluster").try_send().await
                && answer.status == 200
            {
                views.push((at, answer.json()));
            }
        }
        let leads = |(_, view): &&(usize, Value)| view["leader_id"] == view["node_id"];
        let (at, own) = views.iter().find(leads)?;
        let same =
            |(_, view): &&(usize, Value)| view["leader_id"] == own["node_id"] && view["term"] == own["term"];
        (views.iter().filter(same).count() > self.nodes.len() / 2).then_some(*at)
    }

    /// Waits until every node has applied `revision` and returns the audit head, equal on all.
    pub async fn agreed_audit_head(&self, revision: u64) -> String {
        let mut heads = Vec::new();
        for (at, client) in self.clients().iter().enumerate() {
            let what = format!("{} reaches revision {revision}", self.nodes[at].name());
            heads.push(
                wait::until(&what, READY_WITHIN, async || {
                    let view = client.get("/api/v1/cluster").try_send().await.ok()?;
                    let view = if view.status == 200 { view.json() } else { return None };
                    let reached = view["revision"].as_u64()?;
                    assert!(reached <= revision, "{what}: it is at {reached} already, somebody still writes");
                    (reached == revision).then(|| view["audit_head"].as_str().expect("a head").to_owned())
                })
                .await,
            );
        }
        assert!(heads.iter().all(|head| *head == heads[0]), "the replicas differ at {revision}: {heads:?}");
        heads.swap_remove(0)
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.nodes.iter().for_each(Node::show_log);
        }
    }
}

async fn is_ready(client: &TestClient) -> bool {
    let asked = client.clone().timeout(Duration::from_secs(2));
    asked.get("/readyz").try_send().await.is_ok_and(|answer| answer.status == 200)
}

/// Makes the files of a cluster and gives the administrator key.
fn init(home: &Path, members: impl Iterator<Item = String>) -> String {
    let mut command = Command::new(guardian());
    command.arg("init").arg("--out").arg(home);
    for member in members {
        command.arg("--member").arg(member);
    }
    let output = command.output().expect("guardian can be run");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "guardian init: {complained}");
    let key = said.lines().map(str::trim).find(|line| line.starts_with("gdn_"));
    let key = key.unwrap_or_else(|| panic!("guardian init shows no key: {said}"));
    leaks::secret(key);
    leaks::secrets_below(home);
    key.to_owned()
}
