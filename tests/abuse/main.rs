//! Attacks by hostile clients on a fresh cluster of three real nodes, one after the other, while a second
//! tenant (the neighbour) measures its own service. Run by `scripts/abuse`; loopback only, bounded duration.
//!
//! During each attack:
//!
//! - no request of the neighbour fails;
//! - its p99 stays below ten times the value without attack;
//! - every node answers `/livez` within a second;
//! - no node ends.

mod attacks;
mod field;
mod flood;
mod neighbour;
mod table;
mod tally;

use attacks::{ATTACKS, Attack};
use field::Field;
use neighbour::{Neighbour, Sample};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use table::Row;
use tally::Tally;
use tokio::sync::watch;

/// Duration of each attack, and of the measurement without attack.
const SECONDS: u64 = 12;
const SECONDS_SHORT: u64 = 3;
/// Time between the start of an attack and the first sample.
const WARM_UP: Duration = Duration::from_millis(500);
/// Pause between two attacks.
const REST: Duration = Duration::from_millis(1500);
/// Maximum factor of the neighbour's p99.
const SLOWER_MAX: f64 = 10.0;
/// In the short form, a p99 below this is accepted: everything shares the two cores of a CI machine.
const P99_SHORT_MIN: Duration = Duration::from_millis(150);
/// Maximum additional memory of a node during an attack, in MiB.
const MEMORY_MIB_MAX: u64 = 512;

const USAGE: &str = "scripts/abuse [--short] [--seconds N] [--only NAME[,NAME]] [--list]";

/// The command line options.
#[derive(Debug, Default)]
struct Asked {
    short: bool,
    seconds: Option<u64>,
    only: Vec<String>,
    list: bool,
}

impl Asked {
    fn parse() -> Result<Self, String> {
        let (mut asked, mut args) = (Self::default(), std::env::args().skip(1));
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value; {USAGE}"));
            match arg.as_str() {
                "--short" => asked.short = true,
                "--list" => asked.list = true,
                "--seconds" => asked.seconds = Some(value()?.parse().map_err(|_| USAGE.to_owned())?),
                "--only" => asked.only = value()?.split(',').map(str::to_owned).collect(),
                // Flags that cargo adds.
                "--nocapture" | "--quiet" => {}
                _ => return Err(format!("what is {arg}? {USAGE}")),
            }
        }
        Ok(asked)
    }

    fn wants(&self, attack: &Attack) -> bool {
        if self.only.is_empty() {
            !self.short || attack.short
        } else {
            self.only.iter().any(|name| name == attack.name)
        }
    }

    fn time(&self) -> Duration {
        let usual = if self.short { SECONDS_SHORT } else { SECONDS };
        Duration::from_secs(self.seconds.unwrap_or(usual))
    }
}

fn main() -> ExitCode {
    let asked = match Asked::parse() {
        Ok(asked) => asked,
        Err(why) => {
            e2e::say(why);
            return ExitCode::from(2);
        }
    };
    if asked.list {
        for attack in ATTACKS {
            e2e::say(format_args!("{:<18} {}", attack.name, attack.what));
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(play(&asked))
}

async fn play(asked: &Asked) -> ExitCode {
    let chosen: Vec<&Attack> = ATTACKS.iter().filter(|attack| asked.wants(attack)).collect();
    if chosen.is_empty() {
        e2e::say(USAGE);
        return ExitCode::from(2);
    }
    let field = Arc::new(Field::prepare(asked.short).await);
    let neighbour = Neighbour::prepare(&field).await;
    neighbour.measure(Duration::from_secs(2)).await;
    let quiet = neighbour.measure(asked.time()).await;
    e2e::say(table::heading());
    let mut bad = usize::from(!quiet.failures.is_empty());
    e2e::say(Row { name: "quiet", sample: &quiet, quiet: &quiet, memory_mib: 0, faults: &[], note: "" });
    table::explain(&quiet.failures);
    let (attacks, mut requests) = (chosen.len(), quiet.times.len());
    for attack in chosen {
        let (held, more) = one(&field, &neighbour, attack, asked.time(), &quiet).await;
        bad += usize::from(!held);
        requests += more;
        tokio::time::sleep(REST).await;
    }
    // Parsed by scripts/prove: attacks, histories, requests of the neighbour, violations.
    e2e::say(format_args!("sums: {attacks} - {requests} {bad}"));
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one attack and prints its row; returns whether all conditions held, and the neighbour's requests.
async fn one(
    field: &Arc<Field>,
    neighbour: &Neighbour,
    attack: &Attack,
    time: Duration,
    quiet: &Sample,
) -> (bool, usize) {
    let before = field.memory_mib();
    let (stop, stopped) = watch::channel(false);
    let tally = Arc::new(Tally::default());
    let attacking = tokio::spawn((attack.act)(field.clone(), tally.clone(), stopped));
    tokio::time::sleep(WARM_UP).await;
    let sample = neighbour.measure(time).await;
    let memory_mib = field.memory_mib().saturating_sub(before);
    // Notifies the attack of its end; some attacks check conditions with their connections still open.
    stop.send_replace(true);
    let mut faults = match tokio::time::timeout(Duration::from_mins(1), attacking).await {
        Ok(Ok(faults)) => faults,
        Ok(Err(error)) => vec![format!("the attack broke: {error}")],
        Err(_) => vec!["the attack does not end".to_owned()],
    };
    faults.extend(field.ended());
    let floor = if field.short { P99_SHORT_MIN } else { Duration::ZERO };
    let limit = quiet.p99().mul_f64(SLOWER_MAX).max(floor);
    if sample.p99() > limit {
        faults.push(format!("p99 {:.0} ms is above {:.0} ms", ms(sample.p99()), ms(limit)));
    }
    if memory_mib > MEMORY_MIB_MAX {
        faults.push(format!("a node took {memory_mib} MiB more"));
    }
    let note = tally.line();
    e2e::say(Row { name: attack.name, sample: &sample, quiet, memory_mib, faults: &faults, note: &note });
    table::explain(&sample.failures);
    table::explain(&faults);
    (sample.failures.is_empty() && faults.is_empty(), sample.times.len())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
