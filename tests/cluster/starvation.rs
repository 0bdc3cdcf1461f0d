//! Schema changes complete despite a constant stream of writes of bound documents.

use e2e::{Project, TestCluster, say};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const WRITERS: usize = 9;
const CHANGES: usize = 8;
/// Maximum duration of a change on a busy machine; on an idle one it takes some milliseconds.
const CHANGE_WITHIN: Duration = Duration::from_secs(10);

fn schema(limit: usize) -> Value {
    json!({ "type": "object", "properties": { "n": { "type": "integer", "maximum": 100 + limit } } })
}

/// Writes one document without a pause. A schema change may delay a write but never refuse it.
async fn write(project: Project, key: String, done: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        project.write(&key, &json!({ "n": 1 })).await;
        done.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_change_is_not_starved() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    project.create_schema("s", &schema(0)).await;
    let (done, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let key = format!("k{writer}");
        project.create_bound(&key, "s", &json!({ "n": 0 })).await;
        let own = project.through(cluster.client(writer % cluster.size()));
        writers.spawn(write(own, key, done.clone(), stop.clone()));
    }
    let mut times = Vec::new();
    for change in 1..=CHANGES {
        let since = Instant::now();
        let body = json!({ "schema": schema(change) });
        project.client.put(&project.path("/schemas/s")).json(&body).send().await.is(200);
        times.push(since.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    writers.join_all().await;
    say(format_args!(
        "starvation: {} writes beside changes that took {times:?}",
        done.load(Ordering::SeqCst)
    ));
    assert!(done.load(Ordering::SeqCst) > CHANGES, "the writers went on");
    assert!(times.iter().all(|time| *time < CHANGE_WITHIN), "{times:?}");
}
