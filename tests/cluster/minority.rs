//! A node without a majority refuses writes and linearizable reads, and reports the age of stale reads.

use e2e::{Answer, Project, TestCluster, until};
use serde_json::json;
use std::time::{Duration, Instant};

/// Maximum duration of a refusal.
const REFUSED_WITHIN: Duration = Duration::from_secs(7);
/// Maximum time for the node to notice the loss.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);

/// Checks the node `lone` after `cut` has removed the other nodes.
async fn check(cluster: &TestCluster, lone: usize, writes_are_refused: bool, cut: impl Fn(usize)) -> Project {
    let project = Project::create(cluster.client(lone)).await;
    let made = project.create_config("a", &json!("before")).await;
    // A linearizable read waits until this node has applied the write, so that later stale reads include it.
    project.read("a").await;
    (0..cluster.size()).filter(|at| *at != lone).for_each(cut);
    let path = project.config("a");
    let write = async || {
        let since = Instant::now();
        let call = project.client.put(&path).if_match(1).json(&json!({ "content": "during" }));
        in_time(call.send().await, since)
    };
    if writes_are_refused {
        let refused = until("writes are refused", NOTICED_WITHIN, async || {
            let answer = write().await;
            assert!(matches!(answer.status, 503 | 504), "{}: {}", answer.status, answer.text());
            (answer.status == 503).then_some(answer)
        });
        no_leader(refused.await);
    } else {
        // The node still considers itself the leader, so a later leader may keep the write.
        let answer = write().await;
        assert!(matches!(answer.code().as_str(), "no_leader" | "outcome_unknown"), "{}", answer.text());
    }
    let began = Instant::now();
    no_leader(project.client.get(&path).send().await);
    no_leader(project.client.get(&project.configs("")).send().await);
    assert!(began.elapsed() < 2 * REFUSED_WITHIN, "refusing two reads took {:?}", began.elapsed());
    let age = |answer: &Answer| answer.header("guardian-stale-for-ms").and_then(|ms| ms.parse::<u64>().ok());
    let stale = project.client.get(&format!("{path}?consistency=stale")).send().await.is(200);
    assert_eq!(
        (stale.header("guardian-consistency"), &stale.json()["content"]),
        (Some("stale"), &json!("before"))
    );
    assert!(stale.revision() >= made.revision());
    let (first, mut later) = (age(&stale).expect("its age"), None);
    until("the age grows", Duration::from_secs(5), async || {
        let again = project.client.get(&format!("{path}?consistency=stale")).send().await.is(200);
        later = age(&again).filter(|ms| *ms > first);
        later.map(|_| ())
    })
    .await;
    project.client.get("/livez").send().await.is(200);
    until("the node says that it is not ready", NOTICED_WITHIN, async || {
        (project.client.get("/readyz").send().await.status == 503).then_some(())
    })
    .await;
    project
}

fn in_time(answer: Answer, since: Instant) -> Answer {
    assert!(since.elapsed() < REFUSED_WITHIN, "refusing took {:?}", since.elapsed());
    answer
}

fn no_leader(answer: Answer) {
    let wait = answer.header("retry-after").map(str::to_owned);
    assert!(wait.is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0)));
    answer.refused(503, "no_leader");
}

/// Writes work again. A refused write never happened; one with an unknown outcome may have.
async fn recovers(project: &Project) {
    let now = until("writing works again", Duration::from_secs(30), async || {
        let call = project.client.put(&project.config("b")).if_absent().json(&json!({ "content": 1 }));
        let answer = call.send().await;
        assert!(matches!(answer.status, 201 | 412 | 503 | 504), "{}", answer.text());
        matches!(answer.status, 201 | 412).then_some(())
    });
    now.await;
    let read = project.read("a").await;
    assert!(read["content"] == "before" || read["content"] == "during", "{read}");
}

#[tokio::test]
async fn a_follower_whose_peers_died_refuses() {
    let cluster = TestCluster::start().await;
    let lone = (cluster.leader().await + 1) % cluster.size();
    let project = check(&cluster, lone, true, |at| cluster.kill(at)).await;
    for at in (0..cluster.size()).filter(|at| *at != lone) {
        cluster.node(at).spawn();
    }
    recovers(&project).await;
}

#[tokio::test]
async fn a_follower_whose_peers_hang_refuses() {
    let cluster = TestCluster::start().await;
    let lone = (cluster.leader().await + 1) % cluster.size();
    let project = check(&cluster, lone, true, |at| cluster.pause(at)).await;
    (0..cluster.size()).filter(|at| *at != lone).for_each(|at| cluster.resume(at));
    recovers(&project).await;
}

#[tokio::test]
async fn a_leader_whose_peers_died_promises_nothing() {
    let cluster = TestCluster::start().await;
    let lone = cluster.leader().await;
    let project = check(&cluster, lone, false, |at| cluster.kill(at)).await;
    for at in (0..cluster.size()).filter(|at| *at != lone) {
        cluster.node(at).spawn();
    }
    recovers(&project).await;
}
