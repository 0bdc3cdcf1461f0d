//! A stopping leader transfers leadership: clients see a short pause, never an unknown outcome.

use e2e::{Project, TestClient, TestCluster, say, until};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Maximum time between two acknowledged writes: well below an election timeout plus an election.
const GAP_MAX: Duration = Duration::from_secs(3);

/// Writes through the nodes in turn, with retries after 503; returns the longest gap between two successes.
async fn write(
    mut version: u64,
    project: Project,
    clients: Vec<TestClient>,
    acked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Duration {
    let (mut gap, mut last) = (Duration::ZERO, Instant::now());
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let client = &clients[round % clients.len()];
        let call = client.put(&project.config("a")).if_match(version).json(&json!({ "content": round }));
        let answer = call.send().await;
        match answer.status {
            200 => {
                version = answer.etag();
                gap = gap.max(last.elapsed());
                last = Instant::now();
                acked.fetch_add(1, Ordering::SeqCst);
            }
            503 => tokio::time::sleep(Duration::from_millis(10)).await,
            other => panic!("a writer got {other}: {}", answer.text()),
        }
    }
    gap
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stopped_hands_over() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    project.create_config("a", &json!(null)).await;
    for round in 1..=2 {
        let leader = cluster.leader().await;
        let others = (0..cluster.size()).filter(|at| *at != leader).map(|at| cluster.client(at)).collect();
        let (acked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let version = project.write("a", &json!(null)).await.etag();
        let writer = tokio::spawn(write(version, project.clone(), others, acked.clone(), stop.clone()));
        let more = async |count: usize| {
            let goal = acked.load(Ordering::SeqCst) + count;
            until("writes go on", Duration::from_secs(30), async || {
                (acked.load(Ordering::SeqCst) >= goal || writer.is_finished()).then_some(())
            })
            .await;
        };
        more(50).await;
        cluster.term(leader);
        let status = cluster.node(leader).exited(Duration::from_secs(30)).await;
        assert!(status.success(), "a clean stop ends with 0, not {status}");
        more(50).await;
        stop.store(true, Ordering::SeqCst);
        let gap = writer.await.expect("the writer saw only success and 503");
        say(format_args!("hand-over {round}: the longest gap was {gap:?}"));
        assert!(gap < GAP_MAX, "the longest gap was {gap:?}");
        assert_ne!(cluster.leader().await, leader);
        cluster.restart(leader).await;
    }
}
