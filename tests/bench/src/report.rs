//! The report: a plain-text table that grows row by row, and the same numbers as JSON.

use anyhow::Result;
use serde::Serialize;

use crate::cluster::Operation;
use crate::load::Outcome;
use crate::machine::Machine;
use crate::settings::{Endpoints, Settings};

/// One system under one load, all rounds together.
#[derive(Debug)]
pub struct Cell {
    total: Outcome,
    rounds: Vec<f64>,
}

impl Cell {
    pub fn new() -> Result<Self> {
        Ok(Self { total: Outcome::new()?, rounds: Vec::new() })
    }

    /// Adds a round.
    pub fn add(&mut self, round: Outcome) -> Result<()> {
        self.rounds.push(count(round.latency_us.len()) / round.seconds);
        self.total.add(round)
    }

    fn numbers(&self) -> Numbers {
        let (latency, seconds) = (&self.total.latency_us, self.total.seconds);
        Numbers {
            ops: latency.len(),
            ops_per_second: count(latency.len()) / seconds,
            ops_per_second_by_round: self.rounds.clone(),
            p50_us: latency.value_at_quantile(0.5),
            p99_us: latency.value_at_quantile(0.99),
            max_us: latency.max(),
            client_cpu_percent: 100.0 * self.total.client_cpu_seconds / seconds,
            server_cpu_percent: 100.0 * self.total.server_cpu_seconds / seconds,
            other_cpu_percent: 100.0 * self.total.other_cpu_seconds / seconds,
            errors: self.total.errors,
            first_error: self.total.first_error.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Numbers {
    ops: u64,
    ops_per_second: f64,
    ops_per_second_by_round: Vec<f64>,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    /// Of one core.
    client_cpu_percent: f64,
    /// Of one core, the three nodes together.
    server_cpu_percent: f64,
    /// Of one core, all other processes of the machine, the idle system's nodes among them.
    other_cpu_percent: f64,
    errors: u64,
    first_error: Option<String>,
}

impl Numbers {
    fn text(&self) -> String {
        format!(
            "{:>8.0} {:>8} {:>8} {:>4.0}% {:>4.0}% {:>4.0}%",
            self.ops_per_second,
            self.p50_us,
            self.p99_us,
            self.client_cpu_percent,
            self.server_cpu_percent,
            self.other_cpu_percent
        )
    }
}

/// Guardian's number divided by etcd's.
#[derive(Debug, Serialize)]
struct Ratio {
    ops_per_second: f64,
    p50: f64,
    p99: f64,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    operation: Operation,
    clients: usize,
    etcd: Option<Numbers>,
    guardian: Option<Numbers>,
    guardian_to_etcd: Option<Ratio>,
}

impl Row {
    pub fn new(operation: Operation, clients: usize, etcd: Option<Cell>, guardian: Option<Cell>) -> Self {
        let etcd = etcd.map(|cell| cell.numbers());
        let guardian = guardian.map(|cell| cell.numbers());
        let ratio = etcd.as_ref().zip(guardian.as_ref()).map(|(etcd, guardian)| Ratio {
            ops_per_second: guardian.ops_per_second / etcd.ops_per_second,
            p50: count(guardian.p50_us) / count(etcd.p50_us),
            p99: count(guardian.p99_us) / count(etcd.p99_us),
        });
        Self { operation, clients, etcd, guardian, guardian_to_etcd: ratio }
    }

    fn systems(&self) -> impl Iterator<Item = &Numbers> {
        self.etcd.iter().chain(&self.guardian)
    }

    fn text(&self) -> String {
        let mut line = format!("{:<17} {:>7}", self.operation.name(), self.clients);
        for numbers in self.systems() {
            line = format!("{line} | {}", numbers.text());
        }
        if let Some(ratio) = &self.guardian_to_etcd {
            line = format!("{line} | {:>5.2} {:>5.2} {:>5.2}", ratio.ops_per_second, ratio.p50, ratio.p99);
        }
        line
    }
}

/// The whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    command: String,
    started_unix_seconds: u64,
    versions: Vec<String>,
    machine: Machine,
    seconds: f64,
    warm_up_seconds: f64,
    rounds: usize,
    endpoints: &'static str,
    client_threads: usize,
    rows: Vec<Row>,
}

impl Report {
    pub fn new(settings: &Settings, machine: Machine, versions: Vec<String>, started: u64) -> Self {
        let typed = || std::env::args().collect::<Vec<_>>().join(" ");
        Self {
            command: settings.command.clone().unwrap_or_else(typed),
            started_unix_seconds: started,
            versions,
            machine,
            seconds: settings.seconds,
            warm_up_seconds: settings.warm_up,
            rounds: settings.rounds,
            endpoints: match settings.endpoints {
                Endpoints::Leader => "the leader only",
                Endpoints::All => "all nodes in turn, the leader first",
            },
            client_threads: settings.threads,
            rows: Vec::new(),
        }
    }

    pub fn print_header(&self) {
        let machine = &self.machine;
        println!("command    {}", self.command);
        println!("versions   {}", self.versions.join(", "));
        println!("machine    {} cores ({}), Linux {}", machine.cores, machine.cpu, machine.kernel);
        println!(
            "disk       {}, 256-byte append + fdatasync: p50 {} us, p99 {} us",
            machine.filesystem, machine.fdatasync_p50_us, machine.fdatasync_p99_us
        );
        println!(
            "load       closed loop, {} s x {} rounds (warm-up {} s), systems in turns, never both at once",
            self.seconds, self.rounds, self.warm_up_seconds
        );
        println!(
            "clients    one connection each, to {}; {} generator thread(s), on the servers' cores",
            self.endpoints, self.client_threads
        );
        println!("values     256 bytes over 1,000 keys, three nodes each, every write flushed on a majority");
        println!("etcd       Put and Range, gRPC over plain TCP, no sign-in, no TLS");
        println!(
            "guardian   HTTP/1.1 over plain TCP, API key, JSON Schema check, history, audit; peers as dev sets"
        );
        println!(
            "units      p50 and p99 in microseconds; CPU in percent of one core: cli the generator, srv the"
        );
        println!("           three nodes, oth everything else (noise, and the system that is idle)");
        println!();
        println!("{}", self.heading());
    }

    fn heading(&self) -> String {
        let mut line = format!("{:<17} {:>7}", "operation", "clients");
        for version in &self.versions {
            let system = version.split(' ').next().unwrap_or_default();
            let ops = if system == "etcd" { "etcd/s" } else { "guard/s" };
            line = format!(
                "{line} | {ops:>8} {:>8} {:>8} {:>5} {:>5} {:>5}",
                "p50 us", "p99 us", "cli", "srv", "oth"
            );
        }
        if self.versions.len() == 2 {
            line = format!("{line} | guardian / etcd: ops p50 p99");
        }
        line
    }

    /// Adds a row and prints it.
    pub fn add(&mut self, row: Row) {
        println!("{}", row.text());
        self.rows.push(row);
    }

    /// How many answers were wrong or missing.
    pub fn errors(&self) -> u64 {
        self.rows.iter().flat_map(Row::systems).map(|numbers| numbers.errors).sum()
    }

    pub fn print_footer(&self) {
        println!();
        println!("errors     {}", self.errors());
        for error in
            self.rows.iter().flat_map(Row::systems).filter_map(|numbers| numbers.first_error.as_ref())
        {
            println!("           {error}");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
