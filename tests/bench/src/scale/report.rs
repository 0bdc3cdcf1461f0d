//! The report of `scale`: what was measured at each size, as plain-text tables.

use anyhow::Result;

use super::document::BYTES;
use super::guardian::Read;
use super::server::Memory;
use super::system::Restart;
use super::{Settings, median};
use crate::cluster::System;
use crate::load::Outcome;
use crate::machine::Machine;

/// What one system was like at one size.
#[derive(Debug)]
pub struct Growth {
    system: System,
    configs: usize,
    created: usize,
    fill_seconds: f64,
    /// Puts to the node that keeps the first size.
    pub base: Outcome,
    /// Puts to the node of this size.
    pub grown: Outcome,
    /// After filling and puts.
    pub running: Option<Memory>,
    /// After a restart.
    pub restarted: Option<Memory>,
    pub disk_bytes: u64,
    /// Restarts after a stop.
    pub stopped: Vec<Restart>,
    /// The restart after a SIGKILL.
    pub killed: Option<Restart>,
}

impl Growth {
    pub fn new(system: System, configs: usize, created: usize, fill_seconds: f64) -> Result<Self> {
        Ok(Self {
            system,
            configs,
            created,
            fill_seconds,
            base: Outcome::new()?,
            grown: Outcome::new()?,
            running: None,
            restarted: None,
            disk_bytes: 0,
            stopped: Vec::new(),
            killed: None,
        })
    }

    fn name(&self) -> String {
        format!("{:<9} {:>9}", format!("{:?}", self.system).to_lowercase(), self.configs)
    }

    fn puts(&self) -> String {
        let (base, grown) = (Puts::of(&self.base), Puts::of(&self.grown));
        format!(
            "{} | {:>7.0} | {:>7.0} {:>7.0} {:>6.2} | {:>7.0} {:>7.0} {:>6.2} | {:>7.0} {:>7.0} {:>6.2} | {:>6.0} {:>6.0} {:>6.2}",
            self.name(),
            float(self.created as u64) / self.fill_seconds,
            base.per_second,
            grown.per_second,
            base.per_second / grown.per_second,
            base.p50_us,
            grown.p50_us,
            grown.p50_us / base.p50_us,
            base.p99_us,
            grown.p99_us,
            grown.p99_us / base.p99_us,
            base.cpu_us,
            grown.cpu_us,
            grown.cpu_us / base.cpu_us,
        )
    }

    /// `before` is the same system at the size before.
    fn memory(&self, before: Option<&Self>) -> String {
        let (Some(running), Some(restarted), Some(killed)) = (self.running, self.restarted, self.killed)
        else {
            return format!("{} | was not measured", self.name());
        };
        let stopped = median(self.stopped.clone());
        let each = before.and_then(|before| Some((before.configs as u64, before.restarted?.anonymous)));
        let each = each.map(|(configs, anonymous)| {
            restarted.anonymous.saturating_sub(anonymous) * 1024 / (self.configs as u64 - configs)
        });
        format!(
            "{} | {:>8} {:>8} | {:>8} {:>8} {:>7} | {:>7} | {:>8.0} {:>8.0} | {:>8.0} {:>8.0}",
            self.name(),
            running.resident / 1024,
            running.anonymous / 1024,
            restarted.resident / 1024,
            restarted.anonymous / 1024,
            each.map_or_else(|| "-".to_owned(), |each| each.to_string()),
            self.disk_bytes / 1024 / 1024,
            stopped.ready.as_secs_f64() * 1000.0,
            stopped.read.as_secs_f64() * 1000.0,
            killed.ready.as_secs_f64() * 1000.0,
            killed.read.as_secs_f64() * 1000.0,
        )
    }
}

/// The figures of many puts.
struct Puts {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// Processor time of the server for each.
    cpu_us: f64,
}

impl Puts {
    fn of(outcome: &Outcome) -> Self {
        let count = float(outcome.latency_us.len());
        Self {
            per_second: count / outcome.seconds,
            p50_us: float(outcome.latency_us.value_at_quantile(0.5)),
            p99_us: float(outcome.latency_us.value_at_quantile(0.99)),
            cpu_us: outcome.server_cpu_seconds * 1e6 / count,
        }
    }
}

/// One reading of many configs.
#[derive(Debug)]
pub struct Listing {
    pub what: String,
    /// Configs that there are.
    pub configs: usize,
    pub read: Read,
    pub seconds: f64,
    pub before: Memory,
    /// With the peak since before.
    pub after: Memory,
}

