//! What grows with the number of configs: the cost of a put, memory, disk, and the time of a restart.
//!
//! One node of each system is filled up to one size after the other. A second one keeps the first size, and
//! puts to both are measured in turns, so that what the machine does meanwhile hits both. Unlike the rest of
//! the generator this starts the servers, because it starts them again.

mod document;
mod etcd;
mod guardian;
mod report;
mod server;
mod settings;
mod system;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cluster::{Operation, System};
use crate::load::{Outcome, Window, measure};
use crate::machine::Machine;
use etcd::EtcdNode;
use guardian::{GuardianNode, Read};
use report::{Growth, Listing, Report};
use server::{End, Memory};
pub use settings::Settings;
use system::{Creator as _, Node, Restart};

/// How long a node may work on its own after a load: checkpoints, snapshots.
const SETTLES_WITHIN: Duration = Duration::from_mins(5);
/// Puts before a SIGKILL, so that there is something to replay.
const BEFORE_KILL: Duration = Duration::from_secs(1);

/// A node that grows, and one that keeps the first size.
struct Pair<N> {
    grown: N,
    base: N,
    /// Configs in the one that grows.
    configs: usize,
    /// Configs in the other.
    base_configs: usize,
}

/// Grows both systems, prints the tables at the end, also when it ends early.
pub async fn run(settings: &Settings) -> Result<()> {
    ensure!(settings.sizes.is_sorted_by(|a, b| a < b), "--sizes: each larger than the one before");
    ensure!(settings.sizes.first().is_some_and(|size| *size > 0), "--sizes: at least one config");
    ensure!((1..=128).contains(&settings.batch), "--batch: 1 to 128");
    ensure!(
        settings.rounds * settings.clients * settings.restarts * settings.fillers > 0,
        "at least 1 of each"
    );
    let machine = Machine::look(&settings.data_dir).context("look at the machine")?;
    ensure!(machine.filesystem != "tmpfs", "{} is on tmpfs: no flush there", settings.data_dir.display());
    let mut report = Report::new(settings, machine);
    let grown = grow(settings, &mut report).await;
    report.print();
    grown
}

async fn grow(settings: &Settings, report: &mut Report) -> Result<()> {
    let folder = |name: &str| settings.data_dir.join(name);
    let base_configs = settings.sizes[0];
    let (mut of_etcd, mut of_guardian) = (None, None);
    if settings.wants(System::Etcd) {
        let grown = EtcdNode::start(folder("etcd"), settings.port).await.context("etcd")?;
        let base = EtcdNode::start(folder("etcd-base"), settings.port + 2).await.context("etcd")?;
        report.versions.push(format!("etcd {}", grown.version().await?));
        of_etcd = Some(Pair { grown, base, configs: 0, base_configs });
    }
    if settings.wants(System::Guardian) {
        let start = |name, port| GuardianNode::start(&settings.guardian, folder(name), port);
        let grown = start("guardian", settings.port + 10).await.context("guardian")?;
        let base = start("guardian-base", settings.port + 11).await.context("guardian")?;
        report.versions.push(format!("guardian {}", settings.guardian_version));
        of_guardian = Some(Pair { grown, base, configs: 0, base_configs });
    }
    for &size in &settings.sizes {
        let (mut etcd, mut guardian) = (None, None);
        if let Some(pair) = &mut of_etcd {
            etcd = Some(fill(settings, pair, size).await.context("etcd")?);
        }
        if let Some(pair) = &mut of_guardian {
            guardian = Some(fill(settings, pair, size).await.context("guardian")?);
        }
        for _ in 0..settings.rounds {
            if let (Some(pair), Some(growth)) = (&of_etcd, &mut etcd) {
                put_in_turns(settings, pair, growth).await.context("etcd")?;
            }
            if let (Some(pair), Some(growth)) = (&of_guardian, &mut guardian) {
                put_in_turns(settings, pair, growth).await.context("guardian")?;
            }
        }
        if let (Some(pair), Some(mut growth)) = (&mut of_etcd, etcd) {
            restart(settings, pair, &mut growth).await.context("etcd")?;
            report.add(growth);
        }
        if let (Some(pair), Some(mut growth)) = (&mut of_guardian, guardian) {
            restart(settings, pair, &mut growth).await.context("guardian")?;
            report.add(growth);
            if size >= settings.list {
                list(settings, pair, report).await.context("guardian")?;
            }
        }
    }
    Ok(())
}

