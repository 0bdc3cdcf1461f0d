//! Many runs, each in a separate process, because a process has one random source and one clock.

use anyhow::Context as _;
use clap::Args;
use planted::Fault;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

/// The default duration of faults in a run, in virtual seconds.
pub const SECONDS: u64 = 30;

#[derive(Args, Debug)]
pub struct ManyArgs {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 20)]
    count: u64,
    /// How many run at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// How long harm is done in each, in virtual seconds.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Where to write the sums as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct MutantArgs {
    /// Only this planted fault.
    #[arg(long)]
    only: Option<String>,
    /// Most seeds tried for each.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// How many run at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// How long harm is done in each, in virtual seconds.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
}

/// A run in a separate process.
struct Run {
    seed: u64,
    child: Child,
}

/// The result of a run.
struct Ended {
    seed: u64,
    good: bool,
    report: Value,
    errors: String,
}

fn start(seed: u64, seconds: u64, fault: Option<Fault>, more: &[&str]) -> anyhow::Result<Run> {
    let own = std::env::current_exe().context("this program's own file")?;
    let mut command = Command::new(own);
    command.args(["run", "--seed", &seed.to_string(), "--seconds", &seconds.to_string()]).args(more);
    command.env_remove("GUARDIAN_PLANTED");
    if let Some(fault) = fault {
        command.env("GUARDIAN_PLANTED", fault.name());
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    Ok(Run { seed, child })
}

impl Run {
    fn wait(self) -> anyhow::Result<Ended> {
        let output = self.child.wait_with_output()?;
        let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Ended { seed: self.seed, good: output.status.success() && !report.is_null(), report, errors })
    }
}

/// Runs seeds in order, a limited number at a time, until none is left or `each` stops it.
fn for_each(
    seeds: impl Iterator<Item = u64>,
    jobs: usize,
    begin: impl Fn(u64) -> anyhow::Result<Run>,
    mut each: impl FnMut(Ended) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut running = std::collections::VecDeque::new();
    let mut seeds = seeds.peekable();
    let mut more = true;
    while more && seeds.peek().is_some() || !running.is_empty() {
        while more
            && running.len() < jobs.max(1)
            && let Some(seed) = seeds.next()
        {
            running.push_back(begin(seed)?);
        }
        let Some(first) = running.pop_front() else { break };
        let ended = first.wait()?;
        if more {
            more = each(ended)?;
        }
        if !more {
            for Run { mut child, .. } in running.drain(..) {
                child.kill()?;
                child.wait()?;
            }
        }
    }
    Ok(())
}

/// Sums of the counters of many runs.
#[derive(Default)]
struct Sums {
    runs: u64,
    numbers: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    bad: Vec<u64>,
}

impl Sums {
    fn add(&mut self, ended: &Ended) {
        self.runs += 1;
        if !ended.good {
            self.bad.push(ended.seed);
        }
        for (name, value) in ended.report.as_object().into_iter().flatten() {
            if let Some(number) = value.as_u64().filter(|_| name != "seed" && name != "nodes") {
                *self.numbers.entry(name.clone()).or_default() += number;
            }
        }
        for (name, value) in ended.report["faults"].as_object().into_iter().flatten() {
            *self.faults.entry(name.clone()).or_default() += value.as_u64().unwrap_or_default();
        }
    }
}

fn out(line: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

pub fn many(args: &ManyArgs) -> anyhow::Result<ExitCode> {
    let mut sums = Sums::default();
    let seeds = args.from..args.from + args.count;
    for_each(
        seeds,
        args.jobs,
        |seed| start(seed, args.seconds, None, &[]),
        |ended| {
            sums.add(&ended);
            if !ended.good {
                out(format_args!("seed {} went wrong:\n{}", ended.seed, ended.errors.trim_end()))?;
                out(format_args!(
                    "  again: scripts/sim run --seed {} --seconds {}",
                    ended.seed, args.seconds
                ))?;
            }
            Ok(true)
        },
    )?;
    let report = json!({
        "runs": sums.runs, "sums": sums.numbers, "faults": sums.faults, "bad_seeds": sums.bad,
    });
    if let Some(path) = &args.report {
        std::fs::write(path, report.to_string())?;
    }
    out(format_args!("{:<28} {:>9}", "histories checked", sums.runs))?;
    for (name, number) in &sums.numbers {
        out(format_args!("{name:<28} {number:>9}"))?;
    }
    out(format_args!("faults injected"))?;
    for (name, number) in &sums.faults {
        out(format_args!("  {name:<26} {number:>9}"))?;
    }
    out(format_args!("{:<28} {:>9}", "histories with violations", sums.bad.len()))?;
    let (faults, operations) = (sums.faults.values().sum::<u64>(), sums.numbers.get("operations"));
    let operations = operations.copied().unwrap_or_default();
    out(format_args!("sums: {faults} {} {operations} {}", sums.runs, sums.bad.len()))?;
    Ok(if sums.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn twice(args: &ManyArgs) -> anyhow::Result<ExitCode> {
    let mut differing = 0;
    let dir = tempfile::tempdir()?;
    for seed in args.from..args.from + args.count {
        let paths = ["first", "second"].map(|name| dir.path().join(format!("{seed}-{name}")));
        let mut runs = Vec::new();
        for path in &paths {
            let path = path.to_str().context("a path in UTF-8")?;
            runs.push(start(seed, args.seconds, None, &["--trace", path])?);
        }
        for run in runs {
            run.wait()?;
        }
        let [first, second] = [std::fs::read(&paths[0])?, std::fs::read(&paths[1])?];
        if first == second && !first.is_empty() {
            out(format_args!("seed {seed}: two traces of {} bytes are the same", first.len()))?;
        } else {
            differing += 1;
            let differ = first.iter().zip(&second).position(|(a, b)| a != b);
            out(format_args!("seed {seed}: the traces differ from byte {differ:?} on"))?;
        }
    }
    out(format_args!("sums: - {} - {differing}", 2 * args.count))?;
    Ok(if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn mutants(args: &MutantArgs) -> anyhow::Result<ExitCode> {
    let only = args.only.as_deref().map(|name| planted::named(name).context("no such planted fault"));
    let only = only.transpose()?;
    let mut missed = 0;
    for fault in Fault::ALL.iter().copied().filter(|fault| only.is_none_or(|only| only == *fault)) {
        let mut found = None;
        for_each(
            1..=args.seeds,
            args.jobs,
            |seed| start(seed, args.seconds, Some(fault), &[]),
            |ended| {
                if !ended.good {
                    let mut lines = ended.errors.lines().filter(|line| !line.trim().is_empty());
                    let why = lines.next().unwrap_or("no reason was given").to_owned();
                    found = Some((ended.seed, why));
                }
                Ok(found.is_none())
            },
        )?;
        if let Some((seed, why)) = found {
            out(format_args!("{:<26} found by seed {seed:>3}: {why}", fault.name()))?;
        } else {
            missed += 1;
            out(format_args!("{:<26} NOT FOUND in {} seeds: {}", fault.name(), args.seeds, fault.what()))?;
        }
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
