//! The identity file of a data folder: whatever is in it, a node of another cluster does not start on the folder
//! and leaves the file as it is.

use crate::scratch;
use adapter_raft::network::PeerTls;
use adapter_raft::observe::Unobserved;
use adapter_raft::{NodeConfig, NodeError, NodeMember, RaftNode};
use domain::{ApiKeyId, ClusterId, Digest, KeyLabel, NewApiKey, Timestamp};
use fuzz::Target;
use guardian::pki::ClusterCa;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Nobody leads here.
struct Unasked;

impl application::ports::Clock for Unasked {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// Far from every kept input: a mutation must not find it, for then the folder is this node's own.
const CLUSTER: &str = "unguessable-7f3a9c51d0";

fn config(dir: &Path) -> NodeConfig {
    let cluster_id = ClusterId::parse(CLUSTER).expect("a name");
    let ca = ClusterCa::new(&cluster_id, Timestamp(1_790_000_000_000)).expect("an authority");
    let node = ca.issue(1).expect("a certificate");
    let (authority, chain, key) = (ca.credentials().cert_pem, node.cert_pem, node.key_pem);
    let peer_tls = PeerTls::from_pem(CLUSTER, 1, authority.as_bytes(), chain.as_bytes(), key.as_bytes());
    NodeConfig {
        cluster_id,
        node_id: 1,
        data_dir: dir.to_owned(),
        peer_listen: ([127, 0, 0, 1], 0).into(),
        peer_tls: peer_tls.expect("its own credentials"),
        members: vec![NodeMember {
            id: 1,
            name: "a".to_owned(),
            peer_addr: "127.0.0.1:1".to_owned(),
            api_url: "http://127.0.0.1:1".to_owned(),
        }],
        join: false,
        admin_key: NewApiKey {
            id: ApiKeyId::parse("ak-admin").expect("an id"),
            name: KeyLabel::parse("admin").expect("a label"),
            hash: Digest([1; 32]),
            prefix: "gdn_sk_".to_owned(),
            permissions: BTreeSet::new(),
            environments: None,
            key_prefixes: None,
            expires_at: None,
        },
        snapshot_every_entries: 1000,
        snapshot_every_bytes: 1 << 30,
        large_bytes_per_second: 0,
        space: adapter_raft::space::SpaceLimits::default(),
        clock: Arc::new(Unasked),
        observer: Arc::new(Unobserved),
        on_fatal: Arc::new(|cause| panic!("{cause}")),
    }
}

#[test]
fn identity() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let dir = scratch::folder();
    let (config, file) = (config(dir.path()), dir.path().join("identity.json"));
    Target::new("identity").bytes_max(400).check(|bytes| {
        scratch::write(&file, bytes);
        match runtime.block_on(RaftNode::start(config.clone())) {
            Err(NodeError::Identity(error)) => {
                let text = error.to_string();
                assert!(text.contains(&*dir.path().to_string_lossy()), "{text} does not say where");
            }
            Err(other) => panic!("{other}: it got as far as the network or the log"),
            Ok(_) => panic!("a node started on a folder that is not its own"),
        }
        assert_eq!(fs::read(&file).expect("it is there"), bytes, "a refused file was changed");
        let others = fs::read_dir(dir.path()).expect("a folder").count();
        assert_eq!(others, 2, "beside the identity there is only the lock");
    });
}