/// The whole run.
#[derive(Debug)]
pub struct Report {
    settings: Settings,
    machine: Machine,
    pub versions: Vec<String>,
    growths: Vec<Growth>,
    pub listings: Vec<Listing>,
}

impl Report {
    pub fn new(settings: &Settings, machine: Machine) -> Self {
        let settings = settings.clone();
        Self { settings, machine, versions: Vec::new(), growths: Vec::new(), listings: Vec::new() }
    }

    /// Adds what one system was like, and says so, because the next size may take long.
    pub fn add(&mut self, growth: Growth) {
        println!("measured   {}", growth.name());
        self.growths.push(growth);
    }

    /// Prints everything.
    pub fn print(&self) {
        self.print_header();
        println!();
        println!("Puts: `base` is the node that keeps the first size, measured in turns with the other");
        println!(
            "{:<9} {:>9} | {:>7} | {:>7} {:>7} {:>6} | {:>7} {:>7} {:>6} | {:>7} {:>7} {:>6} | {:>6} {:>6} {:>6}",
            "system",
            "configs",
            "fill/s",
            "base/s",
            "puts/s",
            "cost",
            "base50",
            "p50 us",
            "ratio",
            "base99",
            "p99 us",
            "ratio",
            "baseCPU",
            "CPU us",
            "ratio"
        );
        for growth in &self.growths {
            println!("{}", growth.puts());
        }
        println!();
        println!(
            "Memory and disk in MB, restarts in ms: from the start of the process until it is ready, and"
        );
        println!(
            "until it has answered a linearizable read; B each: bytes of `anon` after a restart for each config"
        );
        println!("more than at the size before");
        println!(
            "{:<9} {:>9} | {:>8} {:>8} | {:>8} {:>8} {:>7} | {:>7} | {:>8} {:>8} | {:>8} {:>8}",
            "system",
            "configs",
            "resident",
            "anon",
            "restart",
            "anon",
            "B each",
            "disk",
            "stopped",
            "read",
            "killed",
            "read"
        );
        for (at, growth) in self.growths.iter().enumerate() {
            let before = self.growths[..at].iter().rfind(|before| before.system == growth.system);
            println!("{}", growth.memory(before));
        }
        if self.listings.is_empty() {
            return;
        }
        println!();
        println!("Reading many configs with their content from Guardian: its resident memory in MB");
        println!(
            "{:>9} | {:<22} | {:>9} {:>8} {:>8} | {:>8} {:>8} {:>8}",
            "configs", "what", "read", "MB", "seconds", "before", "peak", "after"
        );
        for listing in &self.listings {
            println!(
                "{:>9} | {:<22} | {:>9} {:>8} {:>8.2} | {:>8} {:>8} {:>8}",
                listing.configs,
                listing.what,
                listing.read.configs,
                listing.read.bytes / 1024 / 1024,
                listing.seconds,
                listing.before.resident / 1024,
                listing.after.peak / 1024,
                listing.after.resident / 1024,
            );
        }
    }

    fn print_header(&self) {
        let (settings, machine) = (&self.settings, &self.machine);
        let typed = || std::env::args().collect::<Vec<_>>().join(" ");
        println!("command    {}", settings.command.clone().unwrap_or_else(typed));
        println!("versions   {}", self.versions.join(", "));
        println!("machine    {} cores ({}), Linux {}", machine.cores, machine.cpu, machine.kernel);
        println!(
            "disk       {}, 256-byte append + fdatasync: p50 {} us, p99 {} us",
            machine.filesystem, machine.fdatasync_p50_us, machine.fdatasync_p99_us
        );
        println!(
            "nodes      one of each system, and one more of each that keeps {} configs",
            settings.sizes[0]
        );
        println!("values     {BYTES} bytes; in Guardian they follow a schema, with history and audit");
        println!(
            "fill       {} clients, {} config(s) in each write, one transaction",
            settings.fillers, settings.batch
        );
        println!(
            "puts       {} clients, random configs, {} s x {} rounds (warm-up {} s); cost: base/s to puts/s;",
            settings.clients, settings.seconds, settings.rounds, settings.warm_up
        );
        println!("           CPU: of the server, for each put");
        println!(
            "restarts   the median of {} after SIGTERM; one after SIGKILL, while it takes puts",
            settings.restarts
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
