//! Fault injection: crashes, power cuts, partitions, slow and failing disks, wrong clocks, restarts, and
//! membership changes.

mod members;
mod network;
mod race;

use crate::disk::Crash;
use crate::node::Machine;
use crate::operator::Desk;
use crate::trace::Trace;
use proof::Recorder;
use race::Race;
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use turmoil::Sim;

/// Maximum duration of a flush on a healthy disk.
const FLUSH: Duration = Duration::from_millis(2);
/// Maximum duration of a message on a healthy network.
const LATENCY: Duration = Duration::from_millis(4);
/// Maximum error of a clock.
const SKEW_MS: i64 = 3_600_000;

/// Injects faults and heals them.
pub struct Nemesis {
    pub machines: Vec<Arc<Machine>>,
    clients: Vec<String>,
    random: StdRng,
    next_ms: u64,
    /// Stopped machines, with the time of their next start.
    down: BTreeMap<usize, u64>,
    /// Machines that are stopping, with their deadline.
    stopping: BTreeMap<usize, u64>,
    /// Machines with a failing disk.
    broken: BTreeMap<usize, u64>,
    /// Machines still to be restarted in a rolling restart.
    rolling: Vec<usize>,
    network_until: Option<u64>,
    /// Tells the clients the focus of a race, which ends at `race_until`.
    recorder: Recorder,
    race_until: Option<u64>,
    /// The remaining kinds of races before all kinds are drawn again, and the time of the next race.
    races: Vec<Race>,
    next_race_ms: u64,
    /// From this time on, kill the leader as soon as others have an entry that it has not answered yet.
    unanswered_from: Option<u64>,
    /// The time of a power cut of all machines during flushes.
    cut_at: Option<u64>,
    /// Cut the power of all machines when a later term than this has a leader.
    election_after: Option<u64>,
    slow_until: BTreeMap<usize, u64>,
    desk: Rc<Desk>,
    /// The members, according to the responses to the operator.
    members: BTreeSet<usize>,
    /// The initial number of members, which removals keep.
    least: usize,
    /// Machines that were never started.
    spares: Vec<usize>,
    /// Machines with a lost disk.
    gone: BTreeSet<usize>,
    /// Lost machines that will be started on the empty disk, with the time.
    coming_back: BTreeMap<usize, u64>,
    /// Machines running on an empty disk, which must end by themselves.
    doomed: BTreeSet<usize>,
}

impl Nemesis {
    pub fn new(
        machines: Vec<Arc<Machine>>,
        clients: Vec<String>,
        desk: Rc<Desk>,
        recorder: Recorder,
        random: StdRng,
    ) -> Self {
        let (members, spares): (Vec<usize>, Vec<usize>) =
            (0..machines.len()).partition(|at| machines[*at].on.load(Ordering::Relaxed));
        for machine in &machines {
            machine.disks.log.set_flush(FLUSH);
        }
        Self {
            machines,
            clients,
            random,
            next_ms: 0,
            down: BTreeMap::new(),
            stopping: BTreeMap::new(),
            broken: BTreeMap::new(),
            rolling: Vec::new(),
            network_until: None,
            recorder,
            race_until: None,
            races: Vec::new(),
            next_race_ms: 0,
            unanswered_from: None,
            cut_at: None,
            election_after: None,
            slow_until: BTreeMap::new(),
            desk,
            least: members.len(),
            members: members.into_iter().collect(),
            spares,
            gone: BTreeSet::new(),
            coming_back: BTreeMap::new(),
            doomed: BTreeSet::new(),
        }
    }

    /// Performs due actions. With `harm`, also injects new faults at random.
    pub fn step(&mut self, sim: &mut Sim<'_>, trace: &mut Trace, harm: bool) {
        self.heed_ends(sim, trace);
        self.follow_members(sim, trace);
        self.cure(sim, trace);
        self.cut_election(sim, trace);
        self.kill_unanswered(sim, trace);
        self.cut_flushes(sim, trace);
        self.end_race(trace);
        if harm && trace.now_ms >= self.next_race_ms {
            self.next_race(sim, trace);
        }
        if harm && trace.now_ms >= self.next_ms {
            self.next_ms = trace.now_ms + self.random.random_range(100..2500);
            self.harm(sim, trace);
        }
    }

