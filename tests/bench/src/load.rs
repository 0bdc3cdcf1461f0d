//! The closed loop: each client sends its next request when the last is answered.
//! Only operations that end inside the measured window count.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};

use crate::cluster::{Client, Operation};
use crate::cpu;
use crate::document::KEYS;

/// Longest latency that is told apart, in microseconds; the bound that tells a stuck client.
const LONGEST_US: u64 = 60_000_000;

/// What one client, or all clients of a cell together, did in the measured window.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub latency_us: Histogram<u64>,
    pub errors: u64,
    pub first_error: Option<String>,
    /// Length of the window.
    pub seconds: f64,
    /// CPU seconds that the load generator used in the window.
    pub client_cpu_seconds: f64,
    /// CPU seconds that the measured system's nodes used in the window.
    pub server_cpu_seconds: f64,
    /// CPU seconds that everything else on the machine used in the window: noise.
    pub other_cpu_seconds: f64,
}

impl Outcome {
    pub fn new() -> Result<Self> {
        Ok(Self {
            latency_us: Histogram::new_with_bounds(1, LONGEST_US, 3)?,
            errors: 0,
            first_error: None,
            seconds: 0.0,
            client_cpu_seconds: 0.0,
            server_cpu_seconds: 0.0,
            other_cpu_seconds: 0.0,
        })
    }

    /// Adds another client or another round.
    pub fn add(&mut self, other: Self) -> Result<()> {
        self.latency_us.add(&other.latency_us)?;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.seconds += other.seconds;
        self.client_cpu_seconds += other.client_cpu_seconds;
        self.server_cpu_seconds += other.server_cpu_seconds;
        self.other_cpu_seconds += other.other_cpu_seconds;
        Ok(())
    }
}

/// When to warm up, when to measure, and over how many keys.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub warm_up: Duration,
    pub measured: Duration,
    pub keys: usize,
}

/// Puts `operation` on all `clients` at once for the length of `window`; `pids` are the servers' processes.
pub async fn measure<C: Client>(
    clients: Vec<C>,
    operation: Operation,
    window: Window,
    pids: &[u32],
) -> Result<Outcome> {
    let from = Instant::now() + window.warm_up;
    let until = from + window.measured;
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        tasks.spawn(drive(client, number, operation, window.keys, (from, until)));
    }

    sleep_until(from.into()).await;
    let before = Used::so_far(pids)?;
    sleep_until(until.into()).await;
    let after = Used::so_far(pids)?;

    let mut total = Outcome::new()?;
    let give_up = until + Duration::from_micros(LONGEST_US);
    while let Some(outcome) =
        timeout_at(give_up.into(), tasks.join_next()).await.context("a client is stuck")?
    {
        total.add(outcome??)?;
    }
    // The counters were read over a span that may be a little longer than the window: scale them to it.
    let scale = window.measured.as_secs_f64() / (after.at - before.at).as_secs_f64();
    total.seconds = window.measured.as_secs_f64();
    total.client_cpu_seconds = (after.client - before.client) * scale;
    total.server_cpu_seconds = (after.servers - before.servers) * scale;
    let all = (after.machine - before.machine) * scale;
    total.other_cpu_seconds = (all - total.client_cpu_seconds - total.server_cpu_seconds).max(0.0);
    Ok(total)
}

/// CPU seconds used until one moment.
struct Used {
    at: Instant,
    client: f64,
    servers: f64,
    machine: f64,
}

impl Used {
    fn so_far(pids: &[u32]) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            client: cpu::own_seconds()?,
            servers: cpu::total_seconds(pids)?,
            machine: cpu::machine_seconds()?,
        })
    }
}

/// One client's loop. It ends at its first error: a run with errors fails anyway.
async fn drive<C: Client>(
    mut client: C,
    number: usize,
    operation: Operation,
    keys: usize,
    (from, until): (Instant, Instant),
) -> Result<Outcome> {
    let mut outcome = Outcome::new()?;
    let mut random = seed(number);
    let mut sequence = (number as u64) << 40;
    let mut started = Instant::now();
    while started < until {
        random = next(random);
        let key = usize::try_from(random >> 16)? % keys;
        sequence += 1;
        let answer = client.call(operation, key, sequence).await;
        let ended = Instant::now();
        if let Err(error) = answer {
            outcome.errors += 1;
            outcome.first_error = Some(format!("{operation:?} of key {key}: {error:#}"));
            break;
        }
        if ended >= from && ended < until {
            outcome.latency_us.saturating_record(u64::try_from((ended - started).as_micros())?);
        }
        started = ended;
    }
    Ok(outcome)
}

/// Makes every key, the work shared by `clients`.
pub async fn create_keys<C: Client>(clients: Vec<C>) -> Result<()> {
    let step = clients.len();
    let mut tasks = JoinSet::new();
    for (first, mut client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            for key in (first..KEYS).step_by(step) {
                client.call(Operation::Create, key, 0).await.with_context(|| format!("create key {key}"))?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// A different, never zero, start for each client; the same in every run and for both systems.
fn seed(client: usize) -> u64 {
    next((client as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Marsaglia's xorshift64: a few cycles for each key.
fn next(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleeper {
        calls_left: u32,
    }

    impl Client for Sleeper {
        async fn call(&mut self, _: Operation, _: usize, _: u64) -> Result<()> {
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.calls_left = self.calls_left.checked_sub(1).context("out of calls")?;
            Ok(())
        }
    }

    const WINDOW: Window =
        Window { warm_up: Duration::from_millis(50), measured: Duration::from_millis(200), keys: KEYS };

    #[tokio::test]
    async fn only_the_window_counts() -> Result<()> {
        let clients = vec![Sleeper { calls_left: 1000 }, Sleeper { calls_left: 1000 }];
        let outcome = measure(clients, Operation::Write, WINDOW, &[]).await?;
        assert_eq!(outcome.errors, 0);
        assert!((2..=80).contains(&outcome.latency_us.len()), "{}", outcome.latency_us.len());
        assert!(outcome.latency_us.min() >= 5_000);
        Ok(())
    }

    #[tokio::test]
    async fn an_error_is_counted_and_told() -> Result<()> {
        let outcome = measure(vec![Sleeper { calls_left: 1 }], Operation::StaleRead, WINDOW, &[]).await?;
        assert_eq!(outcome.errors, 1);
        assert!(outcome.first_error.is_some_and(|error| error.contains("out of calls")));
        Ok(())
    }
}
