//! A member low on disk space: every node refuses changes that increase disk use and serves all other
//! requests. The cluster recovers by itself.

use e2e::{Project, TestCluster, until};
use serde_json::json;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
/// More free bytes than any disk has, so that the node is low on space.
const MORE_THAN_THERE_IS: &str = "1125899906842624";

/// Writes a config; returns status and code.
async fn put(project: &Project, key: &str) -> (u16, String) {
    let answer =
        project.client.put(&project.config(key)).if_any().json(&json!({ "content": 1 })).send().await;
    (answer.status, answer.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_one_member_stops_what_grows_and_nothing_else() {
    let cluster = TestCluster::start().await;
    let leader = cluster.leader().await;
    let low = (leader + 1) % cluster.size();
    let project = Project::create(cluster.client(leader)).await;
    project.create_config("a", &json!(1)).await;
    project.create_config("b", &json!(1)).await;
    cluster.node(low).term();
    assert!(cluster.node(low).exited(SOON).await.success());
    let mut process = cluster.node(low).another(&[("storage.free_bytes_min", MORE_THAN_THERE_IS)]);
    until("changes are refused", SOON, async || {
        (put(&project, "a").await == (507, "disk_full".to_owned())).then_some(())
    })
    .await;
    // Reads and deletions work on every node.
    for at in 0..cluster.size() {
        let own = project.through(cluster.client(at));
        assert_eq!(put(&own, "a").await.0, 507, "through node {at}");
        assert_eq!(own.read("a").await["content"], 1);
    }
    let at_low = project.through(cluster.client(low));
    at_low.client.delete(&at_low.config("b")).if_any().send().await.is(204);
    let ready = at_low.client.get("/readyz").send().await.is(200).json();
    let disk =
        ready["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["name"] == "disk"));
    assert_eq!((disk.map(|disk| &disk["ok"]), &ready["status"]), (Some(&json!(false)), &json!("degraded")));
    assert!(cluster.node(low).log_text().contains("disk_full"));
    // A member that is down does not block the others.
    process.kill().expect("the process can be killed");
    process.wait().expect("it ends");
    until("changes are accepted", SOON, async || (put(&project, "a").await.0 == 200).then_some(())).await;
    cluster.node(low).spawn();
    until("the member is back", SOON, async || {
        let ready = at_low.client.get("/readyz").try_send().await;
        ready.is_ok_and(|ready| ready.status == 200).then_some(())
    })
    .await;
    assert_eq!(put(&at_low, "a").await.0, 200);
}
