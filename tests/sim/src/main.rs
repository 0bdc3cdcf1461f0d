//! Deterministic simulation of whole clusters in one thread under virtual time: the seed determines the run.
//! Build with `scripts/sim`, which sets the required compiler flags.

mod client;
mod disk;
mod invariants;
mod log;
mod many;
mod nemesis;
mod network;
mod node;
mod observer;
mod operator;
mod platform;
mod run;
mod stage;
mod trace;
mod watch;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use mad_turmoil::time::SimClocksGuard;
use rand_os::SeedableRng as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(about = "Simulates whole Guardian clusters from a seed")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one seed; prints a line of JSON, and what went wrong.
    Run(RunArgs),
    /// Runs many seeds, each in a process of its own, and prints a table.
    Many(many::ManyArgs),
    /// Runs each seed twice and compares the traces byte by byte.
    Twice(many::ManyArgs),
    /// Wakes each planted fault in turn and shows which seed finds it.
    Mutants(many::MutantArgs),
}

#[derive(Args, Debug)]
struct RunArgs {
    /// Decides everything.
    #[arg(long)]
    seed: u64,
    /// How long harm is done, in virtual seconds.
    #[arg(long, default_value_t = many::SECONDS)]
    seconds: u64,
    /// How many nodes; decided by the seed when not given.
    #[arg(long)]
    nodes: Option<usize>,
    /// Where to write the trace.
    #[arg(long)]
    trace: Option<PathBuf>,
    /// Shows what nodes log, at this level.
    #[arg(long)]
    log: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if !cfg!(tokio_unstable) {
        bail!("this build has no seeded runtime, so a seed would decide nothing: use scripts/sim");
    }
    planted::run_in_place();
    match cli.command {
        Command::Run(args) => run_one(&args),
        Command::Many(args) => many::many(&args),
        Command::Twice(args) => many::twice(&args),
        Command::Mutants(args) => many::mutants(&args),
    }
}

fn run_one(args: &RunArgs) -> anyhow::Result<ExitCode> {
    if let Some(filter) = &args.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .without_time()
            .with_writer(std::io::stderr)
            .init();
    }
    mad_turmoil::rand::set_rng(rand_os::rngs::StdRng::seed_from_u64(args.seed));
    let clocks = SimClocksGuard::init();
    let options = run::Options { seed: args.seed, seconds: args.seconds, nodes: args.nodes };
    let report = run::run(&options)?;
    drop(clocks);
    if let Some(path) = &args.trace {
        std::fs::write(path, &report.trace)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    writeln!(std::io::stdout(), "{}", report.json)?;
    for violation in report.violations.iter().take(20) {
        writeln!(std::io::stderr(), "seed {}: {violation}", args.seed)?;
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
