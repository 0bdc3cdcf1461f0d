//! Real nodes over real TLS on the loopback interface, for the tests of the peer plane.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use openraft::{Config, Raft};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    ChangeError, MembersDone, NodeStatus, PeerHandler, PeerListener, PeerService, PeerServiceConfig, PeerTls,
    Peers, ProposeError, Tcp, peer_dns_name,
};
use crate::log_store::{LogStore, LogStoreConfig};
use crate::testing::Counter;
use crate::type_config::{PeerInfo, TypeConfig};

pub(super) const CLUSTER: &str = "test-1";

pub(super) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(super) der: CertificateDer<'static>,
}

impl Ca {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).expect("a CA").der().clone();
        let issuer = Issuer::new(params, key);
        Self { issuer, der }
    }

    pub(super) fn tls(&self, node_id: u64) -> PeerTls {
        let (chain, key) = self.issue(node_id);
        let ca = vec![self.der.clone()];
        PeerTls::new(CLUSTER, node_id, ca, chain, &key).expect("credentials")
    }

    pub(super) fn issue(&self, node_id: u64) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([peer_dns_name(CLUSTER, node_id)]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        (vec![certificate.der().clone()], key)
    }
}

/// Echoes proposals; refuses or loses them, or never responds, on request.
pub(super) struct Echo(u64);

#[async_trait]
impl PeerHandler for Echo {
    async fn propose(&self, payload: Bytes) -> Result<Bytes, ProposeError> {
        match &*payload {
            b"follower" => Err(ProposeError::NotProposed("not the leader".into())),
            b"lost" => Err(ProposeError::Unknown("leadership was lost".into())),
            b"bad" => Err(ProposeError::Refused("malformed".into())),
            b"never" => std::future::pending().await,
            _ => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(payload)
            }
        }
    }

    async fn status(&self, _: u64) -> NodeStatus {
        NodeStatus { node_id: self.0, revision: 5, ..NodeStatus::default() }
    }

    async fn join(&self) -> Result<(), String> {
        Ok(())
    }

    async fn change_members(&self, _: Bytes) -> Result<MembersDone, ChangeError> {
        Err(ChangeError::NotDone("not here".into()))
    }

    async fn hand_over(&self, _: Option<u64>) -> Result<MembersDone, ChangeError> {
        Err(ChangeError::NotDone("not here".into()))
    }

    fn was_removed(&self, _: u64) -> bool {
        false
    }

    async fn check_snapshot(&self, _: &crate::type_config::Snapshot) -> std::io::Result<()> {
        Ok(())
    }

    fn takes_part(&self) -> bool {
        true
    }

    fn heard_from_leader(&self) {}

    fn space(&self) -> crate::space::Level {
        crate::space::Level::Low
    }
}

pub(super) struct Node {
    pub(super) id: u64,
    addr: SocketAddr,
    pub(super) raft: Raft<TypeConfig, Counter>,
    pub(super) machine: Counter,
    pub(super) peers: Peers,
    pub(super) shutdown: CancellationToken,
    dir: TempDir,
}

impl Node {
    pub(super) async fn start(ca: &Ca, id: u64) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let listener = PeerListener::bind(&Tcp, ([127, 0, 0, 1], 0).into(), ca.tls(id)).await;
        let listener = listener.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let peers = Peers::new(Arc::new(Tcp), ca.tls(id));
        let machine = Counter::new();
        let raft = raft(id, dir.path(), peers.clone(), machine.clone()).await;
        let shutdown = CancellationToken::new();
        let node = Self { id, addr, raft, machine, peers, shutdown, dir };
        node.serve(listener);
        node
    }

    fn serve(&self, listener: PeerListener) {
        let config = PeerServiceConfig {
            incoming_dir: self.dir.path().join("snapshots"),
            command_max: 3,
            observer: Arc::new(crate::observe::Unobserved),
            space: Arc::default(),
            shutdown: self.shutdown.clone(),
        };
        let service = PeerService::new(self.raft.clone(), Arc::new(Echo(self.id)), config);
        tokio::spawn(service.expect("a directory").serve(listener));
    }

    /// Closes all connections and listens again on the same port.
    pub(super) async fn restart_listener(&mut self, ca: &Ca) {
        self.shutdown.cancel();
        self.shutdown = CancellationToken::new();
        let deadline = soon();
        let listener = loop {
            match PeerListener::bind(&Tcp, self.addr, ca.tls(self.id)).await {
                Ok(listener) => break listener,
                Err(cause) if Instant::now() > deadline => panic!("{cause}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        self.serve(listener);
    }

    pub(super) fn info(&self) -> PeerInfo {
        PeerInfo {
            name: format!("node {}", self.id),
            peer_addr: self.addr.to_string(),
            api_url: String::new(),
        }
    }
}

async fn raft(id: u64, dir: &Path, peers: Peers, sm: Counter) -> Raft<TypeConfig, Counter> {
    let config = Config {
        heartbeat_interval: 100,
        election_timeout_min: 500,
        election_timeout_max: 1000,
        enable_pre_vote: Some(true),
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    let log = LogStore::open(LogStoreConfig {
        dir: dir.join("log"),
        cluster_id: CLUSTER.into(),
        node_id: id,
        on_fatal: Arc::new(|cause| panic!("{cause}")),
        observer: Arc::new(crate::observe::Unobserved),
    });
    let log = log.expect("a new log");
    let raft = Raft::new(id, Arc::new(config), peers, log, sm).await;
    raft.expect("a raft node")
}

/// Writes through the leader. Retries, because a new leader accepts no proposals before a quorum has
/// responded.
pub(super) async fn write(leader: &Node, command: String) {
    let deadline = soon();
    loop {
        let payload = Bytes::from(command.clone()).into();
        match leader.raft.client_write(payload).await {
            Ok(written) => return assert_eq!(written.data.0, command),
            Err(cause) if Instant::now() > deadline => panic!("{cause}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A running node 1, and the peers of node 2.
pub(super) async fn pair() -> (Ca, Node, Peers) {
    let ca = Ca::new();
    let node = Node::start(&ca, 1).await;
    let peers = Peers::new(Arc::new(Tcp), ca.tls(2));
    peers.learn(1, &node.info());
    (ca, node, peers)
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
