//! Membership faults: lost disks, replacements, leadership transfer.

use super::Nemesis;
use crate::disk::Crash;
use crate::node::Machine;
use crate::operator::Order;
use crate::trace::Trace;
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use turmoil::Sim;

impl Nemesis {
    /// The machines that are members, according to the responses to the operator.
    pub fn member_machines(&self) -> Vec<Arc<Machine>> {
        self.members.iter().map(|at| self.machines[*at].clone()).collect()
    }

    /// Whether the operator is done and every empty disk was refused.
    pub fn settled(&self) -> bool {
        self.desk.idle() && self.coming_back.is_empty() && self.doomed.is_empty()
    }

    /// The unsettled parts, as text.
    pub fn unsettled(&self) -> String {
        let hosts: Vec<String> = self.doomed.iter().map(|at| self.machines[*at].host()).collect();
        format!("{}; with an empty disk: {hosts:?}", self.desk.last.borrow())
    }

    /// The machines that faults may affect: started, with their own disk.
    pub(super) fn active(&self) -> Vec<usize> {
        let is_active = |at: &usize| self.machines[*at].on.load(Ordering::Relaxed) && !self.gone.contains(at);
        (0..self.machines.len()).filter(is_active).collect()
    }

    /// Processes the operator's results, and starts due machines with empty disks.
    pub(super) fn follow_members(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        for (order, status) in self.desk.take_done() {
            match order {
                Order::Transfer if status == 200 => trace.count("transfer-done", format_args!("")),
                Order::Transfer => trace.line(format_args!("transfer refused with {status}")),
                Order::Add(at) => {
                    self.members.insert(at);
                    trace.count("member-added", format_args!("{}", self.machines[at].host()));
                }
                Order::Remove(at) => {
                    self.members.remove(&at);
                    trace.count("member-removed", format_args!("{}", self.machines[at].host()));
                }
            }
        }
        let now = trace.now_ms;
        let due: Vec<usize> =
            self.coming_back.iter().filter(|(_, at_ms)| **at_ms <= now).map(|(at, _)| *at).collect();
        for at in due {
            self.coming_back.remove(&at);
            self.doomed.insert(at);
            trace.line(format_args!("start {} on an empty disk", self.machines[at].host()));
            sim.bounce(self.machines[at].host());
        }
    }

    /// Handles the end of a process on an empty disk, which is expected; returns whether it was one.
    pub(super) fn heed_doomed(&mut self, sim: &mut Sim<'_>, trace: &mut Trace, at: usize, why: &str) -> bool {
        if !self.doomed.remove(&at) {
            return false;
        }
        let host = self.machines[at].host();
        if why.contains("data folder is new") || why.contains("was removed from the cluster") {
            trace.count("wiped-disk-refused", format_args!("{host}: {why}"));
        } else {
            trace.violation(format_args!("{host} has an empty disk, and ended by itself with: {why}"));
        }
        sim.crash(host);
        true
    }

    pub(super) fn transfer(&mut self, trace: &mut Trace) {
        if self.desk.idle() {
            trace.count("leadership-transfer", format_args!(""));
            self.desk.ask(Order::Transfer);
        }
    }

    /// Orders one membership change at a time, so that at most one disk is lost at once.
    pub(super) fn change_members(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        if !self.desk.idle() {
            return;
        }
        let members: Vec<usize> = self.members.iter().copied().collect();
        let Some(victim) = members.choose(&mut self.random).copied() else { return };
        let Some(spare) = self.spares.pop() else {
            // A member may be removed if one was added before.
            if members.len() > self.least {
                trace.count("remove-member", format_args!("{}", self.machines[victim].host()));
                self.desk.ask(Order::Remove(victim));
            }
            return;
        };
        let (new, old) = (self.machines[spare].host(), self.machines[victim].host());
        self.machines[spare].on.store(true, Ordering::Relaxed);
        sim.bounce(new.clone());
        match self.random.random_range(0..10) {
            0..6 => {
                trace.count("replace-wiped-member", format_args!("{old} by {new}"));
                self.wipe(sim, trace, victim);
                self.desk.ask(Order::Remove(victim));
                self.desk.ask(Order::Add(spare));
            }
            6..8 => {
                trace.count("replace-member", format_args!("{old} by {new}"));
                self.desk.ask(Order::Add(spare));
                self.desk.ask(Order::Remove(victim));
            }
            _ => {
                trace.count("add-member", format_args!("{new}"));
                self.desk.ask(Order::Add(spare));
            }
        }
    }

    /// Erases the disk for good; sometimes the machine is started again on the empty disk.
    fn wipe(&mut self, sim: &mut Sim<'_>, trace: &mut Trace, at: usize) {
        self.crash(sim, trace, at, Crash::PowerCut, 0);
        self.down.remove(&at);
        self.slow_until.remove(&at);
        self.gone.insert(at);
        self.machines[at].wipe();
        if self.random.random_bool(0.6) {
            self.coming_back.insert(at, trace.now_ms + self.random.random_range(1..4000));
        }
    }
}
