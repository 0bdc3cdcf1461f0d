//! Watches while their node is killed or stopped, and watchers that never read.

use e2e::{Metrics, Options, Project, TestClient, TestCluster, Watching, say};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Number of watchers of the killed node.
const WATCHERS: usize = 1000;
/// Pause between two writes, which leaves CPU time for the rest.
const PACE: Duration = Duration::from_millis(20);
/// Maximum time until all watchers have received the last event.
const DEADLINE: Duration = Duration::from_mins(3);

/// Writes one config through the given nodes until stopped; returns the last revision.
async fn write(project: Project, clients: Vec<TestClient>, acked: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    for n in 0_usize.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let own = project.through(clients[n % clients.len()].clone());
        let path = own.config(&format!("k{}", n % 7));
        let call = own.client.put(&path).if_any().json(&json!({ "content": n }));
        if call.try_send().await.is_ok_and(|answer| answer.status == 200) {
            acked.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Opens a watch after `last` at the first node that accepts it.
async fn open(project: &Project, clients: &[TestClient], last: u64, first: usize) -> Watching {
    for n in first.. {
        let client = &clients[n % clients.len()];
        let call = client.get(&project.watched("")).header("Last-Event-ID", &last.to_string());
        if let Ok(watching) = call.try_watch().await {
            return watching;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("somebody takes it")
}

/// Watches from `start` until the revision `end` (once known) is received, and resumes at another node when
/// the stream ends. Returns the revisions in order, and the number of ended streams.
async fn hear(
    project: Project,
    clients: Vec<TestClient>,
    start: u64,
    end: Arc<AtomicU64>,
    ready: Arc<AtomicU64>,
) -> (Vec<u64>, usize) {
    let (mut last, mut heard, mut moves) = (start, Vec::new(), 0);
    let mut watching = open(&project, &clients, last, 0).await;
    ready.fetch_add(1, Ordering::SeqCst);
    loop {
        let Ok(Some(event)) = watching.try_next().await else {
            moves += 1;
            watching = open(&project, &clients, last, moves).await;
            continue;
        };
        let id = event.id.expect("every revision has one change");
        if event.event == "bookmark" {
            assert!(id >= last, "a bookmark does not go back");
        } else {
            assert_ne!(event.event, "reset", "nothing is forgotten");
            heard.push(id);
        }
        last = id;
        if end.load(Ordering::SeqCst) <= last {
            return (heard, moves);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_of_a_node_that_goes_away_miss_nothing_and_hear_nothing_twice() {
    let often = ("http.watch_heartbeat_ms".to_owned(), "2000".to_owned());
    let cluster = TestCluster::with(Options { settings: vec![often], ..Options::default() }).await;
    let project = Project::create(cluster.client(0)).await;
    let mut start = 0;
    for n in 0..7 {
        start = project.create_config(&format!("k{n}"), &json!(null)).await.revision();
    }
    let (acked, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (end, ready) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::new(AtomicU64::new(0)));
    let mut watchers = JoinSet::new();
    for _ in 0..WATCHERS {
        let (end, ready) = (end.clone(), ready.clone());
        watchers.spawn(hear(project.clone(), cluster.clients(), start, end, ready));
    }
    e2e::until("everybody watches", DEADLINE, async || {
        (ready.load(Ordering::SeqCst) == WATCHERS as u64).then_some(())
    })
    .await;
    let others = vec![cluster.client(1), cluster.client(2)];
    let writer = tokio::spawn(write(project.clone(), others, acked.clone(), stop.clone()));
    let more = async |count: u64| {
        let goal = acked.load(Ordering::SeqCst) + count;
        e2e::until("writes go on", DEADLINE, async || (acked.load(Ordering::SeqCst) >= goal).then_some(()))
            .await;
    };
    more(60).await;
    cluster.kill(0);
    more(60).await;
    cluster.restart(0).await;
    cluster.node(1).term();
    let status = cluster.node(1).exited(Duration::from_mins(1)).await;
    assert!(status.success(), "streams do not keep a node from its clean stop: {status}");
    more(60).await;
    stop.store(true, Ordering::SeqCst);
    writer.await.expect("the writer is well");
    let own = project.through(cluster.client(2));
    let last = own.create_config("the.end", &json!(null)).await.revision();
    end.store(last, Ordering::SeqCst);
    let all = tokio::time::timeout(DEADLINE, watchers.join_all()).await.expect("everybody hears the end");
    let expected = history(&own, start).await;
    say(format_args!("watch: {} events for each of {WATCHERS}", expected.len()));
    assert!(expected.len() > 180);
    let moved = all.iter().filter(|(_, moves)| *moves > 0).count();
    assert_eq!(moved, WATCHERS, "every watcher lost its node");
    for (heard, _) in all {
        assert!(heard == expected, "heard {heard:?}, not {expected:?}");
    }
}

/// The revisions of all changes after `start`, from the histories of all configs.
async fn history(project: &Project, start: u64) -> Vec<u64> {
    let mut revisions = Vec::new();
    for key in project.all(&project.configs("")).await {
        let key = key["key"].as_str().expect("a key").to_owned();
        let items = project.all(&project.config(&format!("{key}/history"))).await;
        revisions.extend(items.iter().filter_map(|item| item["revision"].as_u64()));
    }
    revisions.sort_unstable();
    revisions.into_iter().filter(|revision| *revision > start).collect()
}

/// Number of watchers that never read; `WRITTEN_MB` megabytes are written meanwhile.
const SLOW: usize = 40;
const WRITTEN_MB: u64 = 32;
/// Maximum memory growth of a node, in bytes: far below the unread events of all slow watchers, far above the
/// ring, one second of writes and the cache of the state file.
const GROWTH_MAX: f64 = 500e6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_never_reads_costs_little_and_slows_nobody() {
    let cluster = TestCluster::with(Options { nodes: 1, ..Options::default() }).await;
    let project = Project::create(cluster.client(0)).await;
    let start = project.create_config("a", &json!(null)).await.revision();
    let path = project.watched(&format!("?after_revision={start}"));
    // Each has its own connection, which no other request reads from.
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(cluster.client(0).get(&path).watch().await);
    }
    let mut fast = cluster.client(0).get(&path).watch().await;
    let memory = async || {
        let text = project.client.get("/metrics").send().await.is(200);
        Metrics::parse(text.text()).sum("process_resident_memory_bytes", &[])
    };
    let before = memory().await;
    let text = "x".repeat(512 * 1024);
    let mut revisions = Vec::new();
    for n in 0..WRITTEN_MB * 2 {
        revisions.push(project.write("a", &json!([n, text])).await.revision());
        let heard = tokio::time::timeout(Duration::from_secs(10), fast.change()).await;
        assert_eq!(heard.expect("the fast one is not slowed").id, revisions.last().copied());
    }
    let growth = memory().await - before;
    say(format_args!("watch: {:.0} MB more with {SLOW} that never read {WRITTEN_MB} MB", growth / 1e6));
    assert!(growth < GROWTH_MAX, "{growth} bytes more");
    let late = &mut slow[SLOW / 2];
    for revision in revisions {
        assert_eq!(late.change().await.id, Some(revision), "and when it reads, nothing is lost");
    }
}
