//! How long a change takes to reach those who watch, and what a watcher that waits costs the node.
//!
//! All watchers are at the leader, each with a connection of its own. One writer changes one key, and again when
//! all have heard of it; the time runs from before the write is sent until a watcher has read the event.

mod etcd;
mod guardian;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::cluster::{Cluster, System};
use crate::etcd::Etcd;
use crate::guardian::Guardian;
use crate::machine::Machine;
use crate::settings::Settings;

/// The key that is watched.
const KEY: &str = "watched";
/// Bytes around the number in each value.
const PADDING_BYTES: usize = 232;
/// Writes in one cell.
const WRITES: u64 = 100;
/// Between two writes at least.
const PACE: Duration = Duration::from_millis(100);
/// Watchers that are opened at a time.
const OPENING: usize = 64;
/// How long all watchers together may take to open, and to hear one write.
const DEADLINE: Duration = Duration::from_mins(2);
/// Longest latency that is told apart, in microseconds.
const LONGEST_US: u64 = 60_000_000;

/// A system that can be watched.
trait Watched: Cluster + Sync {
    /// An open watch.
    type Watch: Watch;

    /// Writes the number to the watched key.
    fn write(&self, client: &mut Self::Client, value: String) -> impl Future<Output = Result<()>>;

    /// Opens a watch at a node; ready for the next write when this returns.
    fn watch(&self, node: usize) -> impl Future<Output = Result<Self::Watch>>;
}

/// One watcher's end.
trait Watch: Send + 'static {
    /// The number of the next write.
    fn next(&mut self) -> impl Future<Output = Result<u64>> + Send;
}

/// The number in a value.
fn number(value: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(value)?;
    let (_, rest) = text.split_once("\"seq\":").with_context(|| format!("no number in {text}"))?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Ok(rest[..digits].parse()?)
}

fn value(number: u64) -> String {
    format!("{{\"seq\":{number},\"pad\":\"{}\"}}", "x".repeat(PADDING_BYTES))
}

/// Watches with both systems in turn, and prints one line for each number of watchers.
pub async fn run(settings: &Settings) -> Result<()> {
    ensure!(settings.watchers.iter().all(|&watchers| watchers > 0), "--watchers: at least 1");
    let machine = Machine::look(&settings.data_dir).context("look at the machine")?;
    let typed = || std::env::args().collect::<Vec<_>>().join(" ");
    println!("command    {}", settings.command.clone().unwrap_or_else(typed));
    println!("machine    {} cores ({}), Linux {}", machine.cores, machine.cpu, machine.kernel);
    println!(
        "load       {WRITES} writes of 256 bytes for each line, each when all have heard of the one before, at most \
         one in {} ms",
        PACE.as_millis()
    );
    println!("watchers   one connection each, all at the leader; the generator shares the cores");
    println!("units      milliseconds from before the write is sent until a watcher has read it; KB of the");
    println!("           node's resident memory for each watcher that waits");
    println!();
    println!(
        "{:<9} {:>8} | {:>9} {:>9} {:>9} {:>9} | {:>8}",
        "system", "watchers", "write p50", "p50", "p99", "max", "KB each"
    );
    for &watchers in &settings.watchers {
        let (mut of_etcd, mut of_guardian) = (None, None);
        if settings.wants(System::Etcd) {
            let etcd = Etcd::new(&settings.etcd, settings.etcd_pids.clone())?;
            of_etcd = Some(cell(&etcd, watchers).await.context("etcd")?);
        }
        if settings.wants(System::Guardian) {
            let path = settings.guardian.as_deref().context("--guardian says where dev.json is")?;
            of_guardian = Some(cell(&Guardian::open(path)?, watchers).await.context("guardian")?);
        }
        if let Some((etcd, guardian)) = of_etcd.zip(of_guardian) {
            let hundredths = |at: usize| guardian[at] * 100 / etcd[at].max(1);
            let ratio = |at: usize| format!("{}.{:02}", hundredths(at) / 100, hundredths(at) % 100);
            println!("{:<9} {watchers:>8} | {:>9} {:>9} {:>9} {:>9} |", "ratio", "", ratio(0), ratio(1), "");
        }
    }
    Ok(())
}

async fn leader(cluster: &impl Cluster) -> Result<usize> {
    for node in 0..cluster.nodes() {
        if cluster.leads(node).await? {
            return Ok(node);
        }
    }
    anyhow::bail!("there is no leader")
}