    /// Heals all faults and restarts stopped machines.
    pub fn heal(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        self.rolling.clear();
        self.election_after = None;
        self.cut_at = None;
        self.race_until = self.race_until.map(|_| trace.now_ms);
        self.end_race(trace);
        self.repair(sim, trace);
        for at in std::mem::take(&mut self.slow_until).into_keys() {
            self.machines[at].disks.log.set_flush(FLUSH);
        }
        for at in std::mem::take(&mut self.broken).into_keys() {
            // Its process may not have noticed the failure and then never will.
            self.machines[at].disks.set_broken(false);
        }
        for up_ms in self.down.values_mut().chain(self.coming_back.values_mut()) {
            *up_ms = trace.now_ms;
        }
        trace.line(format_args!("heal"));
    }

    /// Whether every machine runs and is not stopping.
    pub fn all_up(&self) -> bool {
        self.down.is_empty() && self.stopping.is_empty()
    }

    /// Handles processes that ended or requested to end.
    fn heed_ends(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        for at in 0..self.machines.len() {
            let machine = self.machines[at].clone();
            if let Some(why) = machine.take_fatal() {
                if self.heed_doomed(sim, trace, at, &why) {
                    continue;
                }
                let outage = self.random.random_range(100..3000);
                if self.broken.remove(&at).is_some() {
                    trace.count("disk-error-ended-node", format_args!("{}: {why}", machine.host()));
                } else {
                    trace.violation(format_args!("{} ended by itself: {why}", machine.host()));
                }
                self.crash(sim, trace, at, Crash::PowerCut, outage);
                machine.disks.set_broken(false);
            }
            let Some(late_ms) = self.stopping.get(&at).copied() else { continue };
            if machine.stopped.swap(false, Ordering::Relaxed) {
                self.stopping.remove(&at);
                let outage = self.random.random_range(50..1500);
                self.crash(sim, trace, at, Crash::Kill, outage);
            } else if trace.now_ms > late_ms {
                self.stopping.remove(&at);
                trace.violation(format_args!("{} did not stop in time", machine.host()));
                self.crash(sim, trace, at, Crash::Kill, 50);
            }
        }
    }

    fn cure(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        let now = trace.now_ms;
        let up: Vec<usize> =
            self.down.iter().filter(|(_, up_ms)| **up_ms <= now).map(|(at, _)| *at).collect();
        for at in up {
            self.down.remove(&at);
            trace.line(format_args!("start {}", self.machines[at].host()));
            sim.bounce(self.machines[at].host());
        }
        if self.network_until.is_some_and(|until| until <= now) {
            self.repair(sim, trace);
        }
        let fast: Vec<usize> =
            self.slow_until.iter().filter(|(_, until)| **until <= now).map(|(at, _)| *at).collect();
        for at in fast {
            self.slow_until.remove(&at);
            self.machines[at].disks.log.set_flush(FLUSH);
        }
        if self.all_up()
            && let Some(at) = self.rolling.pop()
        {
            self.terminate(trace, at);
        }
    }

