//! One run: a cluster with clients, a phase of faults, a phase of healing, and the checks.

use crate::client::SimCaller;
use crate::invariants::Invariants;
use crate::nemesis::Nemesis;
use crate::node::{Machine, Plan, host};
use crate::operator::{Desk, operate};
use crate::stage::{Stage, WATCHED, play, stage_hand, watch_all};
use crate::trace::Trace;
use anyhow::Context as _;
use futures::future::{FutureExt as _, TryFutureExt as _, try_join};
use proof::{Event, Recorder, Truth, check_watcher};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use turmoil::{Builder, Sim};

/// Number of machines that may be added to the cluster.
const SPARES: usize = 2;
/// Step of the virtual time.
const TICK: Duration = Duration::from_millis(1);
/// Maximum time to form the cluster and prepare the scene, in virtual milliseconds.
const READY_MS: u64 = 30_000;
/// Maximum time after the healing until everything works and all nodes agree, in virtual milliseconds.
const HEAL_MS: u64 = 30_000;
/// Interval between two comparisons of the nodes, in virtual milliseconds.
const LOOK_MS: u64 = 5;
/// Probability that a project prunes versions; then the number of versions kept per config, and the interval
/// of housekeeping.
const FORGETS: f64 = 0.6;
const HOUSEKEEPING_MS: std::ops::RangeInclusive<u64> = 200..=5000;
const KEPT: std::ops::RangeInclusive<u64> = 1..=8;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    /// Duration of faults, in virtual seconds.
    pub seconds: u64,
    /// Number of nodes; drawn from the seed if `None`.
    pub nodes: Option<usize>,
}

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    pub trace: String,
    pub violations: Vec<String>,
    pub json: Value,
}

/// Runs one seed.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let mut random = StdRng::seed_from_u64(options.seed);
    let nodes = options.nodes.unwrap_or(if random.random_bool(0.25) { 5 } else { 3 });
    let dir = tempfile::tempdir().context("a folder for the nodes")?;
    // Half of the clusters make snapshots often, so that nodes need one after a downtime.
    let every =
        if random.random_bool(0.5) { random.random_range(20..60) } else { random.random_range(20..400) };
    let housekeeping = Duration::from_millis(random.random_range(HOUSEKEEPING_MS));
    let plan = Arc::new(Plan::new(nodes, SPARES, every, housekeeping)?);
    let machines: Vec<Arc<Machine>> = (0..nodes + SPARES)
        .map(|number| Machine::new(number, dir.path().join(host(number)), plan.clone()))
        .collect();
    let mut sim = Builder::new()
        .tick_duration(TICK)
        .simulation_duration(Duration::from_hours(1))
        .min_message_latency(Duration::from_micros(200))
        .max_message_latency(Duration::from_millis(4))
        .tcp_capacity(4096)
        .enable_random_order()
        .rng_seed(random.random())
        .build();
    for machine in &machines {
        let machine = machine.clone();
        sim.host(machine.host(), move || machine.clone().run());
    }
    let (stage, recorder) = (Rc::new(Stage::default()), Recorder::new());
    let callers: Vec<SimCaller> = (0..nodes + SPARES)
        .map(|number| SimCaller { host: host(number), secret: plan.secret.clone() })
        .collect();
    let retention = random.random_bool(FORGETS).then(|| random.random_range(KEPT));
    // Each step costs per host, so a watcher shares the host of a client.
    let clients: Vec<String> =
        (0..random.random_range(WATCHED.len()..7)).map(|number| format!("c{number}")).collect();
    for (number, name) in clients.iter().enumerate() {
        let own = StdRng::seed_from_u64(random.random());
        let playing = play(number, stage.clone(), recorder.clone(), callers.clone(), own);
        if number < WATCHED.len() {
            let own = StdRng::seed_from_u64(random.random());
            let watching = watch_all(number, stage.clone(), callers.clone(), own);
            sim.client(name.as_str(), try_join(playing, watching).map_ok(|_| ()));
        } else {
            sim.client(name.as_str(), playing);
        }
    }
    let desk = Rc::new(Desk::default());
    let own = StdRng::seed_from_u64(random.random());
    let operator = operate(desk.clone(), callers.clone(), plan.requests(), own).map(Ok);
    let stage_hand = stage_hand(stage.clone(), callers, retention);
    sim.client("stage", try_join(stage_hand, operator).map_ok(|_| ()));
    let chance = StdRng::seed_from_u64(random.random());
    let nemesis = Nemesis::new(machines.clone(), clients, desk, recorder.clone(), chance);
    let mut driver = Driver { sim, nemesis, trace: Trace::default(), invariants: Invariants::default() };
    driver.trace.line(format_args!("seed {}, {nodes} nodes", options.seed));
    driver.play(&stage, options.seconds * 1000);
    Ok(driver.finish(options, &machines, &stage, &recorder))
}

