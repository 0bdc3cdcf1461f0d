//! Real faults on real `guardian server` processes: kills, pauses, partitions, disks that fail, fill up or
//! lose power. Each scenario runs the clients of `proof` against three nodes and checks their history. Most
//! scenarios need root; those that cannot run are reported.

mod caller;
mod cluster;
mod disk;
mod load;
mod network;
mod node;
mod nursery;
mod oracle;
mod out;
mod report;
mod run;
mod scenario;
mod shell;
mod stage;
mod tool;
mod trace;
mod wait;
mod wal;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use network::Network;
use out::say;
use rand::Rng as _;
use report::{Report, Row, Verdict};
use run::{Conditions, explain};
use scenario::{SCENARIOS, Scenario};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tool::Tool;

const SECONDS: u64 = 12;
const SECONDS_CI: u64 = 6;
const EXIT_BROKEN_OFF: u8 = 130;

/// Injects faults into clusters of real processes and checks what clients saw.
#[derive(Debug, Parser)]
struct Cli {
    /// The program under test.
    #[arg(long, env = "GUARDIAN_BIN", default_value = "target/debug/guardian")]
    binary: PathBuf,
    /// Shows the scenarios and ends.
    #[arg(long)]
    list: bool,
    /// Only these, such as `F1,F9-leader`; `F9` means all that begin with it.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A part of the scenarios.
    #[arg(long, value_enum)]
    slice: Option<Slice>,
    /// The seed of chance; drawn and shown when left out.
    #[arg(long)]
    seed: Option<u64>,
    /// For how long each scenario injects faults.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the table is written as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Where folders of runs are made.
    #[arg(long, default_value = "target/faults")]
    out: PathBuf,
    /// A scenario that cannot be run here is a failure.
    #[arg(long)]
    require_all: bool,
}

/// A part of the scenarios.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Slice {
    /// Short versions of the most important ones, about three minutes.
    Ci,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(|one| cli.wants(one)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no scenario has such a name");
    if cli.list {
        for one in chosen {
            let needs: Vec<String> = one.needs.iter().map(|tool| format!("{tool:?}")).collect();
            say(format_args!("{:<13} {} [{}]", one.id, one.what, needs.join(" ").to_lowercase()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let _one_at_a_time = claim()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // A dropped run cleans up after itself.
        tokio::select! {
            done = play(&cli, &chosen) => done,
            _ = terminate.recv() => Ok(ExitCode::from(EXIT_BROKEN_OFF)),
            _ = interrupt.recv() => Ok(ExitCode::from(EXIT_BROKEN_OFF)),
        }
    })
}

impl Cli {
    fn wants(&self, scenario: &Scenario) -> bool {
        if scenario.by_name {
            return self.only.iter().any(|name| name == scenario.id);
        }
        let begins = |name: &String| {
            let rest = scenario.id.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let by_name = self.only.is_empty() || self.only.iter().any(begins);
        by_name && (self.slice.is_none() || scenario.ci)
    }
}

/// Locks against a concurrent run of the same user, which would use the same names.
fn claim() -> anyhow::Result<File> {
    let user = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("{}-{user}.lock", network::PREFIX));
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.with_context(|| format!("{} cannot be opened", path.display()))?;
    lock.try_lock().with_context(|| format!("another run holds {}", path.display()))?;
    Ok(lock)
}

async fn play(cli: &Cli, chosen: &[&Scenario]) -> anyhow::Result<ExitCode> {
    let unusable = tool::unusable(&Tool::ALL);
    let spaces = !unusable.contains_key(&Tool::Network);
    if !unusable.contains_key(&Tool::Disk) {
        disk::sweep();
    }
    if spaces {
        network::sweep();
    }
    let _network = if spaces { Some(Network::create()?) } else { None };
    let ci = cli.slice == Some(Slice::Ci);
    let seconds = cli.seconds.unwrap_or(if ci { SECONDS_CI } else { SECONDS });
    let conditions = Conditions {
        program: std::path::absolute(&cli.binary)?,
        out: std::path::absolute(&cli.out)?,
        seed: cli.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000)),
        time: Duration::from_secs(seconds),
        spaces,
    };
    anyhow::ensure!(conditions.program.exists(), "{} is not there", conditions.program.display());
    say(format_args!("faults: {} scenarios, --seed {} --seconds {seconds}", chosen.len(), conditions.seed));
    let mut rows = Vec::new();
    for scenario in chosen {
        let row = one(scenario, &conditions, &unusable).await;
        say(row.line());
        explain(&row, &conditions);
        rows.push(row);
        if let Some(path) = &cli.report {
            write(path, &conditions, seconds, &rows)?;
        }
    }
    if cli.only.is_empty() {
        for one in SCENARIOS.iter().filter(|one| !chosen.iter().any(|other| other.id == one.id)) {
            let why = if one.by_name {
                "runs by its name only: it shows what is open"
            } else {
                "not in this slice"
            };
            say(format_args!("{:<13} not run: {why}  ({})", one.id, one.what));
        }
    }
    let bad = rows.iter().filter(|row| !row.verdict.is_good()).count();
    let left = rows.iter().filter(|row| row.verdict == Verdict::NotRun).count();
    say(format_args!("faults: {} run, {left} not run, {bad} bad", rows.len() - left));
    say(sums(&rows));
    let good = bad == 0 && (left == 0 || !cli.require_all);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Parsed by scripts/prove: faults, histories, operations, violations. Violations of controls do not count.
fn sums(rows: &[Row]) -> String {
    let run: Vec<&Row> = rows.iter().filter(|row| row.verdict != Verdict::NotRun).collect();
    let faults: u64 = run.iter().map(|row| row.injected).sum();
    let operations: usize = run.iter().map(|row| row.operations).sum();
    let bad = run.iter().filter(|row| !row.verdict.is_good());
    let violations: usize = bad.map(|row| row.violations.len().max(1)).sum();
    format!("sums: {faults} {} {operations} {violations}", run.len())
}

async fn one(scenario: &Scenario, conditions: &Conditions, unusable: &BTreeMap<Tool, String>) -> Row {
    let missing = scenario.needs.iter().find_map(|tool| unusable.get(tool));
    match missing {
        Some(why) => Row::not_run(scenario.id, scenario.what, conditions.seed, why.clone()),
        None => run::run(scenario, conditions).await,
    }
}

fn write(path: &Path, conditions: &Conditions, seconds: u64, rows: &[Row]) -> anyhow::Result<()> {
    let binary = conditions.program.to_string_lossy();
    let report = Report { seed: conditions.seed, seconds, binary: &binary, rows };
    std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{} cannot be written", path.display()))
}
