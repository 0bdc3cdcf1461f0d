//! A project with a short retention under many writes: every node keeps the same history, and the disks hold
//! only the kept versions.
//!
//! `GUARDIAN_RETENTION_ROUNDS=30` is the long variant.

use e2e::{Options, Project, TestCluster, say, until};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

/// The default number of rounds.
const ROUNDS: usize = 4;
const CONFIGS: usize = 8;
/// Versions per config and round.
const VERSIONS: usize = 30;
/// Versions per config that the retention keeps.
const KEPT: usize = 2;
/// The log is pruned in files of 64 MiB, once a snapshot covers a file.
const LOG_BYTES_MAX: u64 = 2 * 64 * 1024 * 1024;
const DOCUMENT_BYTES: usize = 32 * 1024;
/// Pruned versions leave the disk with a checkpoint after housekeeping, which runs every 5 s.
const PRUNED_WITHIN: Duration = Duration::from_mins(1);

fn rounds() -> usize {
    let set = std::env::var("GUARDIAN_RETENTION_ROUNDS");
    set.map_or(ROUNDS, |text| text.parse().expect("GUARDIAN_RETENTION_ROUNDS is a number"))
}

/// The size of a folder, in bytes.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

async fn write(project: &Project, round: usize) {
    let mut writers = JoinSet::new();
    for config in 0..CONFIGS {
        let project = project.clone();
        writers.spawn(async move {
            for n in 0..VERSIONS {
                let text = format!("{round}.{n}.{}", "x".repeat(DOCUMENT_BYTES));
                project.write(&format!("k{config}"), &json!(text)).await;
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_holds_what_is_kept_and_not_what_was_written() {
    let every = ("raft.snapshot_every_entries".to_owned(), "200".to_owned());
    let cluster = TestCluster::with(Options { settings: vec![every], ..Options::default() }).await;
    let project = Project::create(cluster.client(cluster.leader().await)).await;
    let bounded = json!({ "retention": { "versions": KEPT } });
    project.client.patch(&project.path("")).json(&bounded).send().await.is(200);
    for config in 0..CONFIGS {
        project.create_config(&format!("k{config}"), &json!(0)).await;
    }
    let (mut largest, mut first, mut log) = (0, 0, 0);
    for round in 0..rounds() {
        write(&project, round).await;
        for at in 0..cluster.size() {
            let own = project.through(cluster.client(at));
            until("old versions to go", PRUNED_WITHIN, async || {
                for config in 0..CONFIGS {
                    let history = format!("{}/history?consistency=stale", own.config(&format!("k{config}")));
                    let items = own.client.get(&history).send().await.is(200).json();
                    if items["items"].as_array().expect("items").len() != KEPT {
                        return None;
                    }
                }
                Some(())
            })
            .await;
        }
        let folders: Vec<_> = (0..cluster.size()).map(|at| cluster.node(at).data_dir()).collect();
        let states = folders.iter().map(|data| fs::metadata(data.join("state.redb")).expect("a file").len());
        let logs = folders.iter().map(|data| bytes(&data.join("log")));
        (largest, log) = (states.max().unwrap_or_default(), logs.max().unwrap_or_default());
        say(format!("round {round}: at most {largest} bytes of state, {log} bytes of log"));
        first = if round == 1 { largest } else { first };
    }
    let last = project.write("k0", &json!("the end")).await;
    cluster.agreed_audit_head(last.revision()).await;
    let written = rounds() * CONFIGS * VERSIONS * DOCUMENT_BYTES;
    say(format!("{written} bytes were written to each node"));
    assert!(largest <= first * 3 / 2, "{largest} bytes after {} rounds, {first} after two", rounds());
    assert!(log <= LOG_BYTES_MAX, "{log} bytes of log");
    for config in 1..CONFIGS {
        let text = project.read(&format!("k{config}")).await["content"].to_string();
        assert!(text.starts_with(&format!("\"{}.{}.", rounds() - 1, VERSIONS - 1)), "the newest stays");
    }
}