/// The number of pruned versions.
fn gone(truth: &Truth) -> u64 {
    truth.pruned.values().filter_map(|pruned| pruned.last()).map(|one| one.oldest - 1).sum()
}

struct Driver<'a> {
    sim: Sim<'a>,
    nemesis: Nemesis,
    trace: Trace,
    invariants: Invariants,
}

impl Driver<'_> {
    /// Runs all phases; stops early on a fatal error of the run.
    fn play(&mut self, stage: &Stage, harm_ms: u64) {
        if !self.until(READY_MS, false, |_| stage.scene.borrow().is_some()) {
            let why = stage.why_not.borrow().clone();
            return self.trace.violation(format_args!("the cluster did not form in time: {why}"));
        }
        self.trace.line(format_args!("the scene is made"));
        stage.playing.set(true);
        let end = self.trace.now_ms + harm_ms;
        self.until(harm_ms, true, |driver| driver.trace.now_ms >= end);
        self.nemesis.heal(&mut self.sim, &mut self.trace);
        let healed = self.trace.now_ms;
        // Clients continue for a while on a healthy cluster.
        let healthy = self.until(HEAL_MS, false, |driver| {
            let nemesis = &driver.nemesis;
            nemesis.all_up() && nemesis.settled() && driver.trace.now_ms > healed + 2000
        });
        if !healthy && self.trace.violations.is_empty() {
            let why = self.nemesis.unsettled();
            self.trace.violation(format_args!("not all was settled {HEAL_MS} ms after the healing: {why}"));
        }
        stage.playing.set(false);
        // A request answered after the truth was read would not be in it.
        if !self.until(HEAL_MS, false, |_| stage.busy.get() == 0) {
            return self
                .trace
                .violation(format_args!("a client had no answer {HEAL_MS} ms after the healing"));
        }
        stage.judging.set(true);
        if !self.until(HEAL_MS, false, |_| stage.truth.borrow().is_some()) {
            let why = stage.why_not.borrow().clone();
            return self.trace.violation(format_args!(
                "not everything could be read {HEAL_MS} ms after the healing: {why}"
            ));
        }
        if !self.until(HEAL_MS, false, |_| stage.watching.get() == 0) {
            self.trace
                .violation(format_args!("a watcher was not told everything {HEAL_MS} ms after the truth"));
        }
        let machines = self.nemesis.member_machines();
        if self.until(HEAL_MS, false, |_| Invariants::agreed(&machines).is_some()) {
            self.trace.line(format_args!("all nodes agree"));
        } else {
            self.trace.violation(format_args!("the nodes did not agree {HEAL_MS} ms after the healing"));
        }
    }

    /// Advances time until the condition holds, at most `longest_ms`; returns whether it holds.
    fn until(&mut self, longest_ms: u64, harm: bool, done: impl Fn(&Self) -> bool) -> bool {
        let late = self.trace.now_ms + longest_ms;
        while !done(self) {
            if self.trace.now_ms >= late {
                return false;
            }
            if let Err(error) = self.sim.step() {
                self.trace.violation(format_args!("the simulation broke: {error}"));
                return false;
            }
            self.trace.now_ms = u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.nemesis.step(&mut self.sim, &mut self.trace, harm);
            if self.trace.now_ms.is_multiple_of(LOOK_MS) {
                self.invariants.check(&self.nemesis.machines, &mut self.trace);
            }
            if !self.trace.violations.is_empty() {
                return false;
            }
        }
        true
    }

    fn finish(
        mut self,
        options: &Options,
        machines: &[Arc<Machine>],
        stage: &Stage,
        recorder: &Recorder,
    ) -> Report {
        let events = recorder.events();
        for event in &events {
            writeln!(self.trace.text, "{event}").expect("a string takes every line");
        }
        let mut operations = events.len();
        let mut truth = stage.truth.borrow_mut();
        if let Some(truth) = &mut *truth {
            self.complete(truth, &events);
            let report = proof::check(&events, truth);
            operations = report.operations;
            for violation in report.violations {
                self.trace.violation(format_args!("{violation}"));
            }
            let mut told = 0;
            for watcher in &*stage.watchers.borrow() {
                let watcher = watcher.borrow();
                told += watcher.told.len();
                for violation in check_watcher(&watcher, truth) {
                    self.trace.violation(format_args!("{violation}"));
                }
            }
            self.trace.line(format_args!("the watchers were told {told} things"));
            let members = self.nemesis.member_machines();
            self.compare_hashes(&members);
        }
        let counts = recorder.summary();
        let sum = |which: fn(&Machine) -> u64| machines.iter().map(|machine| which(machine)).sum::<u64>();
        let json = json!({
            "seed": options.seed,
            "nodes": machines.len() - SPARES,
            "virtual_ms": self.trace.now_ms,
            "faults": self.trace.counts,
            "operations": operations,
            "acknowledged": counts.acknowledged,
            "transactions": counts.transactions,
            "replayed": counts.replayed,
            "pruned_versions": truth.as_ref().map_or(0, gone),
            "refused": counts.refused,
            "unknown": counts.unknown,
            "reads": counts.reads,
            "terms": self.invariants.terms(),
            "snapshots_built": sum(|machine| machine.seen.snapshots_built.load(Ordering::Relaxed)),
            "snapshots_installed": sum(|machine| machine.seen.snapshots_installed.load(Ordering::Relaxed)),
            "violations": self.trace.violations,
        });
        Report { trace: self.trace.text, violations: self.trace.violations, json }
    }

    /// Completes the pruned versions of the truth from the audit entries of the nodes.
    fn complete(&mut self, truth: &mut Truth, events: &[Event]) {
        let nodes = self.nemesis.member_machines().into_iter().filter_map(|machine| machine.node());
        match nodes.map(|node| node.audit_records()).next() {
            Some(Ok(records)) => proof::complete(truth, &records, events),
            other => self.trace.violation(format_args!("the audit entries cannot be read: {other:?}")),
        }
    }

    /// Checks that every table is equal on every node.
    fn compare_hashes(&mut self, machines: &[Arc<Machine>]) {
        let mut first = None;
        for machine in machines {
            let Some(node) = machine.node() else { continue };
            match node.verify_audit() {
                Ok(entries) => self.trace.line(format_args!("{}: {entries} audit entries", machine.host())),
                Err(error) => self.trace.violation(format_args!("{}: {error}", machine.host())),
            }
            match node.state_hash() {
                Ok(hash) if *first.get_or_insert(hash) == hash => {}
                Ok(hash) => {
                    let name = machine.host();
                    self.trace
                        .violation(format_args!("the tables of {name} are not the first node's: {hash}"));
                }
                Err(error) => self.trace.violation(format_args!("{}: no hash: {error}", machine.host())),
            }
        }
        if let Some(hash) = first {
            self.trace.line(format_args!("every table: {hash}"));
        }
    }
}
