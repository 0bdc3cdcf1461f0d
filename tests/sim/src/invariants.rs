//! Invariants between the nodes that must hold at every moment, whatever clients see.

use crate::node::Machine;
use crate::trace::Trace;
use adapter_raft::Applied;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The observations so far.
#[derive(Debug, Default)]
pub struct Invariants {
    /// The applied entry at each index, which must be the same on all nodes.
    applied: BTreeMap<u64, (Applied, usize)>,
    /// The life of the process in which each leadership was seen, by term and node. openraft orders
    /// leaderships by term and then by node, so a term may have several.
    leaders: BTreeMap<(u64, usize), u64>,
    /// The life, term and index at which each node was last seen.
    last: BTreeMap<usize, (u64, u64, u64)>,
}

impl Invariants {
    /// Checks all nodes.
    pub fn check(&mut self, machines: &[Arc<Machine>], trace: &mut Trace) {
        for machine in machines {
            let (answered, kept) = (machine.seen.answered_vote(), machine.disks.log.vote());
            // A wiped disk loses its votes; its node id never returns.
            if kept < answered && !machine.wiped.load(Ordering::Relaxed) {
                trace.violation(format_args!(
                    "{} has told a candidate that it stands by vote {answered:?}, and has {kept:?}",
                    machine.host()
                ));
            }
            let Some(node) = machine.node() else {
                continue;
            };
            let life = machine.disks.lives();
            let (applied, stats) = (node.applied(), node.stats());
            self.check_applied(machines, machine, applied, trace);
            if stats.leads() {
                self.check_leadership(machine, stats.term, life, trace);
            }
            let last = self.last.insert(machine.number, (life, stats.term, applied.index));
            if let Some((_, term, index)) = last.filter(|(then, ..)| *then == life)
                && (stats.term < term || applied.index < index)
            {
                trace.violation(format_args!(
                    "{} went back from term {term}, index {index} to term {}, index {}",
                    machine.host(),
                    stats.term,
                    applied.index
                ));
            }
        }
    }

    /// All nodes have applied the same entry at an index. An overtaken leader commits nothing more: by index,
    /// the leaderships of applied entries never decrease.
    ///
    /// The moment at which a node *claims* leadership proves nothing: its last vote may have been in flight
    /// for long, or its disk slow, while a node with a higher id won the same term (seed 5211). It can commit
    /// nothing, because a majority has accepted the later vote.
    fn check_applied(
        &mut self,
        machines: &[Arc<Machine>],
        machine: &Machine,
        applied: Applied,
        trace: &mut Trace,
    ) {
        let name = machine.host();
        if let Some((other, whose)) = self.applied.get(&applied.index) {
            if *other != applied {
                let whose = machines[*whose].host();
                trace.violation(format_args!("{name} has {applied:?} where {whose} had {other:?}"));
            }
            return;
        }
        let before = self.applied.range(..applied.index).next_back();
        let after = self.applied.range(applied.index..).next();
        for (other, whose) in [before, after].into_iter().flatten().map(|(_, seen)| *seen) {
            let (first, second) =
                if other.index < applied.index { (other, applied) } else { (applied, other) };
            if first.leader > second.leader {
                let whose = machines[whose].host();
                trace.violation(format_args!(
                    "a leader committed after it was overtaken: {name} has {applied:?}, {whose} had {other:?}"
                ));
            }
        }
        self.applied.insert(applied.index, (applied, machine.number));
    }

    /// A leadership belongs to one life of one process.
    fn check_leadership(&mut self, machine: &Machine, term: u64, life: u64, trace: &mut Trace) {
        let name = machine.host();
        match self.leaders.insert((term, machine.number), life) {
            None => trace.line(format_args!("{name} leads term {term}")),
            Some(then) if then != life => trace
                .violation(format_args!("{name} leads term {term} again, in life {life} as in life {then}")),
            Some(_) => {}
        }
    }

    /// The number of terms with a leader.
    pub fn terms(&self) -> usize {
        self.leaders.keys().map(|(term, _)| term).collect::<BTreeSet<_>>().len()
    }

    /// The state that all nodes have applied; `None` if they differ.
    pub fn agreed(machines: &[Arc<Machine>]) -> Option<Applied> {
        let mut all = machines.iter().map(|machine| machine.node().map(|node| node.applied()));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}
