//! Runs one scenario, from an empty folder to its row.

use crate::cluster::{Cluster, Place};
use crate::load::Load;
use crate::oracle::{Checked, judge};
use crate::out::say;
use crate::report::{Row, Verdict};
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::Context as _;
use futures::FutureExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::fs;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Number of acknowledged changes before the first injection.
const WARM: u64 = 40;
const WARM_WITHIN: Duration = Duration::from_secs(30);
/// Maximum number of lines shown of the history or of the violations.
const SHOWN_MAX: usize = 8;

/// The conditions that all scenarios of a run share.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The program under test.
    pub program: PathBuf,
    /// The folder for all files.
    pub out: PathBuf,
    /// The seed of random choices.
    pub seed: u64,
    /// The duration of fault injection.
    pub time: Duration,
    /// Whether each node has a network namespace.
    pub spaces: bool,
}

/// Runs a scenario. A panic is a violation.
pub async fn run(scenario: &Scenario, conditions: &Conditions) -> Row {
    let began = Instant::now();
    let folder = conditions.out.join(format!("{}-{}", scenario.id, conditions.seed));
    let played = AssertUnwindSafe(play(scenario, conditions, &folder)).catch_unwind().await;
    let row = match played {
        Ok(Ok(row)) => row,
        Ok(Err(error)) => broken(scenario, conditions, format!("{error:#}")),
        Err(_) => broken(scenario, conditions, "the scenario panicked".to_owned()),
    };
    if row.verdict.is_good() {
        // Files that cannot be removed now are removed before the next run of the scenario.
        let _ = fs::remove_dir_all(&folder);
    }
    row.took(began.elapsed())
}

/// Prints the violations, the kept files and the command to repeat the scenario.
pub fn explain(row: &Row, conditions: &Conditions) {
    let shown = if row.verdict.is_good() { 1 } else { SHOWN_MAX };
    for violation in row.violations.iter().take(shown) {
        say(format_args!("    {violation}"));
    }
    let more = row.violations.len().saturating_sub(shown);
    if more > 0 {
        say(format_args!("    and {more} more"));
    }
    if !row.verdict.is_good() {
        let Conditions { program, out, seed, time, .. } = conditions;
        let (program, out, seconds) = (program.display(), out.display(), time.as_secs());
        say(format_args!(
            "    kept: {out}/{}-{seed} (history.txt, truth.json, violations.txt, cluster/n*/node.log)",
            row.id
        ));
        say(format_args!(
            "    again (the same choices, not the same timing): cargo run -p faults -- --binary {program} \
             --only {} --seed {seed} --seconds {seconds}",
            row.id
        ));
    }
}

async fn play(scenario: &Scenario, conditions: &Conditions, folder: &Path) -> anyhow::Result<Row> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("the folder of an earlier run cannot be removed")?;
    }
    fs::create_dir_all(folder)?;
    let place = Place { program: &conditions.program, folder, spaces: conditions.spaces };
    let cluster = Cluster::start(place, scenario.wish).await.context("the cluster does not start")?;
    let load = Load::start(&cluster, conditions.seed).await.context("the clients do not start")?;
    let mut stage = Stage {
        load,
        cluster,
        random: StdRng::seed_from_u64(conditions.seed),
        time: conditions.time,
        injected: 0,
        notes: Vec::new(),
        violations: Vec::new(),
        folder: folder.to_owned(),
    };
    stage.prepare_beside().await?;
    stage.writes_go_on(WARM, WARM_WITHIN).await.context("before any fault")?;
    if let Err(error) = (scenario.act)(&mut stage).await {
        stage.violations.push(format!("{error:#}"));
    }
    let checked = judge(&mut stage).await;
    let row = row(scenario, conditions, &stage, &checked);
    if !row.verdict.is_good() {
        keep(&stage, &checked, folder)?;
    }
    Ok(row)
}

fn row(scenario: &Scenario, conditions: &Conditions, stage: &Stage, checked: &Checked) -> Row {
    let counts = stage.load.recorder().summary();
    let verdict = match (scenario.control, stage.violations.is_empty()) {
        (false, true) => Verdict::Held,
        (false, false) => Verdict::Violated,
        // Only lost writes count; a node that does not start is another failure.
        (true, _) if checked.lost > 0 => Verdict::Caught,
        (true, _) => Verdict::Missed,
    };
    Row {
        id: scenario.id,
        what: scenario.what,
        verdict,
        seed: conditions.seed,
        injected: stage.injected,
        operations: counts.operations,
        acknowledged: counts.acknowledged,
        unknown: counts.unknown,
        violations: stage.violations.clone(),
        notes: stage.notes.clone(),
        seconds: 0.0,
    }
}

fn broken(scenario: &Scenario, conditions: &Conditions, why: String) -> Row {
    let row = Row::not_run(scenario.id, scenario.what, conditions.seed, String::new());
    let verdict = if scenario.control { Verdict::Missed } else { Verdict::Violated };
    Row { verdict, notes: Vec::new(), violations: vec![why], ..row }
}

/// Writes the history and the violations beside the logs of the nodes.
fn keep(stage: &Stage, checked: &Checked, folder: &Path) -> anyhow::Result<()> {
    let mut history = std::io::BufWriter::new(fs::File::create(folder.join("history.txt"))?);
    for event in stage.load.recorder().events() {
        writeln!(history, "{event}")?;
    }
    history.flush()?;
    if let Some(truth) = &checked.truth {
        fs::write(folder.join("truth.json"), serde_json::to_string_pretty(truth)?)?;
    }
    fs::write(folder.join("violations.txt"), stage.violations.join("\n") + "\n")?;
    Ok(())
}
