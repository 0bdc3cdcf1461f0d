//! `GET /api/v1/cluster`: what operators see of the nodes.

use crate::shared::{cluster, everywhere};
use std::collections::BTreeSet;

#[tokio::test]
async fn every_node_shows_the_same_cluster() {
    let cluster = cluster().await;
    let leader = cluster.leader().await;
    let mut ids = BTreeSet::new();
    let mut views = Vec::new();
    for client in everywhere().await {
        let answer = client.get("/api/v1/cluster").send().await.is(200);
        let view = answer.json();
        assert_eq!(view["revision"], answer.revision());
        assert_eq!(view["audit_head"].as_str().map(str::len), Some(64));
        ids.insert(view["node_id"].as_str().expect("an id").to_owned());
        views.push(view);
    }
    assert_eq!(ids.len(), 3);
    for view in &views {
        assert_eq!(view["cluster_id"], views[0]["cluster_id"]);
        assert_eq!(view["leader_id"], views[leader]["node_id"]);
        let members = view["members"].as_array().expect("members");
        let shown: BTreeSet<_> =
            members.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(shown, ids);
        assert!(members.iter().all(|one| one["voter"] == true && one["reachable"] == true), "{view}");
        let urls: BTreeSet<_> = members.iter().map(|one| one["api_url"].as_str().expect("a URL")).collect();
        assert_eq!(urls, (0..3).map(|at| cluster.node(at).url()).collect());
        let leaders: Vec<_> = members.iter().filter(|one| one["role"] == "leader").collect();
        assert_eq!((leaders.len(), &leaders[0]["id"]), (1, &view["leader_id"]));
    }
}