/// Creates what is missing up to `size`, and at first the configs of the other node too.
async fn fill<N: Node>(settings: &Settings, pair: &mut Pair<N>, size: usize) -> Result<Growth> {
    if pair.configs == 0 {
        create(settings, &pair.base, 0, pair.base_configs).await?;
    }
    let seconds = create(settings, &pair.grown, pair.configs, size).await?;
    let created = size - pair.configs;
    pair.configs = size;
    pair.grown.server().settle(SETTLES_WITHIN).await?;
    Growth::new(N::SYSTEM, size, created, seconds)
}

/// Creates the configs from `first` to before `end`, and gives the seconds that it took.
async fn create<N: Node>(settings: &Settings, node: &N, first: usize, end: usize) -> Result<f64> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    let step = settings.batch * settings.fillers;
    for filler in 0..settings.fillers {
        let mut client = node.connect().await?;
        let batch = settings.batch;
        tasks.spawn(async move {
            for start in (first + filler * batch..end).step_by(step) {
                client.create(start..end.min(start + batch)).await.context("create")?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// One round of puts to each node of a system.
async fn put_in_turns<N: Node>(settings: &Settings, pair: &Pair<N>, growth: &mut Growth) -> Result<()> {
    let measured = Duration::from_secs_f64(settings.seconds);
    let base = put(settings, &pair.base, pair.base_configs, measured).await?;
    growth.base.add(base)?;
    let grown = put(settings, &pair.grown, pair.configs, measured).await?;
    growth.grown.add(grown)?;
    Ok(())
}

/// Puts to random configs of a node from all clients.
async fn put<N: Node>(settings: &Settings, node: &N, keys: usize, measured: Duration) -> Result<Outcome> {
    let mut clients = Vec::new();
    for _ in 0..settings.clients {
        clients.push(node.connect().await?);
    }
    let window = Window { warm_up: Duration::from_secs_f64(settings.warm_up), measured, keys };
    let outcome = measure(clients, Operation::Write, window, &[node.server().pid()]).await?;
    if let Some(error) = &outcome.first_error {
        anyhow::bail!("{} puts failed: {error}", outcome.errors);
    }
    Ok(outcome)
}

/// Looks at the memory, stops and starts the node some times, and kills it once while it works.
async fn restart<N: Node>(settings: &Settings, pair: &mut Pair<N>, growth: &mut Growth) -> Result<()> {
    let last = pair.configs - 1;
    pair.grown.server().settle(SETTLES_WITHIN).await?;
    growth.running = Some(pair.grown.server().memory()?);
    growth.disk_bytes = pair.grown.disk_bytes()?;
    for _ in 0..settings.restarts {
        growth.stopped.push(pair.grown.restart(End::Stop, last).await?);
        pair.grown.server().settle(SETTLES_WITHIN).await?;
        growth.restarted = Some(pair.grown.server().memory()?);
    }
    put(settings, &pair.grown, pair.configs, BEFORE_KILL).await?;
    growth.killed = Some(pair.grown.restart(End::Kill, last).await?);
    pair.grown.server().settle(SETTLES_WITHIN).await
}

/// Reads many configs, each way twice: the first time the node's cache fills.
async fn list(settings: &Settings, pair: &Pair<GuardianNode>, report: &mut Report) -> Result<()> {
    let node = &pair.grown;
    for turn in 1..=2 {
        let what = format!("list by pages, turn {turn}");
        listing(node, &what, pair.configs, report, node.list(settings.list)).await?;
    }
    for turn in 1..=2 {
        let what = format!("export, turn {turn}");
        let read = listing(node, &what, pair.configs, report, node.export()).await?;
        ensure!(read.configs > pair.configs, "the export has {} lines only", read.configs);
    }
    Ok(())
}

async fn listing(
    node: &GuardianNode,
    what: &str,
    configs: usize,
    report: &mut Report,
    reading: impl Future<Output = Result<Read>>,
) -> Result<Read> {
    node.server().reset_peak()?;
    let before = node.server().memory()?;
    let began = Instant::now();
    let read = reading.await.with_context(|| what.to_owned())?;
    let seconds = began.elapsed().as_secs_f64();
    let after: Memory = node.server().memory()?;
    report.listings.push(Listing { what: what.to_owned(), configs, read, seconds, before, after });
    Ok(read)
}

/// The one in the middle.
fn median(mut restarts: Vec<Restart>) -> Restart {
    restarts.sort_by_key(|restart| restart.read);
    restarts.get(restarts.len() / 2).copied().unwrap_or_default()
}
