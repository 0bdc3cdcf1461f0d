//! Nodes with a foreign disk or certificate are refused, with an explanation in the log.

use domain::{ClusterId, Timestamp};
use e2e::{Node, Options, Project, TestCluster, free_ports, until};
use guardian::pki::ClusterCa;
use serde_json::json;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const REFUSED_WITHIN: Duration = Duration::from_secs(40);
/// Maximum time for a node to report that it has no leader.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// Asserts that the node exits with an error and logs this reason.
async fn check_refused(node: &Node, why: &str) {
    node.spawn();
    let status = node.exited(REFUSED_WITHIN).await;
    assert!(!status.success(), "{} ended well", node.name());
    assert!(node.log_text().contains(why), "{} does not say {why:?}", node.name());
}

async fn stop(cluster: &TestCluster, at: usize) {
    cluster.term(at);
    let status = cluster.node(at).exited(Duration::from_secs(30)).await;
    assert!(status.success(), "a clean stop ends with 0, not {status}");
}

async fn works(project: &Project, key: &str) {
    project.create_config(key, &json!(1)).await;
    assert_eq!(project.read(key).await["version"], 1);
}

#[tokio::test]
async fn the_disk_of_another_node_is_refused() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(2)).await;
    works(&project, "before").await;
    stop(&cluster, 0).await;
    stop(&cluster, 1).await;
    let (one, two) = (cluster.node(0).data_dir(), cluster.node(1).data_dir());
    let aside = cluster.home().join("aside");
    let swap = || {
        fs::rename(&one, &aside).expect("moved");
        fs::rename(&two, &one).expect("moved");
        fs::rename(&aside, &two).expect("moved");
    };
    swap();
    check_refused(cluster.node(0), "belongs to node").await;
    check_refused(cluster.node(1), "belongs to node").await;
    swap();
    cluster.node(0).spawn();
    cluster.node(1).spawn();
    cluster.ready(0).await;
    cluster.ready(1).await;
    assert_eq!(project.through(cluster.client(0)).read("before").await["version"], 1);
    works(&project, "after").await;
}

#[tokio::test]
async fn the_disk_of_another_cluster_is_refused() {
    let cluster = TestCluster::start().await;
    let single = TestCluster::with(Options { nodes: 1, alone: false, ..Options::default() }).await;
    stop(&single, 0).await;
    cluster.kill(2);
    fs::remove_dir_all(cluster.node(2).data_dir()).expect("removed");
    fs::rename(single.node(0).data_dir(), cluster.node(2).data_dir()).expect("moved");
    check_refused(cluster.node(2), "of cluster").await;
}

#[tokio::test]
async fn an_old_id_with_an_empty_disk_is_refused() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    cluster.kill(2);
    fs::remove_dir_all(cluster.node(2).data_dir()).expect("removed");
    check_refused(cluster.node(2), "data folder is new").await;
    works(&project, "a").await;
    check_refused(cluster.node(2), "data folder is new").await;
    works(&project, "b").await;
}

#[tokio::test]
async fn two_processes_do_not_share_a_disk() {
    let cluster = TestCluster::start().await;
    let ports = free_ports(2);
    let (http, peer) = (format!("127.0.0.1:{}", ports[0]), format!("127.0.0.1:{}", ports[1]));
    let mut second = cluster.node(0).another(&[("http.listen", &http), ("peer.listen", &peer)]);
    let status =
        until("the second process ends", REFUSED_WITHIN, async || second.try_wait().expect("asked")).await;
    assert!(!status.success());
    assert!(cluster.node(0).log_text().contains("in use by another process"));
    works(&Project::create(cluster.client(0)).await, "a").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_stays_out() {
    let cluster = TestCluster::start().await;
    let view = cluster.client(2).get("/api/v1/cluster").send().await.is(200).json();
    let own_id: u64 = view["node_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let cluster_id = ClusterId::parse(view["cluster_id"].as_str().expect("an id")).expect("a cluster id");
    stop(&cluster, 2).await;
    impersonate(cluster.node(2), &cluster_id, own_id);
    cluster.node(2).spawn();
    let (majority, outsider) = (cluster.client(0), cluster.client(2));
    until("the outsider answers", REFUSED_WITHIN, async || {
        outsider.get("/livez").try_send().await.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    let project = Project::create(majority.clone()).await;
    works(&project, "a").await;
    // The request waits for a leader until its timeout, which is long enough to join.
    outsider.get("/api/v1/projects").send().await.refused(503, "no_leader");
    let asked = outsider.get(&project.config("a?consistency=stale")).send().await;
    assert!(matches!(asked.status, 404 | 503), "the outsider knows what was written without it");
    let members = majority.get("/api/v1/cluster").send().await.is(200).json()["members"].clone();
    let own = own_id.to_string();
    let seen = members.as_array().expect("members").iter().find(|one| one["id"] == own.as_str());
    assert_eq!(seen.expect("it is a member")["reachable"], false);
    until("the outsider says that it is not ready", NOTICED_WITHIN, async || {
        (outsider.get("/readyz").send().await.status == 503).then_some(())
    })
    .await;
    works(&project, "b").await;
}

/// Replaces the node's certificate by one with the right name from another authority.
fn impersonate(node: &Node, cluster: &ClusterId, id: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
    let now = Timestamp(i64::try_from(now).expect("it fits"));
    let authority = ClusterCa::new(cluster, now).expect("an authority");
    let own = authority.issue(id).expect("a certificate");
    let files =
        [("ca.pem", authority.credentials().cert_pem), ("cert.pem", own.cert_pem), ("key.pem", own.key_pem)];
    for (file, text) in files {
        fs::write(node.folder().join("tls").join(file), text).expect("written");
    }
}
