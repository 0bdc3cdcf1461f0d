//! A node that was down until the others had purged the log that it needs.

use e2e::{Metrics, Options, Project, TestCluster};
use serde_json::json;
use tokio::task::JoinSet;

const ENTRIES: usize = 1500;
const WRITERS: usize = 12;
/// Log entries between two snapshots; several snapshots are made while the node is down.
const SNAPSHOT_EVERY: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_catches_up_by_snapshot() {
    let every = ("raft.snapshot_every_entries".to_owned(), SNAPSHOT_EVERY.to_string());
    let cluster = TestCluster::with(Options { settings: vec![every], ..Options::default() }).await;
    let leader = cluster.leader().await;
    let away = (leader + 1) % cluster.size();
    let project = Project::create(cluster.client(leader)).await;
    project.create_schema("s", &json!({ "type": "object" })).await;
    cluster.kill(away);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let project = project.clone();
        writers.spawn(async move {
            for n in (writer..ENTRIES).step_by(WRITERS) {
                project.create_bound(&format!("k{n:04}"), "s", &json!({ "n": n })).await;
            }
        });
    }
    writers.join_all().await;
    let metrics = project.client.get("/metrics").send().await.is(200);
    let made = Metrics::parse(metrics.text()).sum("guardian_raft_snapshots_total", &[]);
    assert!(made >= 3.0, "only {made} snapshots were made: the log is not purged");
    cluster.restart(away).await;
    let last = project.create_config("the.end", &json!(null)).await;
    cluster.agreed_audit_head(last.revision()).await;
    let own = project.through(cluster.client(away));
    let items = own.all(&own.configs("?consistency=stale&include=content&prefix=k")).await;
    assert_eq!(items.len(), ENTRIES);
    for (n, item) in items.iter().enumerate() {
        assert_eq!((&item["content"], &item["schema"]["version"]), (&json!({ "n": n }), &json!(1)), "{item}");
    }
    own.client.get(&own.config("k0000/history/1?consistency=stale")).send().await.is(200);
    cluster.kill(away);
    cluster.restart(away).await;
    // Readiness does not imply that the last entries are applied, so the stale read states its minimum
    // revision.
    let wanted = format!("?consistency=stale&min_revision={}&include=content&prefix=k", last.revision());
    let again = own.all(&own.configs(&wanted)).await;
    assert!(again == items, "what came by snapshot survives a crash");
}
