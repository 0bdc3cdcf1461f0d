//! Concurrent writers with the same expected version: one succeeds, the others get a conflict.

use e2e::{Project, TestCluster};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const WRITERS: usize = 32;

/// Starts all writers at once; returns the version of the successful one.
async fn check(cluster: &TestCluster, project: &Project, version: u64) -> u64 {
    let (start, mut writers) = (Arc::new(Barrier::new(WRITERS)), JoinSet::new());
    for writer in 0..WRITERS {
        let (start, own) = (start.clone(), project.through(cluster.client(writer % cluster.size())));
        writers.spawn(async move {
            let call = own.client.put(&own.config("a")).json(&json!({ "content": [version, writer] }));
            let call = if version == 0 { call.if_absent() } else { call.if_match(version) };
            start.wait().await;
            (writer, call.send().await)
        });
    }
    let answers = writers.join_all().await;
    let won: Vec<_> = answers.iter().filter(|(_, answer)| matches!(answer.status, 200 | 201)).collect();
    assert_eq!(won.len(), 1, "exactly one of {WRITERS} writers wins");
    let (winner, answer) = won[0];
    assert_eq!(answer.etag(), version + 1);
    for (_, answer) in answers.iter().filter(|(writer, _)| writer != winner) {
        let problem = answer.clone().refused(412, "version_conflict");
        assert_eq!(problem["current_version"], version + 1, "{problem}");
    }
    assert_eq!(project.read("a").await["content"], json!([version, winner]));
    answer.etag()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_many_writers_wins() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    let mut version = 0;
    for _ in 0..5 {
        version = check(&cluster, &project, version).await;
    }
    assert_eq!(project.all(&project.config("a/history")).await.len(), 5);
}
