//! Rare situations in which a response or a check is briefly out of date.

use super::Nemesis;
use crate::disk::Crash;
use crate::trace::Trace;
use proof::Focus;
use rand::Rng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use std::time::Duration;
use turmoil::Sim;

/// Duration of a race, and interval between the starts of two races, in virtual milliseconds.
const RACE_MS: std::ops::Range<u64> = 1000..2200;
const BETWEEN_MS: std::ops::Range<u64> = 2500..4500;
/// The maximum latency to a distant follower, in milliseconds.
const FAR_MS: std::ops::Range<u64> = 60..400;
/// The maximum duration of a flush on slow disks, and how long they stay slow after the power cut.
const SLOW_FLUSH: Duration = Duration::from_millis(200);
const SLOW_AFTER_MS: u64 = 500;
/// How long clients write before the leader is killed, in virtual milliseconds.
const WARM_MS: u64 = 200;
/// Downtime of a leader that was killed before it answered; longer than an election.
const AWAY_MS: std::ops::Range<u64> = 3000..6000;

/// The kinds of races.
#[derive(Clone, Copy, Debug)]
pub(super) enum Race {
    Schemas,
    Reads,
    Forwards,
    Flushes,
}

impl Nemesis {
    /// Ends a race when its time is over or the faults end.
    pub(super) fn end_race(&mut self, trace: &mut Trace) {
        if self.race_until.is_some_and(|until| until <= trace.now_ms) {
            self.race_until = None;
            self.unanswered_from = None;
            self.recorder.set_focus(None);
            trace.line(format_args!("the race is over"));
        }
    }

    fn begin_race(&mut self, trace: &mut Trace, focus: Focus, ms: u64) {
        self.race_until = Some(trace.now_ms + ms);
        self.recorder.set_focus(Some(focus));
    }

    /// Starts the next race when a leader is known; every kind occurs before one repeats.
    pub(super) fn next_race(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        let (Some(leader), Some(follower)) = (self.leader(), self.follower()) else { return };
        self.next_race_ms = trace.now_ms + self.random.random_range(BETWEEN_MS);
        if self.races.is_empty() {
            self.races = vec![Race::Schemas, Race::Reads, Race::Forwards, Race::Flushes];
            self.races.shuffle(&mut self.random);
        }
        let ms = self.random.random_range(RACE_MS);
        match self.races.pop() {
            Some(Race::Reads) => {
                self.race_reads(sim, trace, Focus::Reads { reader: follower, writer: leader }, ms);
            }
            Some(Race::Forwards) => {
                let name = self.machines[follower].host();
                trace.count("race-forwards", format_args!("through {name} for {ms} ms"));
                self.unanswered_from = Some(trace.now_ms + WARM_MS);
                self.begin_race(trace, Focus::Writes { node: follower }, ms);
            }
            Some(Race::Flushes) => self.race_flushes(trace, leader, ms),
            Some(Race::Schemas) | None => {
                trace.count("race-schemas", format_args!("for {ms} ms"));
                self.begin_race(trace, Focus::Schemas, ms);
            }
        }
    }

    /// Reads through a distant follower while others write through the leader. A read starts while an earlier
    /// one waits for the leader's confirmation, and after a write that this confirmation does not cover.
    fn race_reads(&mut self, sim: &mut Sim<'_>, trace: &mut Trace, focus: Focus, ms: u64) {
        let Focus::Reads { reader, .. } = focus else { return };
        self.repair(sim, trace);
        let latency = self.random.random_range(FAR_MS);
        let (own, hosts) = (self.machines[reader].host(), self.hosts().collect::<Vec<_>>());
        for other in hosts.iter().filter(|other| **other != own) {
            sim.set_link_max_message_latency(own.as_str(), other.as_str(), Duration::from_millis(latency));
        }
        self.network_until = Some(trace.now_ms + ms);
        trace.count("race-reads", format_args!("through {own}, up to {latency} ms away, for {ms} ms"));
        self.begin_race(trace, focus, ms);
    }

    /// Writes through the leader while every disk is slow, then cuts the power of all machines: acknowledged
    /// writes must be on the disks.
    fn race_flushes(&mut self, trace: &mut Trace, node: usize, ms: u64) {
        for at in self.active() {
            self.machines[at].disks.log.set_flush(SLOW_FLUSH);
            self.slow_until.insert(at, trace.now_ms + ms + SLOW_AFTER_MS);
        }
        trace.count("race-flushes", format_args!("for {ms} ms"));
        self.cut_at = Some(trace.now_ms + ms);
        self.begin_race(trace, Focus::Writes { node }, ms);
    }

    /// Kills the leader when the others have an entry that it has not applied, so that its outcome is not
    /// reported.
    pub(super) fn kill_unanswered(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        if self.unanswered_from.is_none_or(|from| trace.now_ms < from) {
            return;
        }
        let Some(leader) = self.leader() else { return };
        let applied = self.machines[leader].node().map_or(u64::MAX, |node| node.applied().index);
        let others: Vec<usize> = self.active().into_iter().filter(|at| *at != leader).collect();
        let have = others.iter().filter(|at| self.machines[**at].disks.log.last_index() > applied).count();
        if have > 0 && have >= others.len().div_ceil(2) {
            self.unanswered_from = None;
            trace.count("kill-before-answer", format_args!("{}", self.machines[leader].host()));
            let outage = self.random.random_range(AWAY_MS);
            self.crash(sim, trace, leader, Crash::Kill, outage);
        }
    }

    /// Cuts the power of all machines at the set time.
    pub(super) fn cut_flushes(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        if self.cut_at.is_none_or(|at_ms| trace.now_ms < at_ms) {
            return;
        }
        self.cut_at = None;
        trace.count("power-cut-at-flush", format_args!("all"));
        for at in self.active() {
            let outage = self.random.random_range(1..60);
            self.crash(sim, trace, at, Crash::PowerCut, outage);
        }
    }

    /// A running machine that is not the leader.
    fn follower(&mut self) -> Option<usize> {
        let leader = self.leader()?;
        let up = |at: &usize| *at != leader && !self.down.contains_key(at) && self.members.contains(at);
        let others: Vec<usize> = self.active().into_iter().filter(up).collect();
        others.choose(&mut self.random).copied()
    }
}
