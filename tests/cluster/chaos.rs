//! Random kills and restarts of nodes while clients write and read.
//!
//! `GUARDIAN_SEED` repeats a sequence of kills; `GUARDIAN_CHAOS_SECONDS` sets the duration.

use crate::load::Load;
use e2e::{Project, TestCluster, say};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use std::time::{Duration, Instant};

/// The default duration.
const SECONDS: u64 = 60;
/// The test fails with fewer acknowledged writes per writer and second.
const ACKED_PER_SECOND_MIN: usize = 1;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_and_no_read_goes_back() {
    let seed = setting("GUARDIAN_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    let seconds = setting("GUARDIAN_CHAOS_SECONDS").unwrap_or(SECONDS);
    say(format_args!("chaos: GUARDIAN_SEED={seed} GUARDIAN_CHAOS_SECONDS={seconds}"));
    let cluster = TestCluster::start().await;
    let mut load = Load::start(&cluster, &["a", "b", "c"], seed).await;
    let kills = torment(&cluster, &mut load, seed, Duration::from_secs(seconds)).await;
    for at in 0..cluster.size() {
        cluster.ready(at).await;
    }
    let enough = load.acked() + 5;
    e2e::until("writes go on afterwards", Duration::from_secs(30), async || {
        (load.acked() >= enough).then_some(())
    })
    .await;
    let (ledgers, project) = load.finish().await;
    for ledger in &ledgers {
        say(format_args!("chaos: {kills} kills; {}", ledger.summary()));
        let least = usize::try_from(seconds).expect("it fits") * ACKED_PER_SECOND_MIN;
        assert!(ledger.acked_count() >= least, "too few writes to be a test: {}", ledger.summary());
        for client in cluster.clients() {
            ledger.check(&project.through(client)).await;
        }
    }
    agree(&cluster, &project).await;
}

/// Kills and restarts nodes; returns the number of kills.
async fn torment(cluster: &TestCluster, load: &mut Load, seed: u64, time: Duration) -> usize {
    let mut random = StdRng::seed_from_u64(seed);
    let (since, mut kills) = (Instant::now(), 0);
    while since.elapsed() < time {
        pause(&mut random, 300..2500).await;
        let mut places: Vec<usize> = (0..cluster.size()).collect();
        places.shuffle(&mut random);
        // Mostly one node, sometimes a majority, rarely all.
        let victims = match random.random_range(0..20) {
            0 => 3,
            1..=4 => 2,
            _ => 1,
        };
        for at in &places[..victims] {
            cluster.kill(*at);
            kills += 1;
        }
        pause(&mut random, 0..1500).await;
        for at in &places[..victims] {
            cluster.node(*at).spawn();
        }
        load.still_good();
    }
    kills
}

async fn pause(random: &mut StdRng, ms: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.random_range(ms))).await;
}

/// Asserts that every node has the same history at the same revision.
pub async fn agree(cluster: &TestCluster, project: &Project) {
    let last = project.create_config("the.end", &json!(null)).await;
    cluster.agreed_audit_head(last.revision()).await;
}
