//! Tests of three complete nodes in one process: real disks, real TLS, the application's contract.

use super::*;
use crate::log_store::OnFatal;
use crate::network::{PeerTls, Tcp, peer_dns_name};
use crate::observe::Unobserved;
use crate::{NodeConfig, NodeMember};
use application::ports::{ClusterView as _, Consensus as _, Freshness, StateReader as _};
use domain::{
    Actor, Command, Content, Dialect, Digest, DisplayName, KeyLabel, NewApiKey, Outcome, ProjectName,
    RequestId, SchemaId, SchemaMode, SchemaName, Stamped, Timestamp,
};
use openraft::async_runtime::WatchReceiver as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::Path;
use tempfile::TempDir;

/// Snapshot interval of a node under test, in bytes.
const SNAPSHOT_EVERY_BYTES: u64 = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(20);

/// A clock that is fixed at this number of days after the epoch; different on each node.
struct FastBy(i64);

impl application::ports::Clock for FastBy {
    fn now(&self) -> Timestamp {
        Timestamp(self.0 * 86_400_000)
    }
}

struct Trio {
    dir: TempDir,
    members: Vec<NodeMember>,
    tls: Vec<PeerTls>,
    nodes: Vec<Option<Arc<RaftNode>>>,
}

fn cluster() -> ClusterId {
    ClusterId::parse("trio").expect("a name")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn certificates(ids: &[u64]) -> Vec<PeerTls> {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).expect("a CA").pem();
    let issuer = Issuer::new(params, key);
    let issue = |id: &u64| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([peer_dns_name("trio", *id)]).expect("a name");
        let chain = params.signed_by(&key, &issuer).expect("a certificate").pem();
        PeerTls::from_pem("trio", *id, ca.as_bytes(), chain.as_bytes(), key.serialize_pem().as_bytes())
            .expect("credentials")
    };
    ids.iter().map(issue).collect()
}

impl Trio {
    fn new() -> Self {
        let ids = [11, 22, 33];
        let member = |id: &u64| NodeMember {
            id: *id,
            name: format!("node{id}"),
            peer_addr: format!("127.0.0.1:{}", free_port()),
            api_url: format!("http://node{id}"),
        };
        Self {
            dir: tempfile::tempdir().expect("a folder"),
            members: ids.iter().map(member).collect(),
            tls: certificates(&ids),
            nodes: vec![None, None, None],
        }
    }

    fn folder(&self, n: usize) -> std::path::PathBuf {
        self.dir.path().join(format!("node{n}"))
    }

    fn config(&self, n: usize, data_dir: &Path) -> NodeConfig {
        let on_fatal: OnFatal = Arc::new(|error| panic!("{error}"));
        NodeConfig {
            cluster_id: cluster(),
            node_id: self.members[n].id,
            data_dir: data_dir.to_owned(),
            peer_listen: self.members[n].peer_addr.parse().expect("an address"),
            peer_tls: self.tls[n].clone(),
            members: self.members.clone(),
            join: false,
            admin_key: admin_key(),
            snapshot_every_entries: 100,
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
            large_bytes_per_second: 0,
            space: crate::space::SpaceLimits::default(),
            clock: Arc::new(FastBy(i64::try_from(self.members[n].id).expect("small"))),
            observer: Arc::new(Unobserved),
            on_fatal,
        }
    }

    async fn start(&mut self, n: usize) {
        let node = RaftNode::start(self.config(n, &self.folder(n))).await.expect("starts");
        self.nodes[n] = Some(node);
    }

    async fn stop(&mut self, n: usize) {
        let node = self.nodes[n].take().expect("runs");
        node.shutdown().await.expect("stops");
    }

    fn node(&self, n: usize) -> &RaftNode {
        self.nodes[n].as_ref().expect("runs")
    }

    async fn ready(&self) {
        for node in self.nodes.iter().flatten() {
            until("a bootstrapped node", || node.health().bootstrapped && node.health().leader_known).await;
        }
    }

