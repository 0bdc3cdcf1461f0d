//! Simultaneous power loss of all nodes under load.

use crate::chaos::agree;
use crate::load::Load;
use e2e::{TestCluster, say, until};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives() {
    let cluster = TestCluster::start().await;
    let load = Load::start(&cluster, &["a", "b", "c", "d"], 1).await;
    for round in 1..=2 {
        let enough = load.acked() + 50;
        until("clients write", Duration::from_mins(1), async || (load.acked() >= enough).then_some(())).await;
        for at in 0..cluster.size() {
            cluster.kill(at);
        }
        say(format_args!("power loss {round}"));
        for at in 0..cluster.size() {
            cluster.node(at).spawn();
        }
        for at in 0..cluster.size() {
            cluster.ready(at).await;
        }
    }
    let (ledgers, project) = load.finish().await;
    for ledger in &ledgers {
        say(ledger.summary());
        for client in cluster.clients() {
            ledger.check(&project.through(client)).await;
        }
    }
    agree(&cluster, &project).await;
}