    fn repair(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        if self.network_until.take().is_none() {
            return;
        }
        let hosts: Vec<String> = self.hosts().chain(self.clients.iter().cloned()).collect();
        for (at, a) in hosts.iter().enumerate() {
            for b in &hosts[at + 1..] {
                sim.release(a.as_str(), b.as_str());
                sim.repair(a.as_str(), b.as_str());
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), LATENCY);
            }
        }
        sim.set_fail_rate(0.0);
        trace.line(format_args!("network repaired"));
    }

    fn hosts(&self) -> impl Iterator<Item = String> + use<'_> {
        self.machines.iter().map(|machine| machine.host())
    }

    fn crash(&mut self, sim: &mut Sim<'_>, trace: &mut Trace, at: usize, crash: Crash, outage_ms: u64) {
        if self.down.contains_key(&at) {
            return;
        }
        self.stopping.remove(&at);
        let machine = &self.machines[at];
        // The disk first: the teardown of the process must not reach it.
        let lost = machine.disks.crash(crash, &mut self.random);
        sim.crash(machine.host());
        machine.take_fatal();
        machine.drop_signal();
        let name = if crash == Crash::Kill { "kill" } else { "power-cut" };
        trace.count(name, format_args!("{} for {outage_ms} ms, {lost} writes lost", machine.host()));
        if lost > 0 {
            *trace.counts.entry("power-cut-with-loss".to_owned()).or_default() += 1;
        }
        if self.broken.remove(&at).is_some() {
            machine.disks.set_broken(false);
        }
        self.down.insert(at, trace.now_ms + outage_ms);
    }

    fn terminate(&mut self, trace: &mut Trace, at: usize) {
        let gone = self.gone.contains(&at) || self.down.contains_key(&at);
        if gone || self.stopping.contains_key(&at) || self.broken.contains_key(&at) {
            return;
        }
        trace.count("sigterm", format_args!("{}", self.machines[at].host()));
        self.machines[at].terminate();
        self.stopping.insert(at, trace.now_ms + 20_000);
    }

    /// The current leader, if any machine knows it.
    fn leader(&self) -> Option<usize> {
        let leads = |machine: &&Arc<Machine>| machine.node().is_some_and(|node| node.stats().leads());
        self.machines.iter().filter(leads).max_by_key(|machine| term(machine)).map(|machine| machine.number)
    }

    fn any(&mut self) -> usize {
        match self.leader() {
            Some(leader) if self.random.random_bool(0.4) => leader,
            _ => self.active().choose(&mut self.random).copied().unwrap_or_default(),
        }
    }

    /// Cuts the power after an election: counted votes and acknowledged entries must survive.
    fn cut_election(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        let Some(old) = self.election_after else { return };
        if self.leader().is_some_and(|leader| term(&self.machines[leader]) > old) {
            self.election_after = None;
            trace.count("power-cut-at-election", format_args!("all"));
            for at in self.active() {
                let outage = self.random.random_range(1..60);
                self.crash(sim, trace, at, Crash::PowerCut, outage);
            }
        }
    }

    fn harm(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        match self.random.random_range(0..112) {
            0..5 => {
                let Some(leader) = self.leader() else { return };
                self.election_after = Some(term(&self.machines[leader]));
                for at in self.active() {
                    self.machines[at].disks.log.set_flush(Duration::from_millis(200));
                    self.slow_until.insert(at, trace.now_ms + 3000);
                }
                self.crash(sim, trace, leader, Crash::PowerCut, 3000);
            }
            5..30 => self.crashes(sim, trace),
            30..62 => self.network(sim, trace),
            62..72 => {
                let (at, ms) = (self.any(), self.random.random_range(20..800));
                self.machines[at].disks.log.set_flush(Duration::from_millis(ms));
                self.slow_until.insert(at, trace.now_ms + self.random.random_range(500..4000));
                trace.count("slow-disk", format_args!("{} up to {ms} ms", self.machines[at].host()));
            }
            72..80 => {
                let at = self.any();
                if !self.down.contains_key(&at) && !self.stopping.contains_key(&at) {
                    self.machines[at].disks.set_broken(true);
                    self.broken.insert(at, trace.now_ms);
                    trace.count("disk-error", format_args!("{}", self.machines[at].host()));
                }
            }
            80..88 => {
                let at = self.any();
                let by_ms = self.random.random_range(-SKEW_MS..=SKEW_MS);
                self.machines[at].clock.wrong_by_ms.store(by_ms, Ordering::Relaxed);
                trace.count("clock-skew", format_args!("{} by {by_ms} ms", self.machines[at].host()));
            }
            88..96 => {
                let at = self.any();
                self.terminate(trace, at);
            }
            96..100 if self.rolling.is_empty() => {
                self.rolling = self.active();
                trace.count("rolling-restart", format_args!(""));
            }
            96..100 => {}
            100..104 => self.transfer(trace),
            _ => self.change_members(sim, trace),
        }
    }

    fn crashes(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        let mut victims = self.active();
        victims.shuffle(&mut self.random);
        let count = match self.random.random_range(0..20) {
            0 => victims.len(),
            1..4 => victims.len() / 2 + 1,
            _ => 1,
        };
        if count == 1 {
            victims[0] = self.any();
        }
        let crash = if self.random.random_bool(0.6) { Crash::PowerCut } else { Crash::Kill };
        for at in victims.into_iter().take(count) {
            let range = match self.random.random_range(0..10) {
                // Short enough that no other machine starts an election.
                0..3 => 1..60,
                3..7 => 60..1500,
                _ => 3000..9000,
            };
            let outage = self.random.random_range(range);
            self.crash(sim, trace, at, crash, outage);
        }
    }
}

fn term(machine: &Arc<Machine>) -> u64 {
    machine.node().map_or(0, |node| node.stats().term)
}