/// Measures one system with so many watchers, prints the line, and gives the median and the 99th percentile.
async fn cell<C: Watched>(cluster: &C, watchers: usize) -> Result<[u64; 2]> {
    cluster.wait_ready().await?;
    let node = leader(cluster).await?;
    let mut writer = cluster.connect(node).await?;
    cluster.write(&mut writer, value(0)).await?;
    let before = resident_kb(cluster.pids()[node])?;
    let shared = Arc::new(Shared::new()?);
    let mut listening = JoinSet::new();
    let opening = async {
        while listening.len() < watchers {
            let some = (0..OPENING.min(watchers - listening.len())).map(|_| cluster.watch(node));
            for watch in join_all(some).await {
                listening.spawn(listen(watch?, Arc::clone(&shared)));
            }
        }
        anyhow::Ok(())
    };
    timeout(DEADLINE, opening).await.context("the watchers did not open in time")??;
    sleep(Duration::from_secs(1)).await;
    let after = resident_kb(cluster.pids()[node])?;
    let mut write_us = Histogram::<u64>::new_with_bounds(1, LONGEST_US, 3)?;
    for number in 1..=WRITES {
        let began = shared.send(number);
        cluster.write(&mut writer, value(number)).await?;
        write_us.saturating_record(shared.elapsed_us() - began);
        sleep(PACE).await;
        let heard = async {
            while shared.heard.load(Ordering::Relaxed) < number * watchers as u64 {
                if let Some(ended) = listening.try_join_next() {
                    ended??;
                }
                sleep(Duration::from_millis(5)).await;
            }
            anyhow::Ok(())
        };
        timeout(DEADLINE, heard).await.context("a watcher did not hear a write")??;
    }
    while let Some(ended) = listening.join_next().await {
        ended??;
    }
    let latency = shared.latency_us.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = WRITES * watchers as u64;
    ensure!(latency.len() == expected, "{} events, not {expected}", latency.len());
    let ms = |us: u64| format!("{}.{:02}", us / 1000, us % 1000 / 10);
    let each = after.saturating_sub(before) / watchers as u64;
    println!(
        "{:<9} {watchers:>8} | {:>9} {:>9} {:>9} {:>9} | {:>8}",
        format!("{:?}", cluster.system()).to_lowercase(),
        ms(write_us.value_at_quantile(0.5)),
        ms(latency.value_at_quantile(0.5)),
        ms(latency.value_at_quantile(0.99)),
        ms(latency.max()),
        if watchers >= 1000 { each.to_string() } else { "-".to_owned() },
    );
    Ok([latency.value_at_quantile(0.5), latency.value_at_quantile(0.99)])
}

/// Runs all at once.
async fn join_all<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            return std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect());
        }
        std::task::Poll::Pending
    })
    .await
}

/// What the writer and the watchers share.
struct Shared {
    began: Instant,
    /// When each write was sent, in microseconds.
    sent_us: Vec<AtomicU64>,
    latency_us: Mutex<Histogram<u64>>,
    /// Events that watchers have read.
    heard: AtomicU64,
}

impl Shared {
    fn new() -> Result<Self> {
        Ok(Self {
            began: Instant::now(),
            sent_us: (0..=WRITES).map(|_| AtomicU64::new(0)).collect(),
            latency_us: Mutex::new(Histogram::new_with_bounds(1, LONGEST_US, 3)?),
            heard: AtomicU64::new(0),
        })
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn send(&self, number: u64) -> u64 {
        let now = self.elapsed_us();
        self.sent_us[usize::try_from(number).unwrap_or_default()].store(now, Ordering::Relaxed);
        now
    }
}

/// Hears every write once, in order.
async fn listen(mut watch: impl Watch, shared: Arc<Shared>) -> Result<()> {
    for expected in 1..=WRITES {
        let number = watch.next().await?;
        let now = shared.elapsed_us();
        ensure!(number == expected, "write {number} came instead of {expected}");
        let sent = shared.sent_us[usize::try_from(number)?].load(Ordering::Relaxed);
        let mut latency = shared.latency_us.lock().unwrap_or_else(PoisonError::into_inner);
        latency.saturating_record(now - sent);
        shared.heard.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The resident memory of a process, in KB.
fn resident_kb(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
