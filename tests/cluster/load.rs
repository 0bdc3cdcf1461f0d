//! Clients that write and read until stopped, and record the results in ledgers.

use crate::ledger::{Ledger, document};
use e2e::{Answer, Project, TestClient, TestCluster, Transport};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Pause between two requests of a client, which leaves CPU time for the nodes.
const PACE: Duration = Duration::from_millis(3);
/// Pause after a request that a node could not serve.
const BREATH: Duration = Duration::from_millis(40);

/// Running clients.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    ledgers: Vec<Arc<Ledger>>,
    project: Project,
}

impl Load {
    /// Starts one writer per key, through random nodes, and one reader at each node.
    pub async fn start(cluster: &TestCluster, keys: &[&str], seed: u64) -> Self {
        let project = Project::create(cluster.client(0)).await;
        // The history must keep all versions of a long run, because all are compared.
        let retention = json!({ "retention": { "versions": 1_000_000 } });
        project.client.patch(&project.path("")).json(&retention).send().await.is(200);
        let stop = Arc::new(AtomicBool::new(false));
        let ledgers: Vec<_> = keys.iter().map(|key| Arc::new(Ledger::new(key))).collect();
        let mut tasks = JoinSet::new();
        for (at, ledger) in ledgers.iter().enumerate() {
            let random = StdRng::seed_from_u64(seed.wrapping_add(at as u64));
            tasks.spawn(write(ledger.clone(), project.clone(), cluster.clients(), random, stop.clone()));
        }
        for client in cluster.clients() {
            tasks.spawn(read(ledgers.clone(), project.through(client), stop.clone()));
        }
        Self { stop, tasks, ledgers, project }
    }

    /// The minimum of acknowledged writes over the writers.
    pub fn acked(&self) -> usize {
        self.ledgers.iter().map(|ledger| ledger.acked_count()).min().unwrap_or_default()
    }

    /// Panics if a client has observed a violation.
    pub fn still_good(&mut self) {
        if let Some(ended) = self.tasks.try_join_next() {
            ended.expect("a client saw something that must not be");
            panic!("a client stopped by itself");
        }
    }

    /// Stops the clients; returns their ledgers and the project.
    pub async fn finish(mut self) -> (Vec<Arc<Ledger>>, Project) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client saw something that must not be");
        }
        (self.ledgers, self.project)
    }
}

async fn write(
    ledger: Arc<Ledger>,
    project: Project,
    clients: Vec<TestClient>,
    mut random: StdRng,
    stop: Arc<AtomicBool>,
) {
    let path = project.config(&ledger.key);
    let (mut version, mut serial) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        serial += 1;
        let client = &clients[random.random_range(0..clients.len())];
        let call =
            client.put(&path).json(&json!({ "content": document(serial), "message": serial.to_string() }));
        let call = if version == 0 { call.if_absent() } else { call.if_match(version) };
        let pause = match call.try_send().await {
            Ok(answer) => noted(&ledger, &answer, serial, &mut version),
            Err(Transport { unsent: true, .. }) => {
                ledger.refused(serial);
                BREATH
            }
            Err(_) => {
                ledger.unknown(serial);
                BREATH
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Records the result of a write; returns the pause before the next one.
fn noted(ledger: &Ledger, answer: &Answer, serial: u64, version: &mut u64) -> Duration {
    match answer.status {
        200 | 201 => {
            *version = answer.etag();
            ledger.acked(*version, serial);
            return PACE;
        }
        412 => {
            ledger.refused(serial);
            let current = answer.json()["current_version"].as_u64().expect("the current version");
            assert!(current > *version, "{}: version {current} after {version} was acknowledged", ledger.key);
            *version = current;
            return PACE;
        }
        503 => ledger.refused(serial),
        504 => ledger.unknown(serial),
        other => panic!("a writer got {other}: {}", answer.text()),
    }
    BREATH
}

async fn read(ledgers: Vec<Arc<Ledger>>, project: Project, stop: Arc<AtomicBool>) {
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let ledger = &ledgers[round % ledgers.len()];
        let floor = ledger.newest();
        let answer = project.client.get(&project.config(&ledger.key)).try_send().await;
        let pause = match answer.map(|answer| (answer.status, answer)) {
            Ok((200, answer)) => {
                let serial = answer.json()["content"]["serial"].as_u64().expect("a serial number");
                ledger.read(floor, answer.etag(), serial, project.client.url());
                PACE
            }
            Ok((404, answer)) => {
                assert_eq!(floor, 0, "{}: gone after it was shown: {}", ledger.key, answer.text());
                BREATH
            }
            Ok((503, _)) | Err(_) => BREATH,
            Ok((other, answer)) => panic!("a reader got {other}: {}", answer.text()),
        };
        tokio::time::sleep(pause).await;
    }
}
