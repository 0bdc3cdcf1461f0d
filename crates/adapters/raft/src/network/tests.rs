//! Tests of authorisation, of the outcomes of forwarded proposals, and of Raft between real nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::metrics::Wait;
use tokio::time::Instant;

use super::fixture::{CLUSTER, Ca, Node, pair, soon, write};
use super::{ForwardError, PeerError, PeerTls, Peers, Tcp, TlsError};
use crate::type_config::{PeerInfo, TypeConfig};

fn wait(node: &Node) -> Wait<TypeConfig> {
    node.raft.wait(Some(Duration::from_secs(10)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_let_in() {
    let (_ca, _node, peers) = pair().await;
    let status = peers.status(1, soon()).await.expect("an answer");
    assert_eq!((status.node_id, status.revision), (1, 5));
    let hello = peers.hello(1, 1, soon()).await.expect("an answer");
    assert_eq!(hello.command_max, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_delay_a_member() {
    let (_ca, node, peers) = pair().await;
    let address = node.info().peer_addr;
    let mut silent = Vec::new();
    for _ in 0..3 * super::HANDSHAKES_MAX {
        silent.push(tokio::net::TcpStream::connect(&address).await.expect("a connection"));
    }
    let status = peers.status(1, Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(status.expect("an answer in time").node_id, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ca_is_refused() {
    let (_ca, node, _peers) = pair().await;
    let stranger = Peers::new(Arc::new(Tcp), Ca::new().tls(2));
    stranger.learn(1, &node.info());
    let refused = stranger.status(1, soon()).await;
    assert!(matches!(refused, Err(PeerError::Unreachable { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_believe_a_client_that_trusts_it_but_is_from_another_ca() {
    let (ca, node, _peers) = pair().await;
    let (chain, key) = Ca::new().issue(2);
    let tls = PeerTls::new(CLUSTER, 2, vec![ca.der.clone()], chain, &key).expect("credentials");
    let stranger = Peers::new(Arc::new(Tcp), tls);
    stranger.learn(1, &node.info());
    let refused = stranger.status(1, soon()).await;
    assert!(matches!(refused, Err(PeerError::Unreachable { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_node_is_refused_by_the_server() {
    let (ca, node, _peers) = pair().await;
    let liar = Peers::new(Arc::new(Tcp), ca.tls(2).claiming(3));
    liar.learn(1, &node.info());
    match liar.status(1, soon()).await {
        Err(PeerError::Refused { cause, .. }) => {
            assert_eq!(cause.code(), tonic::Code::PermissionDenied);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_another_node_is_refused_by_the_client() {
    let (_ca, node, peers) = pair().await;
    peers.learn(4, &node.info());
    let refused = peers.status(4, soon()).await;
    assert!(matches!(refused, Err(PeerError::Unreachable { .. })), "{refused:?}");
}

#[test]
fn credentials_of_another_node_are_not_accepted_at_start() {
    let ca = Ca::new();
    let (chain, key) = ca.issue(2);
    let wrong = PeerTls::new(CLUSTER, 3, vec![ca.der.clone()], chain, &key);
    assert!(matches!(wrong, Err(TlsError::WrongName(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_forwards_at_once_get_each_its_own_answer() {
    let (_ca, _node, peers) = pair().await;
    let calls = (0..100).map(|n| {
        let payload = Bytes::from(format!("proposal {n}"));
        let peers = peers.clone();
        async move {
            let answer = peers.forward(1, payload.clone(), soon()).await;
            assert_eq!(answer.expect("an answer"), payload);
        }
    });
    join_all(calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcomes_of_a_forward_are_told_apart() {
    let (_ca, node, peers) = pair().await;
    let forward = |payload: &'static str, limit| {
        peers.forward(1, payload.into(), Instant::now() + Duration::from_millis(limit))
    };
    let outcome = forward("follower", 5000).await;
    assert!(matches!(outcome, Err(ForwardError::NotSent { .. })), "{outcome:?}");
    let outcome = forward("bad", 5000).await;
    assert!(matches!(outcome, Err(ForwardError::Refused { .. })), "{outcome:?}");
    let outcome = forward("lost", 5000).await;
    assert!(matches!(outcome, Err(ForwardError::Unknown { .. })), "{outcome:?}");
    let outcome = forward("never", 200).await;
    assert!(matches!(outcome, Err(ForwardError::Unknown { .. })), "{outcome:?}");

    let waiting = forward("never", 10_000);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        node.shutdown.cancel();
    };
    let (outcome, ()) = tokio::join!(waiting, stop);
    assert!(matches!(outcome, Err(ForwardError::Unknown { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_to_a_peer_that_is_down_was_not_sent() {
    let ca = Ca::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let info =
        PeerInfo { peer_addr: free.local_addr().expect("an address").to_string(), ..PeerInfo::default() };
    drop(free);
    let peers = Peers::new(Arc::new(Tcp), ca.tls(2));
    let outcome = peers.forward(1, "x".into(), soon()).await;
    assert!(matches!(outcome, Err(ForwardError::NotSent { .. })), "{outcome:?}");
    peers.learn(1, &info);
    let outcome = peers.forward(1, "x".into(), soon()).await;
    assert!(matches!(outcome, Err(ForwardError::NotSent { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_comes_back_is_reached_again() {
    let (ca, mut node, peers) = pair().await;
    for round in 0..3 {
        let deadline = soon();
        let mut outcome = peers.forward(1, "x".into(), deadline).await;
        while outcome.is_err() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
            outcome = peers.forward(1, "x".into(), deadline).await;
        }
        assert!(outcome.is_ok(), "round {round}: {outcome:?}");
        assert!(peers.status(1, deadline).await.is_ok());
        node.restart_listener(&ca).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_elects_replicates_transfers_and_sends_snapshots() {
    let ca = Ca::new();
    let mut nodes = join_all([1, 2, 3, 4].map(|id| Node::start(&ca, id))).await;
    let members: BTreeMap<_, _> = nodes[..3].iter().map(|n| (n.id, n.info())).collect();
    nodes[0].raft.initialize(members).await.expect("initialized");
    wait(&nodes[0]).current_leader(1, "the first node leads").await.expect("a leader");

    for n in 0..10 {
        write(&nodes[0], format!("{n}")).await;
    }
    nodes[1].peers.learn(1, &nodes[0].info());
    nodes[1].peers.learn(3, &nodes[2].info());
    let barrier = nodes[1].peers.read_barrier(1, soon()).await.expect("a barrier");
    wait(&nodes[1]).applied_index_at_least(Some(barrier.index), "caught up").await.expect("applied");
    assert_eq!(nodes[1].machine.count(), 10);
    let elsewhere = nodes[1].peers.read_barrier(3, soon()).await;
    assert!(matches!(elsewhere, Err(PeerError::NotLeader { .. })), "{elsewhere:?}");

    // A node that joins after the log was purged receives a snapshot.
    nodes[0].raft.trigger().snapshot().await.expect("asked for");
    wait(&nodes[0]).snapshot(barrier, "built").await.expect("a snapshot");
    nodes[0].raft.trigger().purge_log(u64::MAX).await.expect("asked for");
    let joined = nodes[0].raft.add_learner(4, nodes[3].info(), true).await;
    let index = joined.expect("joined").log_id.index;
    wait(&nodes[3]).applied_index_at_least(Some(index), "caught up").await.expect("applied");
    assert_eq!(nodes[3].machine.count(), 10);
    assert!(nodes[3].raft.metrics().borrow_watched().snapshot.is_some());

    wait(&nodes[1])
        .applied_index_at_least(Some(nodes[0].machine.applied_index()), "caught up")
        .await
        .expect("applied");
    // A follower is reachable again after its connections broke.
    nodes[2].restart_listener(&ca).await;
    write(&nodes[0], "one more".into()).await;
    let applied = nodes[0].machine.applied_index();
    wait(&nodes[2]).applied_index_at_least(Some(applied), "caught up").await.expect("applied");
    assert_eq!(nodes[2].machine.count(), 11);

    nodes[0].raft.trigger().transfer_leader(2).await.expect("asked for");
    wait(&nodes[2]).current_leader(2, "leadership moved").await.expect("a new leader");
    let voters: BTreeSet<_> = nodes[1].raft.voter_ids().collect();
    assert_eq!(voters, BTreeSet::from([1, 2, 3]));
    for node in &nodes {
        node.shutdown.cancel();
        node.raft.shutdown().await.expect("stopped");
    }
}