    async fn leader(&self) -> usize {
        let mut found = None;
        until("a leader", || {
            let leading =
                |n: &usize| self.nodes[*n].as_ref().is_some_and(|node| node.shared.raft.is_leader());
            found = (0..3).find(leading);
            found.is_some()
        })
        .await;
        found.expect("just found")
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "no {what} within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn admin_key() -> NewApiKey {
    NewApiKey {
        id: domain::ApiKeyId::parse("admin").expect("an id"),
        name: KeyLabel::parse("admin").expect("a label"),
        hash: Digest([7; 32]),
        prefix: "gdn_sk_".to_owned(),
        permissions: domain::Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    }
}

async fn create(node: &RaftNode, name: &str) -> Outcome {
    let name = ProjectName::parse(name).expect("a name");
    propose(node, Command::CreateProject { name, display_name: DisplayName::default() }).await
}

async fn propose(node: &RaftNode, command: Command) -> Outcome {
    let request_id = RequestId::parse("r").expect("an id");
    let stamped = Stamped {
        command,
        actor: Actor::System,
        request_id,
        at: Timestamp(1),
        idempotency: None,
        person: None,
        provenance: domain::Provenance::default(),
    };
    node.propose(stamped).await.expect("an outcome")
}

async fn created_at(node: &RaftNode) -> Vec<Timestamp> {
    let view = node.view(Freshness::LINEARIZABLE).await.expect("a view");
    view.state.projects_after(None).map(|project| project.created_at).collect()
}

async fn has(node: &RaftNode, name: &str) -> bool {
    let view = node.view(Freshness::LINEARIZABLE).await.expect("a view");
    view.state.project(&ProjectName::parse(name).expect("a name")).is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_form_a_cluster_that_outlives_its_leader() {
    let mut trio = Trio::new();
    for n in 0..3 {
        trio.start(n).await;
    }
    trio.ready().await;
    for n in 0..3 {
        assert!(matches!(create(trio.node(n), &format!("p{n}")).await, Outcome::Accepted { .. }));
        for reader in 0..3 {
            assert!(has(trio.node(reader), &format!("p{n}")).await, "node {reader} misses p{n}");
        }
    }
    assert!(matches!(create(trio.node(0), "p0").await, Outcome::Rejected { .. }));
    // The time is that of the leader's clock, whichever node received the request.
    let clock = trio.node(trio.leader().await).shared.clock.now();
    let times = created_at(trio.node(0)).await;
    assert_eq!(times, [clock; 3]);

    application::testing::contract::check_all(trio.node(1), trio.node(1)).await;

    let leader = trio.leader().await;
    trio.node(leader).hand_over().await;
    until("another leader", || !trio.node(leader).shared.raft.is_leader()).await;
    trio.stop(leader).await;
    let other = (leader + 1) % 3;
    // Enough entries that the log needed by the stopped node is purged.
    for n in 0..400 {
        assert!(matches!(create(trio.node(other), &format!("q{n}")).await, Outcome::Accepted { .. }));
    }
    trio.start(leader).await;
    assert!(has(trio.node(leader), "q399").await);
    let status = trio.node(leader).status().await;
    assert!(status.members.iter().all(|member| member.reachable), "{status:?}");
    let heads = |n: usize| {
        let published = trio.node(n).shared.store.published();
        (published.state.revision(), published.state.header().audit_head)
    };
    until("equal heads", || heads(0) == heads(1) && heads(1) == heads(2)).await;
    let hash = |n: usize| trio.node(n).shared.store.state_hash().expect("reads");
    assert_eq!((hash(0), hash(1)), (hash(1), hash(2)));

    for n in 0..3 {
        trio.stop(n).await;
    }
    for n in 0..3 {
        trio.start(n).await;
    }
    trio.ready().await;
    assert!(has(trio.node(1), "q0").await);
    for n in 0..3 {
        trio.stop(n).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_takes_no_part_yet_does_not_vote() {
    use crate::type_config::{LeaderId, Vote};
    use openraft::network::RPCOption;
    use openraft::network::RaftNetworkV2 as _;
    use openraft::raft::VoteRequest;
    use openraft::vote::RaftLeaderId as _;
    use openraft::{RaftNetworkFactory as _, errors::RPCError};

    let mut trio = Trio::new();
    // A single node waits for the others and stays fresh.
    trio.start(0).await;
    let mut peers = Peers::new(Arc::new(Tcp), trio.tls[1].clone());
    let info = super::start::peer_info(&trio.members[0]);
    let mut network = peers.new_client(trio.members[0].id, &info).await;
    let vote = Vote { leader_id: LeaderId::new(9, trio.members[1].id), committed: false };
    let option = RPCOption::new(Duration::from_secs(2));
    let answer = network.vote(VoteRequest::new(vote, None), option).await;
    assert!(matches!(answer, Err(RPCError::Unreachable(_) | RPCError::Network(_))), "{answer:?}");
    let kept = trio.node(0).shared.raft.metrics().borrow_watched().vote;
    assert_eq!(kept.leader_id.term, 0, "a vote was kept: {kept}");
    trio.stop(0).await;
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// The result of a power failure on a follower that applied entries before its own disk had them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_ends_before_the_state_is_covered_by_a_snapshot() {
    let mut trio = Trio::new();
    for n in 0..3 {
        trio.start(n).await;
    }
    trio.ready().await;
    // Beyond the first snapshot; otherwise no snapshot could be too old.
    for n in 0..150 {
        assert!(matches!(create(trio.node(0), &format!("p{n}")).await, Outcome::Accepted { .. }));
    }
    assert!(has(trio.node(2), "p149").await);
    trio.stop(2).await;
    let (log, kept) = (trio.folder(2).join("log"), trio.dir.path().join("kept"));
    copy_folder(&log, &kept);
    trio.start(2).await;
    assert!(matches!(create(trio.node(0), "late").await, Outcome::Accepted { .. }));
    assert!(has(trio.node(2), "late").await);
    trio.stop(2).await;
    std::fs::remove_dir_all(&log).expect("removes");
    copy_folder(&kept, &log);

    trio.start(2).await;
    assert!(has(trio.node(2), "late").await);
    let raft = &trio.node(2).shared.raft;
    let (snapshot, purged) = {
        let metrics = raft.metrics();
        let now = metrics.borrow_watched();
        (now.snapshot, now.purged)
    };
    assert!(snapshot >= purged, "the log is purged up to {purged:?}, the snapshot ends at {snapshot:?}");
    for n in 0..3 {
        trio.stop(n).await;
    }
}

/// A hundred entries between two snapshots may have a hundred bytes or a hundred megabytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_in_bytes() {
    let mut trio = Trio::new();
    for n in 0..3 {
        trio.start(n).await;
    }
    trio.ready().await;
    let leader = trio.leader().await;
    let schema = Content::from_compact(&format!("{{\"$comment\":\"{}\"}}", "x".repeat(1_000_000)));
    let (project, name) = (ProjectName::parse("none"), SchemaName::parse("s"));
    let command = Command::CreateSchema {
        id: SchemaId { project: project.expect("a name"), name: name.expect("a name") },
        schema: schema.expect("small"),
        dialect: Dialect::Draft202012,
        mode: SchemaMode::Strict,
        uses: Vec::new(),
    };
    for _ in 0..20 {
        for _ in 0..16 {
            assert!(matches!(propose(trio.node(leader), command.clone()).await, Outcome::Rejected { .. }));
        }
        until("a snapshot of every node", || {
            (0..3).all(|n| folder_bytes(&trio.folder(n).join("log")) < LOG_BYTES_MAX)
        })
        .await;
    }
    for n in 0..3 {
        trio.stop(n).await;
    }
}

/// Two log files, and what is kept for followers.
const LOG_BYTES_MAX: u64 = 2 * crate::log_store::LOG_FILE_BYTES_MAX as u64 + 2 * SNAPSHOT_EVERY_BYTES;

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("readable").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
}
